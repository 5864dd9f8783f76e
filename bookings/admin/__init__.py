"""The admins of bookings, items, tickets, payments and history, of events with their sales, and the dashboard."""

from bookings.admin import events, payments, tickets
from bookings.admin.bookings import BookingAdmin

__all__ = ["BookingAdmin", "events", "payments", "tickets"]
