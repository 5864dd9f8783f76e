"""Payments through a provider: started here, paid in the customer's browser, told by the provider's callbacks.

The row comes first, then the call to the provider, then the outcome: no call is made inside of a transaction, and
whatever dies in between is found again by `look_up_payments`.
"""

import datetime as dt
import logging
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, Q

from bookings import models
from bookings.lifecycle.states import Status
from bookings.lifecycle.transitions import HOLD_LASTS
from bookings.payments import refunding
from bookings.payments.balance import amount as as_amount
from bookings.payments.ledger import MANUAL, Receipt
from bookings.payments.models import Payment, ProviderEvent, Refund
from bookings.payments.providers import provider_named
from bookings.payments.providers.base import (
    AmountRefused,
    Outcome,
    PaymentEvent,
    ProviderRefused,
    ProviderUnavailable,
    Started,
    UnverifiedEvent,
)
from bookings.payments.states import PAYMENT_TRANSITIONS, PaymentStatus, RefundStatus, sources
from bookings.problems import BookingCancelled, HoldExpired, NothingToPay, PaymentUnavailable, ProviderNotSetUp
from config.database.clock import Now
from config.idempotency.keys import RequestKey
from config.idempotency.once import create_once, forget
from config.outbox.telling import tell
from config.problems import DomainError

logger = logging.getLogger(__name__)

GIVE_UP_AFTER = dt.timedelta(days=3)  # as long as Stripe repeats its callbacks


class NotYet(Exception):
    """The event is about something that is not known here yet. It is handled again later."""


def start_payment(
    booking: "models.Booking", provider: str, *, key: RequestKey | None = None, by: Any = None
) -> tuple[Payment, Started]:
    """Starts a payment of what is due. While one over the same amount is pending, it returns that one.

    With a key that was used before it returns the earlier payment, with `is_replay` set. Raises ProviderNotSetUp,
    NothingToPay, HoldExpired, BookingCancelled, what `create_once` does, and PaymentUnavailable when the provider does
    not answer.
    """
    created = create_once(key, lambda: [add_payment(booking, provider, by=by)])
    (payment,) = created.objects or created.found_in(booking.payments.all())
    payment.is_replay = created.is_replay
    try:
        return payment, ask_to_start(payment)
    except PaymentUnavailable:
        forget(key)
        raise


def add_payment(booking: "models.Booking", provider: str, *, by: Any) -> Payment:
    known = sorted(set(settings.PAYMENT_PROVIDERS) - {MANUAL})
    if provider not in known:
        raise ProviderNotSetUp(f"Providers of online payments: {', '.join(known) or 'none is set up'}.")
    with transaction.atomic():
        stored: Any = models.Booking.objects.select_for_update(no_key=True).get(pk=booking.pk)
        refuse_start(stored)
        pending = stored.payments.filter(provider=provider, status=PaymentStatus.PENDING, amount=stored.amount_due)
        payment = pending.first()
        if payment is None:
            payment = stored.payments.create(
                provider=provider,
                method=Payment.Method.ONLINE,
                amount=stored.amount_due,
                currency=stored.currency,
                status=PaymentStatus.PENDING,
                by_id=getattr(by, "pk", None),
            )
            tell("payment.started", payment.pk, by=by)
    return payment


def ask_to_start(payment: Payment) -> Started:
    try:
        return look_up(payment)
    except ProviderUnavailable as error:
        note_error(payment, error)
        raise PaymentUnavailable("The payment provider does not answer. Please retry.", retry_after=5) from error
    except ProviderRefused as error:
        move(payment, PaymentStatus.FAILED, error=str(error)[:500])
        detail = str(error) if isinstance(error, AmountRefused) else "The payment provider refused the payment."
        raise PaymentUnavailable(detail) from error


def note_error(payment: Payment, error: Exception) -> None:
    """Shows staff why a payment is still pending; the next answer empties it. The time of the next look-up stays."""
    Payment.objects.filter(pk=payment.pk, status=PaymentStatus.PENDING).update(error=str(error)[:500])


def refuse_start(booking: "models.Booking") -> None:
    """A cancelled booking may owe a cancellation fee, which can be paid."""
    if booking.status == Status.CANCELLED and not booking.amount_due:
        raise BookingCancelled("The booking is cancelled, and nothing is due.")
    is_held = models.Booking.objects.pending().filter(HOLD_LASTS, pk=booking.pk).exists()
    if not is_held and booking.status not in (Status.CONFIRMED, Status.CANCELLED):
        raise HoldExpired("The hold has expired. Its places are already available again.")
    if not booking.amount_due:
        raise NothingToPay("Nothing is due.")


def look_up(payment: Payment) -> Started:
    """Asks the provider for a payment, and stores what it says. Raises ProviderUnavailable, ProviderRefused."""
    started = provider_named(payment.provider).start(payment)
    Payment.objects.filter(pk=payment.pk, reference="").update(reference=started.reference, updated_at=Now())
    if payment.error:
        Payment.objects.filter(pk=payment.pk, status=PaymentStatus.PENDING).update(error="")
    payment.refresh_from_db()
    apply_outcome(payment, started.outcome)
    payment.refresh_from_db()
    return started


def apply_outcome(payment: Payment, outcome: Outcome) -> None:
    """Stores what the provider says of a payment, in any order and however often. A success confirms the booking, pays
    the fee of a cancelled one, or becomes due for refund.
    """
    match outcome.status:
        case PaymentStatus.SUCCEEDED:
            receipt = Receipt(payment.reference, provider=payment.provider, payment=payment.pk)
            try:
                payment.booking.receive(receipt, by="system")
            except DomainError as refusal:
                logger.info("A payment of %s was recorded, and not confirmed: %s", payment.booking_id, refusal.detail)
        case PaymentStatus.FAILED | PaymentStatus.CANCELLED:
            move(payment, outcome.status, error=outcome.error[:500])


def move(payment: Payment, target: str, **changes: Any) -> bool:
    rows = Payment.objects.filter(pk=payment.pk, status__in=sources(PAYMENT_TRANSITIONS, target))
    with transaction.atomic():
        is_moved = rows.update(status=target, updated_at=Now(), **changes) == 1
        if is_moved:
            tell(f"payment.{target}", payment.pk, by="system")
    return is_moved


# Callbacks


def receive_event(provider: str, body: bytes, headers: Mapping[str, str]) -> ProviderEvent:
    """Verifies, stores and handles a callback, once however often it is sent. Raises UnverifiedEvent."""
    event = provider_named(provider).read_event(body, headers)
    try:
        with transaction.atomic():
            row = ProviderEvent.objects.create(
                provider=provider, event_id=event.id, kind=event.kind, body=body.decode()
            )
    except IntegrityError:
        row = ProviderEvent.objects.get(provider=provider, event_id=event.id)
    if row.handled_at is None:
        handle(row, event)
    return row


def handle(row: ProviderEvent, event: PaymentEvent) -> None:
    """Safe to repeat. What cannot be handled yet keeps its error, and is tried again by `handle_events`."""
    try:
        payment = None if event.outcome is None else apply_event(row.provider, event)
    except NotYet as error:
        ProviderEvent.objects.filter(pk=row.pk).update(error=str(error)[:500])
        return
    ProviderEvent.objects.filter(pk=row.pk).update(handled_at=Now(), payment=payment, error="")
    row.refresh_from_db()


def apply_event(provider: str, event: PaymentEvent) -> Payment:
    payment = find_payment(provider, event)
    if event.currency != payment.currency:
        raise NotYet(f"The currency is {event.currency}, and not {payment.currency} as asked for.")
    outcome: Any = event.outcome
    if event.subject == "payment":
        if outcome.status == PaymentStatus.SUCCEEDED and event.amount != payment.amount:
            raise NotYet(f"{event.amount} was paid, and not {payment.amount} as asked for.")
        apply_outcome(payment, outcome)
    else:
        refunding.apply_outcome(find_refund(payment, event), outcome)
    return payment


def find_payment(provider: str, event: PaymentEvent) -> Payment:
    """By its reference, or by our own id when the worker died before it stored the reference."""
    rows = Payment.objects.select_related("booking").filter(provider=provider)
    payment = rows.filter(reference=event.payment_reference).exclude(reference="").first()
    if payment is None and event.payment_id is not None:
        own = rows.filter(pk=event.payment_id, booking=as_uuid(event.booking_id))
        own.filter(reference="").update(reference=event.payment_reference, updated_at=Now())
        payment = own.filter(reference=event.payment_reference).first()
    if payment is None:
        raise NotYet("No payment has this reference.")
    return payment


def as_uuid(text: str) -> uuid.UUID | None:
    with suppress(ValueError):
        return uuid.UUID(text)
    return None


def find_refund(payment: Payment, event: PaymentEvent) -> Refund:
    """The refund that is meant; a new row for one that was made at the provider."""
    outcome: Any = event.outcome
    with transaction.atomic():
        booking: Any = models.Booking.objects.select_for_update(no_key=True).get(pk=payment.booking_id)
        rows = Refund.objects.filter(payment=payment)
        own = Q(pk=event.refund_id) if event.booking_id == str(payment.booking_id) else Q(pk=None)
        found = rows.filter(reference=outcome.reference).first() or rows.filter(own).first()
        if found is not None:
            return found
        payment = Payment.objects.select_for_update(no_key=True).get(pk=payment.pk)
        if event.amount > payment.refundable:
            raise NotYet(f"{event.amount} was refunded, and only {payment.refundable} is recorded as paid.")
        refund = rows.create(
            payment=payment, amount=event.amount, status=RefundStatus.PENDING, reference=outcome.reference
        )
        Payment.objects.filter(pk=payment.pk).update(
            amount_refunded=F("amount_refunded") + as_amount(event.amount), updated_at=Now()
        )
        refunding.move_balance(booking.pk, event.amount, refund.goodwill)
        refunding.note(booking, "refund", "system", amount=refunding.with_currency(event.amount, booking))
    return refund


# Steps of the background worker


def look_up_payments(*, older_than: dt.timedelta, at: dt.datetime) -> int:
    """Asks the provider about pending payments whose callbacks may have been lost; returns their number.

    Each is asked about after growing pauses, and given up after three days; a success that comes later still counts.
    One that nothing is due for any more is cancelled.
    """
    pending = Payment.objects.filter(status=PaymentStatus.PENDING)
    for payment in pending.filter(created_at__lte=at - GIVE_UP_AFTER).iterator(chunk_size=100):
        move(payment, PaymentStatus.CANCELLED)
    pause = ExpressionWrapper(F("updated_at") - F("created_at"), output_field=DurationField())
    next_at = ExpressionWrapper(F("updated_at") + pause, output_field=DateTimeField())
    due = pending.annotate(next_at=next_at).filter(updated_at__lte=at - older_than, next_at__lte=at)
    count, away = 0, set[str]()
    for payment in due.order_by("created_at").select_related("booking").iterator(chunk_size=100):
        if payment.provider in away:
            continue
        count += 1
        Payment.objects.filter(pk=payment.pk).update(updated_at=Now())
        try:
            if is_needless(payment):
                apply_outcome(payment, provider_named(payment.provider).cancel(payment))
            else:
                look_up(payment)
        except ProviderRefused as error:
            move(payment, PaymentStatus.FAILED, error=str(error)[:500])
        except ProviderUnavailable as error:
            note_error(payment, error)
            logger.warning("The payment provider does not answer: %s", error)
            away.add(payment.provider)
    return count


def is_needless(payment: Payment) -> bool:
    """Whether its booking was cancelled or paid otherwise, so that its success would only be refunded."""
    booking = payment.booking
    is_settled = booking.status in (Status.CANCELLED, Status.CONFIRMED) and not booking.amount_due
    return bool(payment.reference) and is_settled


def finish_refunds(*, older_than: dt.timedelta, at: dt.datetime) -> int:
    """Asks again for refunds that no provider has answered; returns their number."""
    rows = Refund.objects.filter(status=RefundStatus.PENDING, reference="", created_at__lte=at - older_than)
    refunds = list(rows.select_related("payment").order_by("created_at")[:100])
    for refund in refunds:
        refunding.finish_refund(refund)
    return len(refunds)


def handle_events(*, at: dt.datetime) -> int:
    """Handles events of the last three days again that could not be handled yet; returns how many are done now."""
    rows = ProviderEvent.objects.filter(handled_at=None, received_at__gt=at - dt.timedelta(days=3)).exclude(body="")
    count = 0
    for row in rows.order_by("received_at").iterator(chunk_size=100):
        with suppress(UnverifiedEvent):  # from a provider that is not set up any more
            handle(row, provider_named(row.provider).read_event(row.body.encode(), None))
        count += row.handled_at is not None
    return count


def refund_automatically() -> int:
    """Refunds what is due for bookings without places through the provider that has the money; returns their number.

    What staff took by hand they also give back by hand.
    """
    online = Payment.objects.refundable().exclude(provider=MANUAL).filter(booking__refund_due=True)
    payments = list(online.filter(booking__status__in=(Status.CANCELLED, Status.EXPIRED)).select_related("booking"))
    count = 0
    for payment in payments:
        with suppress(DomainError):  # refunded by somebody else in the meantime
            count += len(payment.booking.refund(payment=payment, by="system"))
    return count
