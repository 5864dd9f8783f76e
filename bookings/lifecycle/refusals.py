"""Refusals with figures: how much was requested, is available, is held, and when the next hold ends."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection
from django.db.models import F, Min, Sum
from django.db.models.functions import Coalesce

from bookings import models
from bookings.lifecycle import sql
from bookings.lifecycle.offer import Offer, OfferedEvent
from bookings.lifecycle.states import Status
from bookings.lifecycle.transitions import HOLD_LASTS
from bookings.problems import CustomerLimit, SoldOut, TooManyPlaces, format_instant
from events.inventory import sales

if TYPE_CHECKING:
    from bookings.lifecycle.place import Line


def refuse_sold_out(offer: Offer, lines: "Sequence[Line]") -> None:
    """Raises SoldOut. Nothing is locked here; the claim decides about what passes."""
    errors = [
        shortage_of_line(offer, index, line)
        for index, line in enumerate(lines)
        if line.quantity > sales.available_of(offer.ticket_types[line.ticket_type], offer.event)
    ]
    quantity = sum(line.quantity for line in lines)
    if not errors and quantity <= offer.event.available:
        return
    errors = errors or [shortage_of_event(offer.event, quantity)]
    detail = f"{errors[0]['requested']} requested, {errors[0]['available']} available."
    raise SoldOut(detail, errors=list(map(with_text, errors)), retry_after=seconds_to_release(errors, offer.at))


def shortage_of_line(offer: Offer, index: int, line: "Line") -> dict[str, Any]:
    ticket_type = offer.ticket_types[line.ticket_type]
    available = sales.available_of(ticket_type, offer.event)
    is_own = ticket_type.capacity is not None and ticket_type.capacity - ticket_type.reserved < line.quantity
    return {
        "pointer": f"/items/{index}/quantity",
        "code": SoldOut.code,
        "detail": f"“{ticket_type.name}”: {line.quantity} requested, {available} available.",
        "requested": line.quantity,
        "available": available,
        # Holds of the ticket type end the shortage when its own quantity is short, otherwise all holds of the event.
        **held(offer.event.id, ticket_type.id if is_own else None),
    }


def shortage_of_event(event: OfferedEvent, quantity: int) -> dict[str, Any]:
    return {
        "pointer": "/items",
        "code": SoldOut.code,
        "detail": f"“{event.name}”: {quantity} requested, {event.available} available.",
        "requested": quantity,
        "available": event.available,
        **held(event.id),
    }


def held(event_id: int, ticket_type_id: int | None = None) -> dict[str, Any]:
    """What is held of an event, or of one of its ticket types, and when the first of these holds ends."""
    if connection.vendor == "postgresql":
        places, next_release_at = sql.held(event_id, ticket_type_id)
        return {"held": places, "next_release_at": next_release_at}
    items = models.BookingItem.objects.filter(booking__event=event_id, booking__status=Status.PENDING)
    if ticket_type_id is not None:
        items = items.filter(ticket_type=ticket_type_id)
    return items.aggregate(held=Coalesce(Sum("quantity"), 0), next_release_at=Min("booking__expires_at"))


def seconds_to_release(errors: list[dict[str, Any]], at: dt.datetime) -> int | None:
    """In how many seconds the first of the holds ends; None when there are none."""
    ends = [error["next_release_at"] for error in errors if error["next_release_at"] is not None]
    return max(int((min(ends) - at).total_seconds()) + 1, 1) if ends else None


def with_text(error: dict[str, Any]) -> dict[str, Any]:
    return {**error, "next_release_at": format_instant(error["next_release_at"])}


def refuse_over_limit(booking: "models.Booking", event: Any, at: dt.datetime) -> None:
    """Raises CustomerLimit.

    The booking is inserted and its places are taken, so the event's row is locked: the sum is exact however many
    requests run at once.
    """
    limit = event.max_per_customer
    if limit is None:
        return
    bookings = models.Booking.objects.live().filter(event=event.id, customer_key=booking.customer_key)
    others = bookings.exclude(pk=booking.pk)
    places = others.aggregate(places=Coalesce(Sum(F("quantity") - F("cancelled_quantity")), 0))["places"]
    if places + booking.places <= limit:
        return
    error = {
        "pointer": "/items",
        "code": CustomerLimit.code,
        "detail": f"A customer may have {limit} places of this event, and this one has {places}.",
        "requested": booking.places,
        "available": max(limit - places, 0),
        "max_per_customer": limit,
        **others.filter(status=Status.PENDING).aggregate(
            held=Coalesce(Sum("quantity"), 0), next_release_at=Min("expires_at")
        ),
    }
    raise CustomerLimit(str(error["detail"]), errors=[with_text(error)], retry_after=seconds_to_release([error], at))


def refuse_too_many_places(booking: "models.Booking") -> None:
    """Raises TooManyPlaces when the booking, which is not inserted, exceeds what its anonymous client may hold."""
    limit = settings.ANONYMOUS_PLACES_PER_CLIENT
    if not booking.client_key:
        return
    others = models.Booking.objects.pending().filter(HOLD_LASTS, client_key=booking.client_key)
    figures = others.aggregate(held=Coalesce(Sum("quantity"), 0), next_release_at=Min("expires_at"))
    if figures["held"] + booking.quantity <= limit:
        return
    error = {
        "pointer": "/items",
        "code": TooManyPlaces.code,
        "detail": f"{booking.quantity} requested, {figures['held']} held. Without a token, a client may hold {limit}.",
        "requested": booking.quantity,
        "limit": limit,
        **figures,
    }
    retry_after = seconds_to_release([error], booking.created_at)
    raise TooManyPlaces(str(error["detail"]), errors=[with_text(error)], retry_after=retry_after)
