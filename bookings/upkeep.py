"""The worker's steps for bookings. Nothing depends on them: reads and bookings release due holds, too."""

from bookings.lifecycle.expire import cancel_all, release_due
from bookings.models import Booking
from config.outbox.worker import Step, register
from events.models import Event

MAX_RELEASED = 10_000  # holds in one run


def release_holds() -> int:
    return release_due(limit=MAX_RELEASED, skip_locked=True)


def complete_cancellations() -> int:
    """Of events whose cancellation was interrupted."""
    events = Event.objects.filter(pk__in=Booking.objects.of_cancelled_events().values("event"))
    return sum(cancel_all(event.pk, reason=event.cancel_reason, by="system") for event in events)


register(Step("release-holds", release_holds, every=5))
register(Step("complete-cancellations", complete_cancellations, every=60))
