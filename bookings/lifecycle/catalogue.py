"""What the catalogue needs to know of bookings; `events.inventory.bookings` says what each function does."""

from bookings.lifecycle.expire import cancel_all, release_due
from bookings.messages.kinds import Kind
from bookings.messages.queueing import queue_of_event
from bookings.models import Booking, BookingItem

__all__ = ["cancel_all", "count", "release_due", "tell_moved"]


def tell_moved(event_id: int, was: str) -> None:
    queue_of_event(event_id, Kind.RESCHEDULED, {"was": was})


def count(**stock_id: int) -> int:
    ((stock, pk),) = stock_id.items()
    rows = {"event": Booking.objects.filter(event=pk), "ticket_type": BookingItem.objects.filter(ticket_type=pk)}
    return rows[stock].count()
