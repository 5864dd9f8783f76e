"""Confirmation, in time or late."""

from typing import Any

from django.db import connection, transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Now

from bookings import models
from bookings.lifecycle import sql
from bookings.lifecycle.offer import Offer, look
from bookings.lifecycle.place import Line
from bookings.lifecycle.refunds import NO_REFUND
from bookings.lifecycle.refusals import refuse_over_limit, refuse_sold_out
from bookings.lifecycle.states import CONFIRM, CONFIRM_LATE, Status
from bookings.lifecycle.transitions import HOLD_LASTS, MAX_TRIES, LostRace, move, take_places
from bookings.problems import BookingCancelled, HoldExpired, NotOnSale, SoldOut
from config.problems import DomainError
from events.inventory import release_due, sales


def confirm(booking: "models.Booking", *, payment_reference: str, by: Any, in_time_only: bool) -> "models.Booking":
    for _ in range(MAX_TRIES):
        # A booking never returns to the pending state, so a stale copy is good enough for this question.
        if booking.status == Status.PENDING and confirm_in_time(booking, payment_reference, by):
            return booking
        booking.refresh_from_db()
        if booking.status == Status.CONFIRMED:
            note_payment(booking, payment_reference, by)
            break
        if booking.status == Status.CANCELLED:
            if keep_refused_payment(booking, payment_reference, by):
                raise BookingCancelled("The booking was cancelled.")
            continue
        if in_time_only:
            raise HoldExpired("The hold has expired. Book again, or ask staff to confirm the booking.")
        try:
            if confirm_late(booking, payment_reference, by):
                break
        except DomainError as reason:
            if keep_refused_payment(booking, payment_reference, by):
                raise hold_expired(reason) from None
    booking.refresh_from_db()
    return booking


def hold_expired(reason: DomainError) -> HoldExpired:
    errors = [{name: value for name, value in error.items() if name != "pointer"} for error in reason.errors]
    detail = f"The hold has expired, and its places could not be reserved again: {reason.detail}"
    return HoldExpired(detail, errors=[{"pointer": "", **error} for error in errors], retry_after=reason.retry_after)


def confirm_in_time(booking: "models.Booking", payment_reference: str, by: Any) -> bool:
    """Confirms a pending booking whose hold is not due, and issues its tickets; False when it is not one (any more).

    Afterwards the booking has the stored values, its items and its tickets.
    """
    items = booking.item_list
    tickets = new_tickets(booking, items)
    write = confirm_at_once if connection.vendor == "postgresql" else confirm_in_steps
    if not write(booking, payment_reference, tickets, by):
        return False
    booking.item_list, booking.ticket_list = items, tickets
    return True


def confirm_at_once(booking: "models.Booking", payment_reference: str, tickets: "list[models.Ticket]", by: Any) -> bool:
    note = {"payment_reference": payment_reference}
    change = models.BookingChange.entry(booking.pk, CONFIRM.verb, CONFIRM.source, CONFIRM.target, by=by, **note)
    ids = sql.confirm(booking, payment_reference, tickets, change)
    if ids is None:
        return False
    at: Any = booking.confirmed_at
    for ticket, pk in zip(tickets, ids, strict=True):
        ticket.pk, ticket.created_at = pk, at
        ticket._state.adding = False
    return True


def confirm_in_steps(
    booking: "models.Booking", payment_reference: str, tickets: "list[models.Ticket]", by: Any
) -> bool:
    with transaction.atomic():
        is_moved = move(
            booking,
            CONFIRM,
            HOLD_LASTS,
            by=by,
            note={"payment_reference": payment_reference},
            confirmed_at=Now(),
            payment_reference=stored_or(payment_reference),
        )
        if is_moved:
            booking.refresh_from_db()
            models.Ticket.objects.bulk_create(tickets)
    return is_moved


def new_tickets(booking: "models.Booking", items: "list[models.BookingItem]") -> "list[models.Ticket]":
    """One unsaved ticket for each place."""
    return [
        models.Ticket(booking=booking, ticket_type_id=item.ticket_type_id)
        for item in items
        for _ in range(item.quantity)
    ]


def stored_or(payment_reference: str) -> Case:
    """The reference for an UPDATE; one that is stored already stays."""
    return Case(When(payment_reference="", then=Value(payment_reference)), default=F("payment_reference"))


def confirm_late(booking: "models.Booking", payment_reference: str, by: Any) -> bool:
    """Takes the places again, as a new booking would; False when another verb has moved the booking.

    Raises NotOnSale, SoldOut or CustomerLimit when the places cannot be had.
    """
    lines = [Line(item.ticket_type_id, item.quantity) for item in booking.item_list]
    for _ in range(MAX_TRIES):
        release_due(booking.event_id, wait=True)  # this booking's own places among them
        offer = look([line.ticket_type for line in lines])
        refuse_event(offer)
        refuse_sold_out(offer, lines)
        try:
            with transaction.atomic():
                if not move_late(booking, payment_reference, by):
                    return False
                quantities = {line.ticket_type: line.quantity for line in lines}
                take_places(offer.event, quantities, is_sale=False)
                refuse_over_limit(booking, offer.event, offer.at)
                models.Ticket.objects.bulk_create(new_tickets(booking, booking.item_list))
            return True
        except LostRace:
            continue
    raise SoldOut("Could not reserve places because of high demand. Please retry.", retry_after=1)


def move_late(booking: "models.Booking", payment_reference: str, by: Any) -> bool:
    return move(
        booking,
        CONFIRM_LATE,
        by=by,
        note={"payment_reference": payment_reference},
        confirmed_at=Now(),
        payment_reference=stored_or(payment_reference),
        is_late=True,
        **NO_REFUND,
    )


def refuse_event(offer: Offer) -> None:
    """Raises NotOnSale. Sales windows do not matter: the booking was placed while they were open."""
    if offer.event.status == sales.PUBLISHED and offer.event.ends_at > offer.at:
        return
    reason, words = ("cancelled", "cancelled") if offer.event.status != sales.PUBLISHED else ("ended", "over")
    detail = f"“{offer.event.name}” is {words}."
    raise NotOnSale(detail, errors=[{"code": NotOnSale.code, "detail": detail, "reason": reason}])


def keep_refused_payment(booking: "models.Booking", payment_reference: str, by: Any) -> bool:
    """Stores the reference of a payment without places, and marks all of it for refund.

    False when another verb has moved the booking. A payment that is known already is not counted again: it may have
    been refunded.
    """
    if not payment_reference:
        return True
    is_known = {"payment_reference": payment_reference}
    changes = {
        "payment_reference": stored_or(payment_reference),
        "refund_due": Case(
            When(**is_known, then=F("refund_due")), When(total_price=0, then=Value(False)), default=Value(True)
        ),
        "refund_amount": Case(When(**is_known, then=F("refund_amount")), default=F("total_price")),
    }
    with transaction.atomic():
        rows = models.Booking.objects.filter(pk=booking.pk, status__in=(Status.CANCELLED, Status.EXPIRED))
        if rows.update(**changes) != 1:
            return False
        booking.refresh_from_db(fields=["status"])
        add_note(booking, "refuse payment", payment_reference, by)
    return True


def note_payment(booking: "models.Booking", payment_reference: str, by: Any) -> None:
    """Stores the payment reference of a repeated confirmation, which changes nothing else."""
    if not payment_reference or payment_reference == booking.payment_reference:
        return
    with transaction.atomic():
        rows = models.Booking.objects.filter(pk=booking.pk)
        rows.update(payment_reference=stored_or(payment_reference))
        add_note(booking, "note payment", payment_reference, by)


def add_note(booking: "models.Booking", verb: str, payment_reference: str, by: Any) -> None:
    models.BookingChange.entry(
        booking.pk, verb, booking.status, booking.status, by=by, payment_reference=payment_reference
    ).save()
