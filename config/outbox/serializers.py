from typing import Any

from rest_framework import serializers

from config.api.fields import format_instant
from config.api.serializers import ModelSerializer, Serializer
from config.outbox.models import FeedChange


class ObjectSerializer(Serializer):
    type = serializers.CharField(help_text="venue, event, ticket_type, booking, ticket or payment.")
    id = serializers.CharField(help_text="As the API has it: a number, a UUID, or a ticket's code.")


class ChangeSerializer(ModelSerializer):
    """What happened to one object."""

    id = serializers.UUIDField(source="key", read_only=True)
    cursor = serializers.CharField(read_only=True, help_text="`?after=` continues after this change.")
    type = serializers.CharField(read_only=True, help_text="noun.participle, such as booking.confirmed.")
    object = ObjectSerializer(read_only=True)
    data = serializers.JSONField(  # type: ignore[assignment]
        read_only=True,
        help_text="The object as the API showed it at that time; null when it was deleted, or erased since.",
    )

    class Meta:
        model = FeedChange
        fields = ["id", "cursor", "type", "object", "data", "by", "created_at"]
        example = {
            "id": "5d1f6f0e-9c4b-4c5e-8a53-0b8f6c1f2d3a",
            "cursor": "1042",
            "type": "event.published",
            "object": {"type": "event", "id": "1"},
            "data": {"id": 1, "name": "Summer Concert", "status": "published"},
            "by": "manager",
            "created_at": "2026-11-23T09:05:00Z",
        }

    def to_representation(self, change: FeedChange) -> dict[str, Any]:
        """Written out, because lists are hot."""
        return {
            "id": str(change.key),
            "cursor": str(change.position),
            "type": change.type,
            "object": {"type": change.object_type, "id": change.object_id},
            "data": change.data,
            "by": change.by,
            "created_at": format_instant(change.created_at),
        }
