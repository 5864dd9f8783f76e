"""Confirmation, in time or late."""

from typing import Any

from django.db import transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Now

from bookings import models
from bookings.models.moving import LostRace, move, take_places
from bookings.models.placing import MOST_TRIES, Offer, refuse_over_limit
from bookings.problems import BookingCancelled, CustomerLimit, HoldExpired
from bookings.states import CONFIRM, CONFIRM_LATE, Status
from config.problems import InvalidInput
from events.models import Event


def confirm(booking: "models.Booking", *, payment_reference: str, by: Any) -> "models.Booking":
    for _ in range(MOST_TRIES):
        if confirm_in_time(booking, payment_reference, by):
            break
        booking.refresh_from_db()
        if booking.status == Status.CONFIRMED:
            note_payment(booking, payment_reference, by)
            break
        if booking.status == Status.CANCELLED:
            if refuse(booking, payment_reference, by):
                raise BookingCancelled("The booking was cancelled.")
        elif confirm_late(booking, payment_reference, by):
            break
        elif refuse(booking, payment_reference, by):
            raise HoldExpired("The hold ran out, and the places could not be had again.")
    booking.refresh_from_db()
    return booking


def reference(payment_reference: str) -> Any:
    """The reference as a value for an UPDATE: one that is stored already is never written over."""
    return Case(When(payment_reference="", then=Value(payment_reference)), default=F("payment_reference"))


def confirm_in_time(booking: "models.Booking", payment_reference: str, by: Any) -> bool:
    with transaction.atomic():
        is_confirmed = move(
            booking,
            CONFIRM,
            Q(expires_at__gt=Now()),
            by=by,
            note={"payment_reference": payment_reference},
            confirmed_at=Now(),
            payment_reference=reference(payment_reference),
        )
        if is_confirmed:
            issue_tickets(booking)
    return is_confirmed


def confirm_late(booking: "models.Booking", payment_reference: str, by: Any) -> bool:
    """Takes the places again, as somebody who comes now would; false when they cannot be had."""
    items = list(booking.items.all())
    for _ in range(MOST_TRIES):
        # By the edge from pending to expired: this booking's own places are given back first, like everybody's.
        booking.event.bookings.expire_overdue()
        try:
            offer = Offer.read([item.ticket_type_id for item in items])
        except InvalidInput:
            return False
        if not could_be_had(offer, items):
            return False
        try:
            with transaction.atomic():
                if not move(
                    booking,
                    CONFIRM_LATE,
                    by=by,
                    note={"payment_reference": payment_reference},
                    confirmed_at=Now(),
                    payment_reference=reference(payment_reference),
                    is_late=True,
                    refund_due=False,
                ):
                    return False
                places = {offer.types[item.ticket_type_id]: item.quantity for item in items}
                take_places(offer.event, places, is_sale=False)
                refuse_over_limit(booking, offer.event)
                issue_tickets(booking)
            return True
        except LostRace:
            continue
        except CustomerLimit:
            return False
    return False


def could_be_had(offer: Offer, items: "list[models.BookingItem]") -> bool:
    """Whether the places are free. Sales windows do not matter: this sale was made while they were open."""
    if offer.event.status != Event.Status.PUBLISHED or offer.event.ends_at <= offer.at:
        return False
    wanted = sum(item.quantity for item in items)
    return wanted <= offer.event_left and all(
        item.quantity <= offer.types[item.ticket_type_id].available for item in items
    )


def issue_tickets(booking: "models.Booking") -> None:
    tickets = [
        models.Ticket(booking=booking, ticket_type_id=item.ticket_type_id)
        for item in booking.items.all()
        for _ in range(item.quantity)
    ]
    models.Ticket.objects.bulk_create(tickets)


def refuse(booking: "models.Booking", payment_reference: str, by: Any) -> bool:
    """Keeps the reference of a payment that there are no places for; false when the booking has moved meanwhile."""
    if not payment_reference:
        return True
    with transaction.atomic():
        rows = models.Booking.objects.filter(pk=booking.pk, status__in=(Status.CANCELLED, Status.EXPIRED))
        if rows.update(payment_reference=reference(payment_reference), refund_due=True) != 1:
            return False
        booking.refresh_from_db(fields=["status"])
        models.BookingChange.entry(
            booking.pk, "refuse payment", booking.status, booking.status, by=by, payment_reference=payment_reference
        ).save()
    return True


def note_payment(booking: "models.Booking", payment_reference: str, by: Any) -> None:
    """A second confirmation changes nothing, but a payment that it speaks of is kept."""
    if not payment_reference or payment_reference == booking.payment_reference:
        return
    with transaction.atomic():
        rows = models.Booking.objects.filter(pk=booking.pk)
        rows.update(payment_reference=reference(payment_reference))
        models.BookingChange.entry(
            booking.pk, "note payment", booking.status, booking.status, by=by, payment_reference=payment_reference
        ).save()
