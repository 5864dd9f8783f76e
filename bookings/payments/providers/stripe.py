"""Stripe: PaymentIntents, refunds, and signed events (https://docs.stripe.com/payments/payment-intents).

The official library is imported here alone, and this module only when STRIPE_SECRET_KEY is set.
"""

import json
import logging
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import stripe
from django.conf import settings

from bookings.payments.providers.base import (
    AmountRefused,
    KeyRefused,
    Outcome,
    PaymentEvent,
    Provider,
    ProviderRefused,
    ProviderUnavailable,
    Started,
    UnverifiedEvent,
)
from bookings.payments.states import PaymentStatus, RefundStatus
from config.values import money

if TYPE_CHECKING:
    from bookings.payments.models import Payment, Refund

logger = logging.getLogger(__name__)

TIMEOUT = 10  # seconds
TOLERANCE = 300  # seconds between the signature of an event and its arrival, as Stripe recommends
# Where Stripe counts in other units than ISO 4217 says (https://docs.stripe.com/currencies#special-cases).
DECIMALS = {"ISK": 2, "UGX": 2}
PAYMENT_STATES = {"succeeded": PaymentStatus.SUCCEEDED, "canceled": PaymentStatus.CANCELLED}
REFUND_STATES = {
    "succeeded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}


def to_minor_units(amount: Decimal, currency: str) -> int:
    """Raises AmountRefused: of three decimals, Stripe takes two."""
    units = int(amount.scaleb(decimals(currency)))
    if decimals(currency) == 3 and units % 10:
        raise AmountRefused(f"Stripe takes amounts in {currency} in steps of 0.010, and {amount} is none.")
    return units


def from_minor_units(units: int, currency: str) -> Decimal:
    return Decimal(units).scaleb(-decimals(currency))


def decimals(currency: str) -> int:
    return DECIMALS.get(currency, money.DECIMALS[currency])


class StripeProvider(Provider):
    name = "stripe"

    def __init__(self) -> None:
        self.is_key_refused = False
        self.client = stripe.StripeClient(
            settings.STRIPE_SECRET_KEY,
            base_addresses={"api": settings.STRIPE_API_BASE},
            http_client=stripe.RequestsClient(timeout=TIMEOUT),
            max_network_retries=0,  # a payment or refund that was not answered is asked for again by its own row
        )

    def start(self, payment: "Payment") -> Started:
        if payment.reference:
            intent = self.ask(self.client.v1.payment_intents.retrieve, payment.reference)
        else:
            intent = self.ask(
                self.client.v1.payment_intents.create,
                params={
                    "amount": to_minor_units(payment.amount, payment.currency),
                    "currency": payment.currency.lower(),
                    "metadata": {"booking": str(payment.booking_id), "payment": str(payment.pk)},
                },
                options={"idempotency_key": f"payment-{payment.booking_id}-{payment.pk}"},
            )
        return Started(intent.id, intent.client_secret, outcome_of(intent))

    def cancel(self, payment: "Payment") -> Outcome:
        try:
            return outcome_of(self.ask(self.client.v1.payment_intents.cancel, payment.reference))
        except ProviderRefused:  # it has an end already
            return self.start(payment).outcome

    def refund(self, refund: "Refund") -> Outcome:
        payment = refund.payment
        found = self.ask(
            self.client.v1.refunds.create,
            params={
                "payment_intent": payment.reference,
                "amount": to_minor_units(refund.amount, payment.currency),
                "metadata": {"booking": str(payment.booking_id), "refund": str(refund.pk)},
            },
            options={"idempotency_key": f"refund-{payment.booking_id}-{refund.pk}"},
        )
        return Outcome(REFUND_STATES.get(found.status, RefundStatus.PENDING), found.id)

    def ask(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Raises ProviderRefused when Stripe says no, and ProviderUnavailable when it says nothing."""
        try:
            found = call(*args, **kwargs)
            self.is_key_refused = False
            return found
        except (stripe.AuthenticationError, stripe.PermissionError) as error:
            if not self.is_key_refused:  # logged once, not for each customer
                logger.error("Stripe does not accept STRIPE_SECRET_KEY: %s", error)
            self.is_key_refused = True
            raise KeyRefused from None
        except (stripe.CardError, stripe.InvalidRequestError) as error:
            raise ProviderRefused(error.user_message or str(error)) from None
        except stripe.StripeError as error:
            raise ProviderUnavailable(str(error)) from None

    def read_event(self, body: bytes, headers: Mapping[str, str] | None) -> PaymentEvent:
        try:
            if headers is not None:
                verify(body.decode(), headers.get("Stripe-Signature", ""))
            event = json.loads(body)
            return read(event["id"], event["type"], event["data"]["object"])
        except stripe.SignatureVerificationError as error:
            raise UnverifiedEvent(str(error)) from None
        except (ValueError, KeyError, TypeError) as error:
            raise UnverifiedEvent(f"The event cannot be read: {error!r}") from None


def outcome_of(intent: Any) -> Outcome:
    return Outcome(PAYMENT_STATES.get(intent.status, PaymentStatus.PENDING), intent.id)


def verify(body: str, signature: str) -> None:
    """Raises SignatureVerificationError. Without a secret nothing is verified, so everything is refused."""
    if not settings.STRIPE_WEBHOOK_SECRET:
        raise stripe.SignatureVerificationError("STRIPE_WEBHOOK_SECRET is not set.", signature, body)
    stripe.WebhookSignature.verify_header(body, signature, settings.STRIPE_WEBHOOK_SECRET, TOLERANCE)


def read(event_id: str, kind: str, found: dict[str, Any]) -> PaymentEvent:
    metadata, currency = found.get("metadata") or {}, (found.get("currency") or "").upper()
    match kind.split("."):
        case ["payment_intent", "succeeded" | "payment_failed" | "canceled" as what]:
            error = (found.get("last_payment_error") or {}).get("message", "")
            status = {"payment_failed": PaymentStatus.FAILED}.get(what) or PAYMENT_STATES[what]
            units = found["amount_received"] if what == "succeeded" and "amount_received" in found else found["amount"]
            return PaymentEvent(
                id=event_id,
                kind=kind,
                subject="payment",
                booking_id=metadata.get("booking") or "",
                payment_reference=found["id"],
                payment_id=own_id(metadata.get("payment")),
                amount=from_minor_units(units, currency),
                currency=currency,
                outcome=Outcome(status, found["id"], error),
            )
        case ["refund", "created" | "updated" | "failed"] | ["charge", "refund", "updated"]:
            refund = REFUND_STATES.get(found.get("status") or "", RefundStatus.PENDING)
            return PaymentEvent(
                id=event_id,
                kind=kind,
                subject="refund",
                booking_id=metadata.get("booking") or "",
                payment_reference=found.get("payment_intent") or "",
                refund_id=own_id(metadata.get("refund")),
                amount=from_minor_units(found["amount"], currency),
                currency=currency,
                outcome=Outcome(refund, found["id"], found.get("failure_reason") or ""),
            )
    return PaymentEvent(id=event_id, kind=kind)


def own_id(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None
