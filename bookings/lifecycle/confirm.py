"""Confirmation, in time or late."""

from typing import Any

from django.db import transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Now

from bookings import models
from bookings.lifecycle.issue import issue, new_tickets, reference
from bookings.lifecycle.place import MAX_TRIES, Offer, refuse_over_limit, refuse_sold_out
from bookings.lifecycle.refunds import NOTHING
from bookings.lifecycle.states import CONFIRM_LATE, Status
from bookings.lifecycle.transitions import LostRace, move, take_places
from bookings.problems import BookingCancelled, HoldExpired, NotOnSale, SoldOut
from config.problems import DomainError
from events.models import Event


def confirm(booking: "models.Booking", *, payment_reference: str, by: Any) -> "models.Booking":
    for _ in range(MAX_TRIES):
        # What has left the pending state never returns to it, so that an old copy can be believed there.
        if booking.status == Status.PENDING and issue(booking, payment_reference, by):
            return booking
        booking.refresh_from_db()
        if booking.status == Status.CONFIRMED:
            note_payment(booking, payment_reference, by)
            break
        if booking.status == Status.CANCELLED:
            if refuse(booking, payment_reference, by):
                raise BookingCancelled("The booking was cancelled.")
            continue
        try:
            if confirm_late(booking, payment_reference, by):
                break
        except DomainError as reason:
            if refuse(booking, payment_reference, by):
                raise expired_for(reason) from None
    booking.refresh_from_db()
    return booking


def expired_for(reason: DomainError) -> HoldExpired:
    """The refusal, with why the places could not be had again."""
    faults = [{name: value for name, value in fault.items() if name != "pointer"} for fault in reason.errors]
    detail = f"The hold ran out, and the places could not be had again: {reason.detail}"
    return HoldExpired(detail, errors=[{"pointer": "", **fault} for fault in faults], retry_after=reason.retry_after)


def confirm_late(booking: "models.Booking", payment_reference: str, by: Any) -> bool:
    """Takes the places again, as somebody who comes now would; false when somebody else has moved the booking.

    Raises NotOnSale, SoldOut or CustomerLimit: the places cannot be had.
    """
    lines = [models.Line(item.ticket_type_id, item.quantity) for item in booking.known("items")]
    for _ in range(MAX_TRIES):
        # By the edge from pending to expired: this booking's own places are given back first, like everybody's.
        booking.event.bookings.expire_overdue()
        offer = Offer.read([line.ticket_type for line in lines], booking.quantity)
        refuse_event(offer)
        refuse_sold_out(offer, lines)
        try:
            with transaction.atomic():
                if not move_late(booking, payment_reference, by):
                    return False
                places = {offer.types[line.ticket_type]: line.quantity for line in lines}
                take_places(offer.event, places, is_sale=False)
                refuse_over_limit(booking, offer.event, offer.at)
                models.Ticket.objects.bulk_create(new_tickets(booking, booking.known("items")))
            return True
        except LostRace:
            continue
    raise SoldOut("Others were faster, several times over.", retry_after=1)


def move_late(booking: "models.Booking", payment_reference: str, by: Any) -> bool:
    return move(
        booking,
        CONFIRM_LATE,
        by=by,
        note={"payment_reference": payment_reference},
        confirmed_at=Now(),
        payment_reference=reference(Value(payment_reference)),
        is_late=True,
        **NOTHING,
    )


def refuse_event(offer: Offer) -> None:
    """Raises NotOnSale. Sales windows do not matter: this sale was made while they were open."""
    reason = None
    if offer.event.status != Event.Status.PUBLISHED:
        reason = "cancelled"
    elif offer.event.ends_at <= offer.at:
        reason = "ended"
    if reason is not None:
        detail = f"“{offer.event.name}” is {'cancelled' if reason == 'cancelled' else 'over'}."
        raise NotOnSale(detail, errors=[{"code": NotOnSale.code, "detail": detail, "reason": reason}])


def refuse(booking: "models.Booking", payment_reference: str, by: Any) -> bool:
    """Keeps the reference of a payment that there are no places for, which makes all of it due for a refund; false when
    the booking has moved meanwhile. A payment that is known already is no other money: it may be paid back by now.
    """
    if not payment_reference:
        return True
    with transaction.atomic():
        rows = models.Booking.objects.filter(pk=booking.pk, status__in=(Status.CANCELLED, Status.EXPIRED))
        is_known = When(payment_reference=payment_reference, then=F("refund_due"))
        is_due = Case(is_known, When(total_price=0, then=Value(False)), default=Value(True))
        amount = Case(When(payment_reference=payment_reference, then=F("refund_amount")), default=F("total_price"))
        changes = {
            "payment_reference": reference(Value(payment_reference)),
            "refund_due": is_due,
            "refund_amount": amount,
        }
        if rows.update(**changes) != 1:
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
        rows.update(payment_reference=reference(Value(payment_reference)))
        models.BookingChange.entry(
            booking.pk, "note payment", booking.status, booking.status, by=by, payment_reference=payment_reference
        ).save()
