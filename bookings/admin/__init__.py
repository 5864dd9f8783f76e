"""The admins of bookings and what belongs to them, of events with their sales, and the dashboard."""

from bookings.admin import events, messages, payments, tickets
from bookings.admin.bookings import BookingAdmin

__all__ = ["BookingAdmin", "events", "messages", "payments", "tickets"]
