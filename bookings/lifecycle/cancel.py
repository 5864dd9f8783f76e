"""Every way in which places come back."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Now

from bookings import models
from bookings.lifecycle.refunds import MONEY, mark_cancelled
from bookings.lifecycle.states import CANCEL_CONFIRMED, CANCEL_PENDING, EXPIRE, LIVE, Status
from bookings.lifecycle.transitions import give_back_places, move
from bookings.problems import AlreadyCheckedIn, BookingNotConfirmed, BookingNotPending, HoldExpired
from config.problems import InvalidInput
from events.models import Event
from ticket_types.models import TicketType

BATCH = 500  # bookings in one transaction: some tens of milliseconds of locks


def cancel(booking: "models.Booking", *, reason: str, by: Any, pending_only: bool) -> "models.Booking":
    edges = {CANCEL_PENDING: Q(expires_at__gt=Now())} | ({} if pending_only else {CANCEL_CONFIRMED: Q()})
    is_cancelled = any(cancel_along(booking, edge, where, reason, by) for edge, where in edges.items())
    booking.refresh_from_db()
    if is_cancelled or booking.status == Status.CANCELLED:
        return booking
    if booking.status == Status.CONFIRMED:
        raise BookingNotPending("Cancelling a confirmed booking needs the permission to cancel.")
    raise HoldExpired("The hold has run out, and its places are free already.")


def cancel_along(booking: "models.Booking", edge: Any, where: Q, reason: str, by: Any) -> bool:
    with transaction.atomic():
        is_mine = move(
            booking,
            edge,
            where,
            by=by,
            note={"reason": reason},
            cancelled_at=Now(),
            cancel_reason=reason,
        )
        if is_mine:
            void_tickets(booking)
            mark_cancelled([booking.pk])
            give_back_places([booking.pk])
    return is_mine


def void_tickets(booking: "models.Booking") -> None:
    """Raises AlreadyCheckedIn: somebody is inside on one of them, and a ticket's check-in must be undone first."""
    tickets = models.Ticket.objects.filter(booking=booking)
    tickets.filter(status=models.Ticket.Status.VALID).update(status=models.Ticket.Status.VOID)
    if inside := tickets.filter(status=models.Ticket.Status.CHECKED_IN).first():
        raise AlreadyCheckedIn.of(inside)


def cancel_tickets(booking: "models.Booking", codes: Sequence[str], *, reason: str, by: Any) -> "models.Booking":
    """Those that are void already are passed over. With the last valid one the booking is cancelled whole."""
    with transaction.atomic():
        # Its row's lock keeps every other verb out; a whole cancellation takes the same lock by its edge. No more than
        # that: a check-in, which holds its ticket's row, must still be able to write into the booking's history.
        stored = models.Booking.objects.select_for_update(no_key=True).get(pk=booking.pk)
        tickets = {ticket.code: ticket for ticket in stored.tickets.all()}
        refuse_foreign(stored, tickets, codes)
        chosen = [tickets[code] for code in dict.fromkeys(codes)]
        if inside := next((t for t in chosen if t.status == models.Ticket.Status.CHECKED_IN), None):
            raise AlreadyCheckedIn.of(inside)
        valid = [ticket for ticket in chosen if ticket.status == models.Ticket.Status.VALID]
        if valid and len(valid) < stored.places:
            void_some(stored, valid, reason, by)
    if valid and len(valid) == stored.places:
        return cancel(booking, reason=reason, by=by, pending_only=False)
    booking.refresh_from_db()
    return booking


def refuse_foreign(booking: "models.Booking", tickets: dict[str, Any], codes: Sequence[str]) -> None:
    if not tickets:
        raise BookingNotConfirmed("The booking has no tickets yet; it can be cancelled whole.")
    faults = [
        {"pointer": f"/tickets/{index}", "code": "does-not-exist", "detail": "The booking has no such ticket."}
        for index, code in enumerate(codes)
        if code not in tickets
    ]
    if faults:
        raise InvalidInput(errors=faults)


def void_some(booking: "models.Booking", tickets: "list[models.Ticket]", reason: str, by: Any) -> None:
    """The caller holds the lock on the booking. A ticket that is let in at this moment stops the whole."""
    rows = models.Ticket.objects.filter(pk__in=[t.pk for t in tickets], status=models.Ticket.Status.VALID)
    if rows.update(status=models.Ticket.Status.VOID) != len(tickets):
        inside = models.Ticket.objects.filter(pk__in=[t.pk for t in tickets])
        raise AlreadyCheckedIn.of(inside.get(status=models.Ticket.Status.CHECKED_IN))
    counts: dict[int, int] = {}
    for ticket in tickets:
        counts[ticket.ticket_type_id] = counts.get(ticket.ticket_type_id, 0) + 1
    for ticket_type, places in counts.items():
        items = models.BookingItem.objects.filter(booking=booking, ticket_type=ticket_type)
        items.update(cancelled_quantity=F("cancelled_quantity") + places)
    prices = {item.ticket_type_id: item.unit_price for item in booking.items.all()}
    cost = sum(prices[ticket_type] * places for ticket_type, places in counts.items())
    is_paid = bool(booking.payment_reference and cost)
    refund = {"refund_due": True, "refund_amount": F("refund_amount") + Value(cost, MONEY)} if is_paid else {}
    models.Booking.objects.filter(pk=booking.pk).update(
        cancelled_quantity=F("cancelled_quantity") + len(tickets), **refund
    )
    codes = [ticket.code for ticket in tickets]
    models.BookingChange.entry(
        booking.pk, "cancel tickets", booking.status, booking.status, by=by, reason=reason, tickets=codes
    ).save()
    for ticket_type, places in sorted(counts.items()):
        TicketType.give_back(ticket_type, places)
    Event.give_back(booking.event_id, len(tickets))


def expire_overdue(bookings: Any, *, skip_locked: bool) -> int:
    overdue = bookings.overdue(Now())
    changes = {"status": EXPIRE.target}
    return in_batches(overdue, changes, EXPIRE.verb, by="system", reason="", skip_locked=skip_locked)


def cancel_live(bookings: Any, *, reason: str, by: Any) -> int:
    expire_overdue(bookings, skip_locked=False)
    live = bookings.filter(status__in=LIVE)
    changes = {
        "status": Status.CANCELLED,
        "cancelled_at": Now(),
        "cancel_reason": reason,
    }
    return in_batches(live, changes, CANCEL_PENDING.verb, by=by, reason=reason, skip_locked=False)


def in_batches(rows: Any, changes: dict[str, Any], verb: str, **how: Any) -> int:
    total = 0
    while moved := release_batch(rows, changes, verb, **how):
        total += moved
    return total


def release_batch(rows: Any, changes: dict[str, Any], verb: str, *, by: Any, reason: str, skip_locked: bool) -> int:
    """Moves up to BATCH bookings out of their live states, in one transaction; returns how many.

    The rows are locked in the order of their ids, which keeps two sweepers from waiting for each other in a circle.
    What the lock finds is what the condition still holds for: PostgreSQL looks again after waiting, and SQLite lets
    nobody else write.
    """
    with transaction.atomic():
        locked = rows.order_by("pk").select_for_update(no_key=True, skip_locked=skip_locked)
        found = dict(locked.values_list("pk", "status")[:BATCH])
        if not found:
            return 0
        ids = list(found)
        models.Booking.objects.filter(pk__in=ids, status__in=LIVE).update(**changes)
        if changes["status"] == Status.CANCELLED:
            mark_cancelled(ids)
        entries = [
            models.BookingChange.entry(pk, verb, source, changes["status"], by=by, reason=reason)
            for pk, source in found.items()
        ]
        models.BookingChange.objects.bulk_create(entries)
        unused = models.Ticket.objects.filter(booking__in=ids).exclude(status=models.Ticket.Status.VOID)
        unused.update(status=models.Ticket.Status.VOID)
        give_back_places(ids)
    return len(ids)
