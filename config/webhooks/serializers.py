from typing import Any

from rest_framework import serializers

from config.access.permissions import may
from config.api.fields import LineField, ListField
from config.api.serializers import ModelSerializer, Serializer
from config.outbox.types import TYPES
from config.webhooks.models import WebhookDelivery, WebhookEndpoint
from config.webhooks.receiving import missing_permissions
from config.webhooks.signing import MAX_LENGTH, validate_secret

SECRET = "whsec_" + "Zb4" * 14 + "Zg=="
ENDPOINT = {
    "id": 1,
    "url": "https://shop.example.com/webhooks",
    "types": ["booking.confirmed", "booking.cancelled"],
    "description": "Web shop",
    "is_active": True,
    "disabled_reason": "",
    "last_success_at": "2026-11-23T12:00:00Z",
    "failing_since": None,
    "created_at": "2026-11-23T09:00:00Z",
    "updated_at": "2026-11-23T09:00:00Z",
}
DELIVERY = {
    "id": 1,
    "webhook_id": "0c9ab0c4-1f7c-4c8e-8d7e-1c2f3a4b5c6d",
    "endpoint": 1,
    "type": "booking.confirmed",
    "object_id": "5f0f6a1e-6c39-4a8c-9d55-0b7b0a4c2e11",
    "state": "pending",
    "attempts": 1,
    "next_attempt_at": "2026-11-23T12:00:16Z",
    "last_attempt_at": "2026-11-23T12:00:00Z",
    "status": 500,
    "duration_ms": 120,
    "response": "Internal Server Error",
    "error": "",
    "created_at": "2026-11-23T12:00:00Z",
}


class SecretField(LineField):
    default_validators = (validate_secret,)


def secret_field(**options: Any) -> SecretField:
    pattern = "whsec_ and 24 to 64 random bytes in base64"
    return SecretField(max_length=MAX_LENGTH, required=False, help_text=f"{pattern}; by default a new one.", **options)


class WebhookEndpointSerializer(ModelSerializer):
    types = ListField(
        child=serializers.ChoiceField(choices=sorted(TYPES)),
        max_length=len(TYPES),
        required=False,
        help_text="The types of changes to deliver. Empty: all, and those of later releases.",
    )

    class Meta:
        model = WebhookEndpoint
        fields = [
            "id",
            "url",
            "types",
            "description",
            "is_active",
            "disabled_reason",
            "last_success_at",
            "failing_since",
            "created_at",
            "updated_at",
        ]
        counted = ["last_success_at", "failing_since"]
        example = ENDPOINT
        extra_kwargs = {
            "is_active": {"help_text": "Changes while it is switched off are not delivered later."},
            "disabled_reason": {"help_text": "Why it was switched off by itself."},
            "failing_since": {"help_text": "The first failure since the last success."},
        }

    def validate_types(self, value: list[str]) -> list[str]:
        return list(dict.fromkeys(value))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The one who chooses where changes go must be permitted to see what they show."""
        types = attrs.get("types", getattr(self.instance, "types", []))
        if missing := missing_permissions(lambda name: may(self.context["request"], name), types):
            detail = f"You are not permitted to see what these types show. It needs {', '.join(missing)}."
            raise serializers.ValidationError({"types": serializers.ErrorDetail(detail, code="not-permitted")})
        return attrs


class NewWebhookEndpointSerializer(WebhookEndpointSerializer):
    """An endpoint with its secret. Only the answers that create the secret have it."""

    secret = secret_field()

    class Meta(WebhookEndpointSerializer.Meta):
        fields = [*WebhookEndpointSerializer.Meta.fields, "secret"]
        counted = [*WebhookEndpointSerializer.Meta.counted, "secret"]
        example = {**ENDPOINT, "last_success_at": None, "secret": SECRET}


class RotateSecretSerializer(Serializer):
    secret = secret_field()

    class Meta:
        example = {"secret": SECRET}


class WebhookDeliverySerializer(ModelSerializer):
    endpoint = serializers.IntegerField(source="endpoint_id", read_only=True)
    object_id = serializers.CharField(read_only=True, help_text="The id of the resource that changed.")

    class Meta:
        model = WebhookDelivery
        fields = list(DELIVERY)
        read_only_fields = fields
        example = DELIVERY
