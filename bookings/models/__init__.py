from bookings.models.booking import Booking
from bookings.models.cancellation import Cancellation
from bookings.models.change import BookingChange
from bookings.models.item import BookingItem
from bookings.models.ticket import Ticket

__all__ = ["Booking", "BookingChange", "BookingItem", "Cancellation", "Ticket"]
