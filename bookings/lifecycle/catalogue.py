"""What the catalogue needs to know of bookings; `events.inventory.bookings` says what each function does."""

from bookings.lifecycle.expire import cancel_all, release_due
from bookings.messages.kinds import Kind
from bookings.messages.queueing import queue_of_event
from bookings.models import Booking, BookingItem

__all__ = ["cancel_all", "count", "release_due", "tell_moved", "tell_postponed"]


def tell_moved(event_id: int, was: str, reason: str = "") -> None:
    queue_of_event(event_id, Kind.RESCHEDULED, {"was": was, "reason": reason})


def tell_postponed(event_id: int, reason: str) -> None:
    queue_of_event(event_id, Kind.POSTPONED, {"reason": reason})


def count(**stock_id: int) -> int:
    ((stock, pk),) = stock_id.items()
    rows = {"event": Booking.objects.filter(event=pk), "ticket_type": BookingItem.objects.filter(ticket_type=pk)}
    return rows[stock].count()
