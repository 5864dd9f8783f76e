"""The one step that all verbs share: along an edge, or not at all."""

from typing import Any

from django.db.models import F, Q, Sum
from django.db.models.functions import Now

from bookings import models
from bookings.lifecycle.states import Edge
from events.models import Event
from ticket_types.models import TicketType, sales_window


class LostRace(Exception):
    """What was read no longer stands. Raised inside a transaction, to roll it back; never leaves the domain."""


def move(
    booking: "models.Booking", edge: Edge, where: Q = Q(), *, by: Any, note: dict[str, Any], **changes: Any
) -> bool:
    """Moves a booking along an edge, with an entry in its history; false when it is not (any more) where that starts.

    The other party is whoever moves the same booking at the same moment: one conditional UPDATE, whose row count says
    who was first. The caller owns the transaction, and moves places only after this has answered true.
    """
    rows = models.Booking.objects.filter(where, pk=booking.pk, status=edge.source)
    if rows.update(status=edge.target, **changes) != 1:
        return False
    models.BookingChange.entry(booking.pk, edge.verb, edge.source, edge.target, by=by, **note).save()
    return True


def take_places(event: Event, types: dict[TicketType, int], *, is_sale: bool) -> None:
    """Takes places of each ticket type and of the event. Raises LostRace when one of them has too few.

    `statements.claim` does the same for a new booking, together with its rows.

    Ticket types in the order of their ids, then the event: everybody locks in this order, so nobody waits in a circle.
    The event is the row that all its bookings want, so it comes last and is locked for the shortest time.

    Everything that limits a booking is part of these statements: what was read before may be out of date by now. A sale
    also keeps to the sales windows and to the bounds of one booking; a late confirmation kept to them when it was made.
    A price that changes at this moment limits nothing: then the booking came before the change.
    """
    for ticket_type, places in sorted(types.items(), key=lambda pair: pair[0].pk):
        if not ticket_type.take(places, *(sale_conditions(places) if is_sale else ())):
            raise LostRace
    if not event.take(sum(types.values()), **event_conditions(event.currency)):
        raise LostRace


def sale_conditions(places: Any) -> tuple[Q, ...]:
    return sales_window(Now()), Q(min_per_booking__lte=places, max_per_booking__gte=places)


def event_conditions(currency: Any) -> dict[str, Any]:
    return {"status": Event.Status.PUBLISHED, "currency": currency, "ends_at__gt": Now()}


def give_back_places(booking_ids: list[Any]) -> None:
    """Returns the places of bookings that have just been moved out of a live state. Same order as `take_places`."""
    left = Sum(F("quantity") - F("cancelled_quantity"))
    items = models.BookingItem.objects.filter(booking__in=booking_ids).order_by()
    by_type = items.values_list("ticket_type").annotate(places=left)
    for ticket_type, places in sorted(by_type):
        TicketType.give_back(ticket_type, places)
    bookings = models.Booking.objects.filter(pk__in=booking_ids).order_by()
    by_event = bookings.values_list("event").annotate(places=left)  # type: ignore[no-redef]
    for event, places in sorted(by_event):
        Event.give_back(event, places)
