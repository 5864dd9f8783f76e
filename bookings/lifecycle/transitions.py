"""What all verbs share: a transition of one booking, and its places."""

from typing import Any

from django.db.models import F, Q, Sum

from bookings import models
from bookings.lifecycle.states import Transition
from config.database.clock import Now
from events.inventory import sales
from events.models import Event
from ticket_types.models import TicketType

MAX_TRIES = 10  # of a verb that loses races
HOLD_LASTS = Q(expires_at__gt=Now())  # by the database's clock


class LostRace(Exception):
    """What was read is stale. Raised inside a transaction, to roll it back; never leaves the domain."""


def move(
    booking: "models.Booking", transition: Transition, where: Q = Q(), *, by: Any, note: dict[str, Any], **changes: Any
) -> bool:
    """Moves a booking along a transition, with an entry in its history; False when it is no longer in the source state.

    One conditional UPDATE, whose row count decides between concurrent verbs. The caller owns the database transaction,
    and moves places only after this has returned True.
    """
    rows = models.Booking.objects.filter(where, pk=booking.pk, status=transition.source)
    if rows.update(status=transition.target, client_key="", **changes) != 1:
        return False
    models.BookingChange.entry(booking.pk, transition.verb, transition.source, transition.target, by=by, **note).save()
    return True


def take_places(event: Any, quantities: dict[int, int], *, is_sale: bool) -> None:
    """Takes the places of each ticket type and of the event, as it was offered.

    Raises LostRace when one of them has too few, or when what limits the sale has changed since.

    Ticket types by id, then the event: every verb locks in this order, which rules out deadlocks. The event is the row
    that all its bookings need, so it comes last and is locked for the shortest time.

    A sale also checks the sales windows, pauses and the bounds of one booking; a late confirmation met them when it
    was placed.
    """
    for ticket_type_id, places in sorted(quantities.items()):
        bounds = Q(min_per_booking__lte=places, max_per_booking__gte=places)
        conditions = (sales.in_sales_window(Now()), bounds) if is_sale else ()
        if not TicketType.take(ticket_type_id, places, *conditions):
            raise LostRace
    limits = {"currency": event.currency, "max_per_customer": event.max_per_customer}
    is_open = sales.is_open(Now()) if is_sale else sales.takes_place(Now())
    if not Event.take(event.id, sum(quantities.values()), is_open, **limits):
        raise LostRace


def give_back_places(booking_ids: list[Any]) -> None:
    """Returns the places of bookings that have just left a live state. Locks in the order of `take_places`."""
    total = Sum(F("quantity") - F("cancelled_quantity"))
    items = models.BookingItem.objects.filter(booking__in=booking_ids).order_by()
    for ticket_type_id, number in sorted(items.values_list("ticket_type").annotate(total=total)):
        TicketType.give_back(ticket_type_id, number)
    bookings = models.Booking.objects.filter(pk__in=booking_ids).order_by()
    for event_id, number in sorted(bookings.values_list("event").annotate(total=total)):
        Event.give_back(event_id, number)
