from bookings.models.booking import Booking, BookingItem, IdempotencyKey, Line
from bookings.models.change import BookingChange
from bookings.models.ticket import Ticket

__all__ = ["Booking", "BookingChange", "BookingItem", "IdempotencyKey", "Line", "Ticket"]
