"""What `GET /metrics` shows of webhooks."""

from django.db.models import Count, Q

from config.metrics.figures import Figure, Samples, count_of, register
from config.webhooks.models import WebhookDelivery, WebhookEndpoint


def pending() -> Samples:
    return {(): count_of(WebhookDelivery.objects.pending().values("endpoint"))}


def endpoints() -> Samples:
    is_failing = Q(is_active=True, failing_since__isnull=False)
    counts = WebhookEndpoint.objects.aggregate(
        active=Count("pk", Q(is_active=True) & ~is_failing),
        failing=Count("pk", is_failing),
        switched_off=Count("pk", Q(is_active=False)),
    )
    return {(state,): count for state, count in counts.items()}


register(Figure("tickets_webhook_deliveries_pending", "Deliveries to make, up to 100,000.", pending))
register(Figure("tickets_webhook_endpoints", "Endpoints: active, failing, switched_off.", endpoints, ("state",)))
