"""What `GET /metrics` shows of payments."""

from bookings.payments.models import ProviderEvent
from config.metrics.figures import Figure, Samples, count_of, register


def unhandled() -> Samples:
    return {(): count_of(ProviderEvent.objects.filter(handled_at=None).order_by("received_at").values("received_at"))}


register(
    Figure("tickets_provider_events_unhandled", "Events of providers that are not handled, up to 100,000.", unhandled)
)
