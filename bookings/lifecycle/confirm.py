"""Confirmation, in time or late."""

from contextlib import suppress
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from bookings import models
from bookings.lifecycle import sql
from bookings.lifecycle.offer import Offer, look
from bookings.lifecycle.place import Line
from bookings.lifecycle.refusals import refuse_over_limit, refuse_sold_out
from bookings.lifecycle.states import CONFIRM, CONFIRM_LATE, Status
from bookings.lifecycle.telling import tell_bookings
from bookings.lifecycle.transitions import HOLD_LASTS, MAX_TRIES, LostRace, move, take_places
from bookings.messages.kinds import Kind
from bookings.messages.queueing import queue
from bookings.payments.balance import ZERO, with_balance
from bookings.payments.ledger import Receipt, find, record, refuse_refunded
from bookings.problems import BookingCancelled, CustomerLimit, HoldExpired, NotOnSale, PaymentIncomplete, SoldOut
from bookings.search import keys_of
from config.database.clock import Now
from config.database.constraints import violated_constraint
from config.outbox.telling import change_of, tell, write
from config.problems import DomainError
from config.values import money
from events.inventory import release_due, sales

REFERENCE_CONSTRAINT = "payment_reference_is_unique_for_its_provider"


def confirm(
    booking: "models.Booking", receipt: Receipt, *, may_be_unpaid: bool, by: Any, in_time_only: bool = False
) -> "models.Booking":
    """See `Booking.confirm`. The payment and the outcome are one transaction."""
    for _ in range(MAX_TRIES):
        with suppress(LostRace):
            # A booking never returns to the pending state, so a stale copy is good enough for this question.
            if booking.status == Status.PENDING and confirm_in_time(booking, receipt, may_be_unpaid, by):
                return booking
            booking.refresh_from_db()
            if booking.status == Status.CONFIRMED:
                note_payment(booking, "note payment", receipt, by)
            elif booking.status == Status.CANCELLED:
                verb = "note payment" if booking.amount_due else "refuse payment"
                note_payment(booking, verb, receipt, by)
                booking.refresh_from_db()
                raise was_cancelled(booking, receipt)
            elif in_time_only:
                raise HoldExpired("The hold has expired. Book again, or ask staff to confirm the booking.")
            else:
                confirm_late_or_refuse(booking, receipt, may_be_unpaid, by)
            break
    else:
        note_payment(booking, "refuse payment", receipt, by)
        raise hold_expired(SoldOut("Could not reserve places because of high demand. Please retry.", retry_after=1))
    booking.refresh_from_db()
    return booking


def was_cancelled(booking: "models.Booking", receipt: Receipt) -> BookingCancelled:
    """With what became of the payment: it may have paid the cancellation fee."""
    detail = "The booking was cancelled."
    if receipt.is_empty:
        return BookingCancelled(detail)
    due, back = (money.plain(it, booking.currency) for it in (booking.amount_due, booking.refund_amount))
    is_recorded = receipt.payment is not None or find(receipt) is not None
    figures = {"payment_recorded": is_recorded, "amount_due": due, "refund_amount": back}
    return BookingCancelled(
        detail, errors=[{"pointer": "", "code": BookingCancelled.code, "detail": detail, **figures}]
    )


def hold_expired(reason: DomainError) -> HoldExpired:
    errors = [{name: value for name, value in error.items() if name != "pointer"} for error in reason.errors]
    detail = f"The hold has expired, and its places could not be reserved again: {reason.detail}"
    return HoldExpired(detail, errors=[{"pointer": "", **error} for error in errors], retry_after=reason.retry_after)


def confirm_in_time(booking: "models.Booking", receipt: Receipt, may_be_unpaid: bool, by: Any) -> bool:
    """Confirms a pending booking whose hold is not due, and issues its tickets; False when it is not one (any more).

    Afterwards the booking has the stored values, its items and its tickets. Raises PaymentIncomplete, with the payment
    recorded; PaymentRefunded and PaymentReferenceUsed.
    """
    items = booking.item_list
    tickets = new_tickets(booking, items)
    is_simple = not booking.amount_paid and receipt.payment is None and not (receipt.reference and booking.is_free)
    is_simple = is_simple and connection.vendor == "postgresql"
    if not (is_simple and confirm_at_once(booking, receipt, tickets, may_be_unpaid, by)) and not confirm_in_steps(
        booking, receipt, tickets, may_be_unpaid, by
    ):
        return False
    for item in items:
        item.attendees = []
    booking.item_list, booking.ticket_list = items, tickets
    return True


def confirm_at_once(
    booking: "models.Booking", receipt: Receipt, tickets: "list[models.Ticket]", may_be_unpaid: bool, by: Any
) -> bool:
    """The common case in one statement; False when the booking or its payment is not that simple."""
    change = models.BookingChange.entry(booking.pk, CONFIRM.verb, CONFIRM.source, CONFIRM.target, by=by, **receipt.note)
    try:
        with transaction.atomic():
            confirmed = sql.confirm(booking, receipt, tickets, change, may_be_unpaid)
            if confirmed is None:
                return False
            set_stored(tickets, confirmed.ticket_ids, booking.confirmed_at)
            tell_confirmed(booking, tickets, confirmed.payment_id, by)
    except IntegrityError as error:
        constraint = violated_constraint(error)
        if constraint is None or constraint.name != REFERENCE_CONSTRAINT:
            raise
        return False  # the payment is known
    return True


def set_stored(tickets: "list[models.Ticket]", ids: list[int], at: Any) -> None:
    for ticket, pk in zip(tickets, ids, strict=True):
        ticket.pk, ticket.created_at, ticket.updated_at = pk, at, at
        ticket._state.adding = False


def tell_confirmed(booking: "models.Booking", tickets: "list[models.Ticket]", payment_id: int | None, by: Any) -> None:
    """Without reading the booking again."""
    if payment_id is not None:
        tell("payment.succeeded", payment_id, by=by)
    booking.ticket_list = tickets
    write([change_of("booking.confirmed", booking, by=by, at=booking.confirmed_at)])


def confirm_in_steps(
    booking: "models.Booking", receipt: Receipt, tickets: "list[models.Ticket]", may_be_unpaid: bool, by: Any
) -> bool:
    is_paid = Q() if may_be_unpaid else Q(amount_due=0)
    with transaction.atomic():
        is_new = record(booking, receipt, by=by)
        if receipt.reference:
            refuse_refunded(models.Booking.objects.get(pk=booking.pk), receipt)
        if move(booking, CONFIRM, HOLD_LASTS & is_paid, by=by, note=receipt.note, confirmed_at=Now()):
            booking.refresh_from_db()
            issue(booking, tickets)
            tell_bookings(CONFIRM.verb, booking.pk, by=by)
            queue(Kind.CONFIRMATION, booking)
            return True
        is_held = models.Booking.objects.pending().filter(HOLD_LASTS, pk=booking.pk).exists()
        if is_held:
            if is_new:
                add_note(booking, "note payment", receipt, by)
        else:  # the hold has ended, which is another outcome, with the payment, in a transaction of its own
            transaction.set_rollback(True)
    if is_held:
        booking.refresh_from_db()
        raise incomplete(booking)
    return False


def incomplete(booking: "models.Booking") -> PaymentIncomplete:
    paid, total, missing = (
        money.plain(amount, booking.currency)
        for amount in (booking.amount_paid - booking.amount_refunded, booking.total_price, missing_amount(booking))
    )
    detail = f"{paid} of {total} {booking.currency} was paid. {missing} {booking.currency} is missing."
    error = {"pointer": "", "code": PaymentIncomplete.code, "detail": detail}
    return PaymentIncomplete(detail, errors=[{**error, "paid": paid, "total": total, "missing": missing}])


def missing_amount(booking: "models.Booking") -> Decimal:
    """What is missing to have the places."""
    return booking.total_price - booking.amount_paid + booking.amount_refunded


def new_tickets(booking: "models.Booking", items: "list[models.BookingItem]") -> "list[models.Ticket]":
    """One unsaved ticket for each place, the first ones for the attendees that are known."""
    tickets = []
    for item in items:
        attendees = [*item.attendees, *[{}] * item.quantity][: item.quantity]
        for attendee in attendees:
            name = attendee.get("name", "")
            holder = {"holder_name": name, "holder_email": attendee.get("email", ""), **keys_of(name)}
            tickets.append(models.Ticket(booking=booking, ticket_type_id=item.ticket_type_id, **holder))
    return tickets


def issue(booking: "models.Booking", tickets: "list[models.Ticket]") -> None:
    """Inserts the tickets; from now on they know their holders. In the caller's transaction."""
    models.Ticket.objects.bulk_create(tickets)
    models.BookingItem.objects.filter(booking=booking).exclude(attendees=[]).update(attendees=[])


def confirm_late_or_refuse(booking: "models.Booking", receipt: Receipt, may_be_unpaid: bool, by: Any) -> None:
    """Raises HoldExpired when the places cannot be had, with the payment recorded and due for refund."""
    try:
        confirm_late(booking, receipt, may_be_unpaid, by)
    except (NotOnSale, SoldOut, CustomerLimit) as reason:
        with transaction.atomic():
            stored: Any = models.Booking.objects.select_for_update(no_key=True).get(pk=booking.pk)
            if stored.status != Status.EXPIRED:
                raise LostRace from None
            note_payment(booking, "refuse payment", receipt, by)
        raise hold_expired(reason) from None


def confirm_late(booking: "models.Booking", receipt: Receipt, may_be_unpaid: bool, by: Any) -> None:
    """Takes the places again, as a new booking would.

    Raises NotOnSale, SoldOut or CustomerLimit when the places cannot be had, PaymentIncomplete with the payment
    recorded, and LostRace when another verb has moved the booking.
    """
    lines = [Line(item.ticket_type_id, item.quantity) for item in booking.item_list]
    release_due(booking.event_id, wait=True)  # this booking's own places among them
    offer = look([line.ticket_type for line in lines])
    refuse_event(offer)
    refuse_sold_out(offer, lines)
    with transaction.atomic():
        is_new = record(booking, receipt, by=by)
        stored = models.Booking.objects.get(pk=booking.pk)
        if stored.status != Status.EXPIRED:
            raise LostRace
        refuse_refunded(stored, receipt)
        is_enough = may_be_unpaid or missing_amount(stored) <= 0
        if is_enough:
            take_again(booking, receipt, offer, {line.ticket_type: line.quantity for line in lines}, by)
            queue(Kind.CONFIRMATION, stored)
        elif is_new:
            add_note(booking, "refuse payment", receipt, by)
    if not is_enough:
        booking.refresh_from_db()
        raise incomplete(booking)


def take_again(booking: "models.Booking", receipt: Receipt, offer: Offer, quantities: dict[int, int], by: Any) -> None:
    """In the caller's transaction. Raises LostRace, CustomerLimit."""
    changes = with_balance(cancelled_amount=ZERO)
    if not move(booking, CONFIRM_LATE, by=by, note=receipt.note, confirmed_at=Now(), is_late=True, **changes):
        raise LostRace
    take_places(offer.event, quantities, is_sale=False)
    refuse_over_limit(booking, offer.event, offer.at)
    issue(booking, new_tickets(booking, booking.item_list))
    tell_bookings(CONFIRM_LATE.verb, booking.pk, by=by)


def refuse_event(offer: Offer) -> None:
    """Raises NotOnSale. Sales windows do not matter: the booking was placed while they were open."""
    if offer.event.status == sales.PUBLISHED and offer.event.ends_at > offer.at:
        return
    reason, words = ("cancelled", "cancelled") if offer.event.status != sales.PUBLISHED else ("ended", "over")
    detail = f"“{offer.event.name}” is {words}."
    raise NotOnSale(detail, errors=[{"code": NotOnSale.code, "detail": detail, "reason": reason}])


def note_payment(booking: "models.Booking", verb: str, receipt: Receipt, by: Any) -> None:
    """Records a payment that changes nothing but the balance; again it changes nothing at all."""
    if verb == "refuse payment" and receipt.is_handed_over and not booking.amount_due:
        return
    with transaction.atomic():
        if record(booking, receipt, by=by):
            add_note(booking, verb, receipt, by)


def add_note(booking: "models.Booking", verb: str, receipt: Receipt, by: Any) -> None:
    stored: Any = models.Booking.objects.only("status").get(pk=booking.pk)
    models.BookingChange.entry(booking.pk, verb, stored.status, stored.status, by=by, **receipt.note).save()
    tell_bookings(verb, booking.pk, by=by)
