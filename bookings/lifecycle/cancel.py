"""The cancellation of one booking, whole or by ticket."""

from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from bookings import models
from bookings.lifecycle.amounts import net_tax
from bookings.lifecycle.states import CANCEL_CONFIRMED, CANCEL_PENDING, Status
from bookings.lifecycle.telling import tell_bookings
from bookings.lifecycle.transitions import HOLD_LASTS, give_back_places, move
from bookings.messages.kinds import Kind
from bookings.messages.queueing import queue, queue_all
from bookings.payments.balance import nothing_owed, some_cancelled
from bookings.problems import AlreadyCheckedIn, BookingNotConfirmed, BookingNotPending, HoldExpired
from config.database.clock import Now
from config.problems import InvalidInput
from config.values import money
from events.models import Event
from ticket_types.models import TicketType


def cancel(
    booking: "models.Booking", *, reason: str, by: Any, pending_only: bool, fee: Decimal = Decimal(0)
) -> "models.Booking":
    transitions = {CANCEL_PENDING: HOLD_LASTS} | ({} if pending_only else {CANCEL_CONFIRMED: Q()})
    with transaction.atomic() if fee else nullcontext():
        if fee:
            stored = models.Booking.objects.select_for_update(no_key=True).get(pk=booking.pk)
            refuse_fee(stored, stored.price_of_places, fee)
            del transitions[CANCEL_PENDING]
        is_cancelled = any(cancel_along(booking, it, where, reason, fee, by) for it, where in transitions.items())
    booking.refresh_from_db()
    if is_cancelled or booking.status == Status.CANCELLED:
        return booking
    if booking.status == Status.CONFIRMED:
        raise BookingNotPending("Cancelling a confirmed booking needs the permission to cancel.")
    raise HoldExpired("The hold has expired. Its places are already available again.")


def refuse_fee(booking: "models.Booking", price: Decimal, fee: Decimal) -> None:
    """Raises InvalidInput for a fee above the price of the places that are cancelled, or above what is still owed for
    places, and for what was never sold. What is cancelled already stays as it is.
    """
    most = min(price, booking.owed_for_places)
    if booking.status == Status.CANCELLED or (booking.status == Status.CONFIRMED and fee <= most):
        return
    if booking.status == Status.CONFIRMED:
        what = "the price of what is cancelled" if most == price else "what is still owed for places"
        detail = f"The fee must not exceed {what}, {money.plain(most, booking.currency)}."
    else:
        detail = "Only a confirmed booking is cancelled with a fee."
    raise InvalidInput(errors=[{"pointer": "/fee", "code": "invalid", "detail": detail}])


def cancel_along(booking: "models.Booking", transition: Any, where: Q, reason: str, fee: Decimal, by: Any) -> bool:
    with transaction.atomic():
        note = {"reason": reason, "fee": str(fee) if fee else None}
        changes = {"cancelled_at": Now(), "cancel_reason": reason, **nothing_owed(fee)}
        is_moved = move(booking, transition, where, by=by, note=note, **changes)
        if is_moved:
            void_tickets(booking)
            if transition == CANCEL_CONFIRMED:
                note_cancellations([booking.pk], fee)
                queue_all(Kind.CANCELLATION, models.Booking.objects.filter(pk=booking.pk))
            give_back_places([booking.pk])
            tell_bookings(transition.verb, booking.pk, by=by)
    return is_moved


def note_cancellations(booking_ids: list[Any], fee: Decimal = Decimal(0)) -> None:
    """Notes that sold bookings have lost all the places that they still had."""
    rows: Any = models.Booking.objects.filter(pk__in=booking_ids).with_net_price().annotate(net_tax=net_tax())
    models.Cancellation.objects.bulk_create(
        models.Cancellation(
            booking=it, at=Now(), is_whole=True, places=it.places, amount=it.net_price, tax=it.net_tax, fee=fee
        )
        for it in rows
    )


def tax_of(booking: "models.Booking") -> Any:
    """The tax that is contained in its places, as they are stored."""
    return models.Booking.objects.filter(pk=booking.pk).values_list(net_tax(), flat=True).get()


def void_tickets(booking: "models.Booking") -> None:
    """Raises AlreadyCheckedIn: the check-in of a ticket must be undone first."""
    tickets = models.Ticket.objects.filter(booking=booking)
    tickets.filter(status=models.Ticket.Status.VALID).update(status=models.Ticket.Status.VOID)
    if checked_in := tickets.filter(status=models.Ticket.Status.CHECKED_IN).first():
        raise AlreadyCheckedIn.of(checked_in)


def cancel_tickets(
    booking: "models.Booking", codes: Sequence[str], *, reason: str, by: Any, fee: Decimal = Decimal(0)
) -> "models.Booking":
    """Skips tickets that are void already. With the last valid one the whole booking is cancelled."""
    with transaction.atomic():
        # The lock keeps every other verb out. FOR NO KEY UPDATE, so that a check-in, which holds its ticket's row, can
        # still insert into the booking's history.
        stored = models.Booking.objects.select_for_update(no_key=True).get(pk=booking.pk)
        tickets = {ticket.code: ticket for ticket in stored.tickets.all()}
        refuse_unknown(tickets, codes)
        chosen = [tickets[code] for code in dict.fromkeys(codes)]
        if checked_in := next((it for it in chosen if it.status == models.Ticket.Status.CHECKED_IN), None):
            raise AlreadyCheckedIn.of(checked_in)
        valid = [ticket for ticket in chosen if ticket.status == models.Ticket.Status.VALID]
        if valid and len(valid) < stored.places:
            void_some(stored, valid, reason, fee, by)
    if valid and len(valid) == stored.places:
        return cancel(booking, reason=reason, by=by, pending_only=False, fee=fee)
    booking.refresh_from_db()
    return booking


def refuse_unknown(tickets: dict[str, Any], codes: Sequence[str]) -> None:
    if not tickets:
        raise BookingNotConfirmed("The booking has no tickets yet. Cancel the whole booking.")
    errors = [
        {"pointer": f"/tickets/{index}", "code": "does-not-exist", "detail": "The booking has no such ticket."}
        for index, code in enumerate(codes)
        if code not in tickets
    ]
    if errors:
        raise InvalidInput(errors=errors)


def void_some(booking: "models.Booking", tickets: "list[models.Ticket]", reason: str, fee: Decimal, by: Any) -> None:
    """The caller holds the lock on the booking. Raises AlreadyCheckedIn for a concurrent check-in."""
    rows = models.Ticket.objects.filter(pk__in=[it.pk for it in tickets])
    if rows.filter(status=models.Ticket.Status.VALID).update(status=models.Ticket.Status.VOID) != len(tickets):
        raise AlreadyCheckedIn.of(rows.get(status=models.Ticket.Status.CHECKED_IN))
    tax = tax_of(booking)
    quantities = sorted(Counter(ticket.ticket_type_id for ticket in tickets).items())
    items = {item.ticket_type_id: item for item in booking.items.all()}
    for ticket_type_id, number in quantities:
        item = models.BookingItem.objects.filter(pk=items[ticket_type_id].pk)
        item.update(cancelled_quantity=F("cancelled_quantity") + number)
    price = sum((items[ticket_type_id].price_with_fee * number for ticket_type_id, number in quantities), Decimal())
    if fee:
        refuse_fee(booking, price, fee)
    models.Booking.objects.filter(pk=booking.pk).update(
        **some_cancelled(price, fee),
        cancelled_quantity=F("cancelled_quantity") + len(tickets),
    )
    models.Cancellation.objects.create(
        booking=booking,
        at=Now(),
        is_whole=False,
        places=len(tickets),
        amount=price,
        tax=tax - tax_of(booking),
        fee=fee,
    )
    codes = [ticket.code for ticket in tickets]
    models.BookingChange.entry(
        booking.pk,
        "cancel tickets",
        booking.status,
        booking.status,
        by=by,
        reason=reason,
        tickets=codes,
        fee=str(fee) if fee else None,
    ).save()
    queue(Kind.PART_CANCELLED, booking)
    for ticket_type_id, number in quantities:
        TicketType.give_back(ticket_type_id, number)
    Event.give_back(booking.event_id, len(tickets))
    tell_bookings("cancel tickets", booking.pk, by=by)
