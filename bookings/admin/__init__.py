"""The box office: bookings and what belongs to them, what was sold of events, and the front page."""

from bookings.admin import events, tickets
from bookings.admin.bookings import BookingAdmin

__all__ = ["BookingAdmin", "events", "tickets"]
