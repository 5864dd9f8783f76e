from typing import Any

from config.api.fields import format_instant
from config.api.serializers import ModelSerializer
from venues.models import LARGEST, Venue


class VenueSerializer(ModelSerializer):
    class Meta:
        model = Venue
        fields = ["id", "name", "address", "capacity", "timezone", "created_at", "updated_at"]
        example = {
            "id": 1,
            "name": "Old Hall",
            "address": "1 Main Street, 1010 Vienna",
            "capacity": 500,
            "timezone": "Europe/Vienna",
            "created_at": "2026-11-23T09:00:00Z",
            "updated_at": "2026-11-23T09:00:00Z",
        }
        extra_kwargs = {"capacity": {"min_value": 1, "max_value": LARGEST}}

    def to_representation(self, venue: Venue) -> dict[str, Any]:
        """Written out, because lists are hot."""
        return {
            "id": venue.pk,
            "name": venue.name,
            "address": venue.address,
            "capacity": venue.capacity,
            "timezone": venue.timezone,
            "created_at": format_instant(venue.created_at),
            "updated_at": format_instant(venue.updated_at),
        }
