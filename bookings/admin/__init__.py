"""The admins of bookings, items, tickets and history, of events with their sales, and the dashboard."""

from bookings.admin import events, tickets
from bookings.admin.bookings import BookingAdmin

__all__ = ["BookingAdmin", "events", "tickets"]
