"""What is sent: a change as GET /changes shows it."""

from typing import Any

from rest_framework.renderers import JSONRenderer

from config.api.fields import format_instant
from config.outbox.serializers import ChangeSerializer
from config.webhooks.models import WebhookDelivery, WebhookEndpoint
from config.webhooks.serializers import WebhookEndpointSerializer


def body_of(endpoint: WebhookEndpoint, delivery: WebhookDelivery) -> bytes:
    change = delivery.change
    return JSONRenderer().render(
        test_data(endpoint, delivery) if change is None else ChangeSerializer().to_representation(change)
    )


def test_data(endpoint: WebhookEndpoint, delivery: WebhookDelivery) -> dict[str, Any]:
    """A change that is in no feed, so that it has no cursor."""
    return {
        "id": str(delivery.webhook_id),
        "cursor": None,
        "type": delivery.type,
        "object": {"type": "webhook_endpoint", "id": str(endpoint.pk)},
        "data": WebhookEndpointSerializer().to_representation(endpoint),
        "by": "system",
        "created_at": format_instant(delivery.created_at),
    }
