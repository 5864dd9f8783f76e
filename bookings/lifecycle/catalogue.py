"""What the catalogue needs to know of bookings; `events.inventory.bookings` says what each function does."""

from bookings.lifecycle.expire import cancel_all, release_due
from bookings.models import Booking, BookingItem

__all__ = ["cancel_all", "count", "release_due"]


def count(**stock_id: int) -> int:
    ((stock, pk),) = stock_id.items()
    rows = {"event": Booking.objects.filter(event=pk), "ticket_type": BookingItem.objects.filter(ticket_type=pk)}
    return rows[stock].count()
