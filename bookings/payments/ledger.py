"""Records payments in the caller's transaction, together with the outcome for the booking."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Case, F, Value, When

from bookings import models
from bookings.lifecycle.states import Status
from bookings.lifecycle.transitions import LostRace
from bookings.payments.balance import amount as as_amount
from bookings.payments.balance import with_balance
from bookings.payments.models import Payment
from bookings.payments.states import PAYMENT_TRANSITIONS, PaymentStatus, sources
from bookings.problems import PaymentReferenceUsed, PaymentRefunded
from config.database.clock import Now
from config.outbox.telling import tell

MANUAL = "manual"


@dataclass(frozen=True)
class Receipt:
    """Money that has arrived: a new payment under its reference, or the row of one that was started (`payment`).

    Without an amount it is what the booking costs, less what was paid before. Money without a reference, such as cash,
    has `paid_before`, what was paid for the booking when it was taken: a repetition finds another sum, and changes
    nothing.
    """

    reference: str = ""
    amount: Decimal | None = None
    provider: str = MANUAL
    method: str = Payment.Method.OTHER
    payment: int | None = None
    paid_before: Decimal | None = None

    @property
    def is_handed_over(self) -> bool:
        """Money that goes back at once when it buys nothing."""
        return not self.reference and self.payment is None

    @property
    def is_empty(self) -> bool:
        return not self.reference and self.amount is None and self.payment is None

    @property
    def note(self) -> dict[str, Any]:
        """For the history of the booking."""
        return {"payment_reference": self.reference, "amount": None if self.amount is None else str(self.amount)}


NO_RECEIPT = Receipt()


def stored_or(reference: str) -> Case:
    """The booking's first payment reference for an UPDATE; one that is stored already stays."""
    return Case(When(payment_reference="", then=Value(reference)), default=F("payment_reference"))


def record(booking: "models.Booking", receipt: Receipt, *, by: Any) -> bool:
    """Records the payment once, and adds it to the booking's balance; False when it was recorded before.

    Afterwards the transaction holds the lock on the booking, if it has written. Raises PaymentReferenceUsed when the
    reference paid another booking, and LostRace when a concurrent request has just recorded the same one.
    """
    if receipt.is_empty:
        return False
    return insert(booking, receipt, by) if receipt.payment is None else succeed(receipt.payment, by)


def succeed(payment_id: int, by: Any) -> bool:
    """Marks a started payment as succeeded. One conditional UPDATE, since its provider may call many times at once.

    The booking is locked before its payment, as by every other verb.
    """
    rows = Payment.objects.filter(pk=payment_id, status__in=sources(PAYMENT_TRANSITIONS, PaymentStatus.SUCCEEDED))
    payment = rows.first()
    if payment is None:
        return False
    models.Booking.objects.select_for_update(no_key=True).get(pk=payment.booking_id)
    if rows.update(status=PaymentStatus.SUCCEEDED, succeeded_at=Now(), updated_at=Now(), error="") != 1:
        return False
    payment.refresh_from_db()
    add(payment.booking_id, payment.amount, payment.reference)
    tell("payment.succeeded", payment.pk, by=by)
    return True


def insert(booking: "models.Booking", receipt: Receipt, by: Any) -> bool:
    if known := find(receipt):
        refuse_other_booking(known, booking)
        return False
    stored: Any = models.Booking.objects.select_for_update(no_key=True).get(pk=booking.pk)
    if receipt.paid_before is not None and receipt.paid_before != stored.amount_paid:
        return False
    amount = price_to_pay(stored) if receipt.amount is None else receipt.amount
    if not amount:  # what is free has no payment, only a reference
        rows = models.Booking.objects.filter(pk=booking.pk).exclude(payment_reference=receipt.reference)
        return rows.update(payment_reference=stored_or(receipt.reference)) == 1
    payment = new_payment(booking, receipt, amount, by)
    try:
        with transaction.atomic():
            payment.save(force_insert=True)
    except IntegrityError:
        raise LostRace from None
    add(booking.pk, amount, receipt.reference)
    tell("payment.succeeded", payment.pk, by=by)
    return True


def new_payment(booking: "models.Booking", receipt: Receipt, amount: Decimal, by: Any) -> Payment:
    """An unsaved payment that has succeeded."""
    return Payment(
        booking_id=booking.pk,
        provider=receipt.provider,
        method=receipt.method,
        reference=receipt.reference,
        amount=amount,
        currency=booking.currency,
        status=PaymentStatus.SUCCEEDED,
        by_id=getattr(by, "pk", None),
        succeeded_at=Now(),
    )


def add(booking_id: Any, amount: Any, reference: str) -> None:
    """Adds an amount to what was paid for a booking."""
    changes = with_balance(amount_paid=F("amount_paid") + as_amount(amount))
    models.Booking.objects.filter(pk=booking_id).update(**changes, payment_reference=stored_or(reference))


def find(receipt: Receipt) -> Payment | None:
    """The payment that is recorded under this reference."""
    if not receipt.reference:
        return None
    return Payment.objects.filter(provider=receipt.provider, reference=receipt.reference).first()


def price_to_pay(booking: "models.Booking") -> Decimal:
    """What a payment without an amount is taken for: what is due, or the whole price for one that nobody asked for."""
    if booking.status in (Status.PENDING, Status.EXPIRED):
        due = booking.total_price - booking.amount_paid + booking.amount_refunded
        return due if due > 0 else booking.total_price
    return booking.amount_due or booking.total_price


def refuse_other_booking(payment: Payment, booking: "models.Booking") -> None:
    if payment.booking_id != booking.pk:
        raise PaymentReferenceUsed(f"The payment {payment.reference} belongs to another booking.")


def refuse_refunded(booking: "models.Booking", receipt: Receipt) -> None:
    """Raises PaymentRefunded for a payment that was refunded, even in part, and is not enough any more."""
    known = find(receipt)
    if known and known.amount_refunded and booking.amount_paid - booking.amount_refunded < booking.total_price:
        raise PaymentRefunded(f"The payment {known.reference} was refunded, so it buys nothing any more.")
