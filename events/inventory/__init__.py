"""Stocks of places: taking and giving back, releasing due holds, and what can be sold."""

from events.inventory.bookings import (
    cancel_bookings,
    count_bookings,
    register_bookings,
    release_due,
    tell_moved,
    tell_postponed,
)
from events.inventory.stock import CapacityBelowReserved, CounterField, Stock

__all__ = [
    "CapacityBelowReserved",
    "CounterField",
    "Stock",
    "cancel_bookings",
    "count_bookings",
    "register_bookings",
    "release_due",
    "tell_moved",
    "tell_postponed",
]
