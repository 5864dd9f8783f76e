"""Refunds: what is due by default, the oldest payment first.

A refund is a row before its provider is asked, outside of the transaction. A worker that dies in between leaves a
pending refund, which `finish_refund` asks for again under the same idempotency key.
"""

from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F

from bookings import models
from bookings.lifecycle.states import Status
from bookings.lifecycle.telling import tell_bookings
from bookings.messages.kinds import Kind
from bookings.messages.queueing import queue
from bookings.payments.balance import amount as as_amount
from bookings.payments.balance import refunded
from bookings.payments.models import Payment, Refund
from bookings.payments.providers import provider_named
from bookings.payments.providers.base import Outcome, ProviderRefused, ProviderUnavailable
from bookings.payments.states import REFUND_TRANSITIONS, RefundStatus, sources
from bookings.problems import NothingToRefund, RefundChanged, RefundTooHigh
from config.database.clock import Now
from config.idempotency.keys import RequestKey
from config.idempotency.once import create_once
from config.outbox.telling import tell
from config.problems import InvalidInput
from config.values import money

TOLD_AS = {RefundStatus.SUCCEEDED: "refund.succeeded", RefundStatus.PENDING: "refund.requested"}  # of new refunds


def refund(booking: "models.Booking", *, key: RequestKey | None = None, **data: Any) -> list[Refund]:
    """Refunds as `add_refunds` says; returns one refund for each payment that the amount comes from.

    With a key that was used before it returns the earlier refunds, with `is_replay` set. Raises what `add_refunds` and
    `create_once` do.
    """
    created = create_once(key, lambda: add_refunds(booking, **data))
    refunds = list(created.objects) or created.found_in(Refund.objects.select_related("payment"))
    for row in refunds:
        row.is_replay = created.is_replay
        if row.status == RefundStatus.PENDING:
            finish_refund(row)
    booking.refresh_from_db()
    return refunds


def add_refunds(
    booking: "models.Booking",
    *,
    amount: Decimal | None = None,
    payment: Payment | None = None,
    reason: str = "",
    may_exceed: bool = False,
    expected: Decimal | None = None,
    by: Any = None,
) -> list[Refund]:
    """Adds refunds of `amount`, by default of what is due.

    More than what is due needs `may_exceed` and a reason. Raises RefundChanged when another amount than `expected` is
    due by now, NothingToRefund, RefundTooHigh and InvalidInput.
    """
    with transaction.atomic():
        stored: Any = models.Booking.objects.select_for_update(no_key=True).get(pk=booking.pk)
        if expected is not None and expected != stored.refund_amount:
            raise RefundChanged(f"The refund that is due is now {with_currency(stored.refund_amount, stored)}.")
        payments = list(refundable_payments(stored, payment).select_for_update(no_key=True))
        amount = amount_to_refund(stored, amount, payments, reason=reason, may_exceed=may_exceed)
        return write_refunds(stored, amount, payments, reason=reason, by=by)


def write_refunds(
    booking: "models.Booking", amount: Decimal, payments: list[Payment], *, reason: str, by: Any
) -> list[Refund]:
    """In the caller's transaction, which has the lock on the booking."""
    is_sold = booking.status in (Status.CONFIRMED, Status.CANCELLED)
    goodwill = max(amount - booking.refund_amount, Decimal(0)) if is_sold else Decimal(0)
    refunds = [new_refund(*part, reason, by) for part in split(amount, goodwill, payments)]
    for row in refunds:
        row.save(force_insert=True)
        Payment.objects.filter(pk=row.payment_id).update(
            amount_refunded=F("amount_refunded") + as_amount(row.amount), updated_at=Now()
        )
    move_balance(booking.pk, amount, goodwill)
    if done := sum((row.amount for row in refunds if row.status == RefundStatus.SUCCEEDED), Decimal()):
        queue(Kind.REFUND, booking, amount=with_currency(done, booking))
    note(booking, "refund", by, amount=with_currency(amount, booking), reason=reason)
    for status, type_name in TOLD_AS.items():
        tell(type_name, *[it.payment_id for it in refunds if it.status == status], by=by)
    return refunds


def refundable_payments(booking: "models.Booking", payment: Payment | None) -> Any:
    rows = Payment.objects.filter(booking=booking).refundable()
    return rows if payment is None else rows.filter(pk=payment.pk)


def amount_to_refund(
    booking: "models.Booking", amount: Decimal | None, payments: list[Payment], *, reason: str, may_exceed: bool
) -> Decimal:
    due, refundable = booking.refund_amount, sum((it.refundable for it in payments), Decimal())
    wanted = min(due, refundable) if amount is None else amount
    if not wanted or not refundable:
        raise NothingToRefund("Nothing is due for refund." if not due else "No payment is left to refund it from.")
    if wanted > refundable:
        raise too_high(booking, wanted, due, refundable, f"Only {with_currency(refundable, booking)} can be refunded.")
    if wanted > due and not may_exceed:
        detail = f"Only {with_currency(due, booking)} is due. Refunding more needs a permission."
        raise too_high(booking, wanted, due, refundable, detail)
    if wanted > due and not reason:
        detail = "Give a reason for refunding more than what is due."
        raise InvalidInput(errors=[{"pointer": "/reason", "code": "required", "detail": detail}])
    return wanted


def too_high(
    booking: "models.Booking", wanted: Decimal, due: Decimal, refundable: Decimal, detail: str
) -> RefundTooHigh:
    figures = {"requested": wanted, "due": due, "refundable": refundable}
    plain = {name: money.plain(figure, booking.currency) for name, figure in figures.items()}
    return RefundTooHigh(detail, errors=[{"pointer": "/amount", "code": RefundTooHigh.code, "detail": detail, **plain}])


def split(amount: Decimal, goodwill: Decimal, payments: list[Payment]) -> "list[tuple[Payment, Decimal, Decimal]]":
    """The parts of a refund: a payment, what comes from it, and how much of that is goodwill."""
    parts = []
    for payment in payments:
        part = min(amount, payment.refundable)
        if part:
            amount -= part
            beyond = max(goodwill - amount, Decimal(0))  # what is due comes first
            goodwill -= beyond
            parts.append((payment, part, beyond))
    return parts


def new_refund(payment: Payment, amount: Decimal, goodwill: Decimal, reason: str, by: Any) -> Refund:
    is_done = provider_named(payment.provider).is_manual
    return Refund(
        payment=payment,
        amount=amount,
        goodwill=goodwill,
        reason=reason,
        status=RefundStatus.SUCCEEDED if is_done else RefundStatus.PENDING,
        succeeded_at=Now() if is_done else None,
        by_id=getattr(by, "pk", None),
    )


def finish_refund(refund: Refund) -> None:
    """Asks the provider for a pending refund. Safe to repeat: the refund's id is the idempotency key.

    A provider that does not answer leaves it pending; the next attempt asks again.
    """
    try:
        apply_outcome(refund, provider_named(refund.payment.provider).refund(refund))
    except ProviderRefused as error:
        apply_outcome(refund, Outcome(RefundStatus.FAILED, error=str(error)))
    except ProviderUnavailable as error:
        Refund.objects.filter(pk=refund.pk).update(error=str(error)[:500], updated_at=Now())
    refund.refresh_from_db()


def apply_outcome(refund: Refund, outcome: Outcome) -> None:
    """Stores what the provider says, in any order and however often. A failed refund makes its amount due again."""
    with transaction.atomic():
        if outcome.reference:
            Refund.objects.filter(pk=refund.pk, reference="").update(reference=outcome.reference, updated_at=Now())
        match outcome.status:
            case RefundStatus.SUCCEEDED:
                if move(refund, RefundStatus.SUCCEEDED, succeeded_at=Now(), error=""):
                    Payment.objects.filter(pk=refund.payment_id).update(updated_at=Now())
                    booking = refund.payment.booking
                    queue(Kind.REFUND, booking, amount=with_currency(refund.amount, booking))
                    tell("refund.succeeded", refund.payment_id, by="system")
            case RefundStatus.FAILED:
                if move(refund, RefundStatus.FAILED, failed_at=Now(), error=outcome.error[:500]):
                    take_back(refund)
                    tell("refund.failed", refund.payment_id, by="system")


def move(refund: Refund, target: str, **changes: Any) -> bool:
    rows = Refund.objects.filter(pk=refund.pk, status__in=sources(REFUND_TRANSITIONS, target))
    return rows.update(status=target, updated_at=Now(), **changes) == 1


def take_back(refund: Refund) -> None:
    """Takes a failed refund out of the sums, so that it is due again; in the caller's transaction."""
    payment = refund.payment
    booking: Any = models.Booking.objects.select_for_update(no_key=True).get(pk=payment.booking_id)
    Payment.objects.filter(pk=payment.pk).update(
        amount_refunded=F("amount_refunded") - as_amount(refund.amount), updated_at=Now()
    )
    move_balance(booking.pk, -refund.amount, Decimal(0))
    note(booking, "refund failed", "system", amount=with_currency(refund.amount, booking))


def move_balance(booking_id: Any, amount: Decimal, goodwill: Decimal) -> None:
    models.Booking.objects.filter(pk=booking_id).update(**refunded(amount, goodwill))


def note(booking: "models.Booking", verb: str, by: Any, **details: Any) -> None:
    models.BookingChange.entry(booking.pk, verb, booking.status, booking.status, by=by, **details).save()
    tell_bookings(verb, booking.pk, by=by)


def with_currency(amount: Decimal, booking: "models.Booking") -> str:
    return f"{money.plain(amount, booking.currency)} {booking.currency}"
