"""One booking by its id, with all that the API shows of it, by statements that are compiled once."""

import uuid
from typing import Any

from django.db.models import UUIDField

from bookings import models
from bookings.lifecycle.states import Status
from config.statements import Parameter, Statement

ID = Parameter("id", UUIDField())
BOOKING: Statement[Any] = Statement(lambda: models.Booking.objects.filter(pk=ID))
ITEMS: Statement[Any] = Statement(lambda: models.BookingItem.objects.filter(booking=ID))
TICKETS: Statement[Any] = Statement(lambda: models.Ticket.objects.filter(booking=ID))


def find(pk: uuid.UUID) -> "models.Booking | None":
    found = BOOKING.objects(id=pk)
    if not found:
        return None
    booking: models.Booking = found[0]
    items = ITEMS.objects(id=pk)
    # Tickets come with the confirmation, and what has left the pending state never returns to it.
    tickets = [] if booking.status == Status.PENDING else TICKETS.objects(id=pk)
    for row in (*items, *tickets):
        row.booking = booking
    booking.remember(items=items, tickets=tickets)
    return booking
