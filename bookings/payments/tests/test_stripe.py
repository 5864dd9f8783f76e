"""Payments through Stripe: a stateful one on loopback, which can be away and lose answers."""

import datetime as dt
import json
from decimal import Decimal
from itertools import count

import pytest
from django.utils import timezone

from bookings.checkup import check_payments
from bookings.models import Booking
from bookings.payments import online
from bookings.payments.models import Payment, ProviderEvent, Refund
from bookings.payments.providers import provider_named
from bookings.payments.providers.stripe import from_minor_units, to_minor_units
from config.tests.harness import stripe as harness

SOON, MINUTE = dt.timedelta(0), dt.timedelta(minutes=1)
numbers = count(1)


@pytest.fixture(scope="module")
def running():
    with harness.stripe_server() as proxy:
        yield proxy


@pytest.fixture
def stripe(running, settings):
    settings.PAYMENT_PROVIDERS = {
        "manual": "bookings.payments.providers.manual.ManualProvider",
        "stripe": "bookings.payments.providers.stripe.StripeProvider",
    }
    settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET = harness.KEY, harness.SECRET
    settings.STRIPE_API_BASE = running.url
    provider_named.cache_clear()
    running.faults.clear()
    running.requests.clear()
    yield running
    provider_named.cache_clear()


@pytest.fixture
def seat(make_type, make_event):
    return make_type(event=make_event(capacity=4))


@pytest.fixture
def booking(book, seat):
    """Two places for 99.80 EUR."""
    return book((seat, 2))


@pytest.fixture
def start(anonymous):
    def start(booking):
        return anonymous.post(
            f"/bookings/{booking.pk}/payments", {"provider": "stripe"}, headers={"Booking-Secret": booking.secret}
        )

    return start


@pytest.fixture
def tell(anonymous):
    """Sends an event about an object, signed."""

    def tell(kind, subject, *, number=None, **signature):
        body = harness.event(number or next(numbers), kind, subject)
        headers = {"Stripe-Signature": harness.signed(body, **signature)}
        return anonymous.generic(
            "POST", "/payments/stripe/events", body, content_type="application/json", headers=headers
        )

    return tell


def state(booking):
    found = Booking.objects.get(pk=booking.pk)
    return found.status, str(found.amount_paid), str(found.amount_refunded), str(found.refund_amount)


def test_start_answers_a_client_secret_and_the_same_payment_again(stripe, start, booking):
    first, again = start(booking), start(booking)
    assert (first.status_code, again.status_code) == (201, 201), first.json()
    data = first.json()
    assert data["client_secret"].startswith(data["reference"])
    assert (data["amount"], data["currency"], data["status"]) == ("99.80", "EUR", "pending")
    assert again.json()["reference"] == data["reference"]
    assert stripe.requests == ["POST /v1/payment_intents", f"GET /v1/payment_intents/{data['reference']}"]
    intent = json.loads(stripe.send("GET", f"/v1/payment_intents/{data['reference']}")[1])
    assert (intent["amount"], intent["currency"]) == (9980, "eur")
    assert intent["metadata"] == {"booking": str(booking.pk), "payment": str(data["id"])}


def test_paid_intent_confirms_the_booking_once(stripe, start, booking, tell):
    intent = stripe.pay(start(booking).json()["reference"])
    for _ in range(3):
        assert tell("payment_intent.succeeded", intent, number=1_000_001).status_code == 200
    assert tell("payment_intent.succeeded", intent).status_code == 200
    assert state(booking) == ("confirmed", "99.8", "0", "0")
    assert (booking.tickets.count(), Payment.objects.count(), ProviderEvent.objects.count()) == (2, 1, 2)


def test_declined_card_can_be_followed_by_another_one(stripe, start, booking, tell):
    reference = start(booking).json()["reference"]
    intent = {"id": reference, "amount": 9980, "currency": "eur", "last_payment_error": {"message": "Declined."}}
    assert tell("payment_intent.payment_failed", intent).status_code == 200
    payment = Payment.objects.get()
    assert (payment.status, payment.error, state(booking)[0]) == ("failed", "Declined.", "pending")
    tell("payment_intent.succeeded", stripe.pay(reference))
    assert state(booking) == ("confirmed", "99.8", "0", "0")


@pytest.mark.parametrize("fault", ["unanswered", "500", "answer lost"])
def test_provider_that_is_away_starts_the_payment_once(stripe, start, booking, fault):
    stripe.faults.append(fault)
    answer = start(booking)
    assert (answer.status_code, answer.json()["code"]) == (503, "payment-unavailable")
    assert "Retry-After" in answer.headers
    assert start(booking).status_code == 201
    assert (Payment.objects.count(), stripe.requests.count("POST /v1/payment_intents")) == (1, 1)


def test_wrong_key_is_logged_once_and_shown_to_operators_alone(stripe, start, booking, caplog):
    stripe.faults += ["401", "401"]
    for _ in range(2):
        answer = start(booking)
        assert (answer.status_code, answer.json()["code"]) == (503, "payment-unavailable")
        assert "key" not in answer.json()["detail"].lower()
    assert [it.levelname for it in caplog.records if "STRIPE_SECRET_KEY" in it.getMessage()] == ["ERROR"]
    assert check_payments()[0] == "bad"
    assert start(booking).status_code == 201
    assert (Payment.objects.get().error, check_payments()[0]) == ("", "ok")


def test_payment_whose_start_was_lost_is_looked_up(stripe, start, booking):
    stripe.faults.append("answer lost")
    start(booking)
    (payment,) = Payment.objects.filter(reference="")
    assert online.look_up_payments(older_than=SOON, at=timezone.now()) == 1
    payment.refresh_from_db()
    assert (payment.status, stripe.requests.count("POST /v1/payment_intents")) == ("pending", 1)
    stripe.pay(payment.reference)
    assert online.look_up_payments(older_than=SOON, at=timezone.now() + MINUTE) == 1  # its event was lost
    assert state(booking) == ("confirmed", "99.8", "0", "0")


@pytest.mark.parametrize("verb", ["cancel", "confirm"])
@pytest.mark.parametrize("is_paid", [False, True])
def test_open_payment_that_is_not_needed_is_cancelled(stripe, start, booking, verb, is_paid):
    reference = start(booking).json()["reference"]
    booking.cancel() if verb == "cancel" else booking.confirm(payment_reference="cash 7")
    if is_paid:
        stripe.pay(reference)
    assert online.look_up_payments(older_than=SOON, at=timezone.now() + dt.timedelta(minutes=5)) == 1
    payment = Payment.objects.get(provider="stripe")
    assert payment.status == ("succeeded" if is_paid else "cancelled")
    assert state(booking)[3] == ("99.8" if is_paid else "0")
    assert json.loads(stripe.send("GET", f"/v1/payment_intents/{reference}")[1])["status"] == (
        "succeeded" if is_paid else "canceled"
    )


def test_abandoned_payment_is_looked_up_ever_less_often(stripe, start, booking):
    start(booking)
    at = Payment.objects.get().created_at
    Payment.objects.update(updated_at=at)
    asked = []
    for minute in range(1, 60):
        if online.look_up_payments(older_than=MINUTE, at=at + minute * MINUTE):
            asked.append(minute)
            Payment.objects.update(updated_at=at + minute * MINUTE)  # the database has a clock of its own
    assert asked == [1, 2, 4, 8, 16, 32]
    online.look_up_payments(older_than=MINUTE, at=at + dt.timedelta(days=3, minutes=1))
    assert Payment.objects.get().status == "cancelled"


def test_event_finds_a_payment_whose_reference_was_not_stored(stripe, start, booking, tell):
    intent = stripe.pay(start(booking).json()["reference"])
    Payment.objects.update(reference="")
    tell("payment_intent.succeeded", intent)
    assert state(booking) == ("confirmed", "99.8", "0", "0")


def test_late_success_takes_the_places_again(stripe, start, booking, tell, pass_time):
    intent = stripe.pay(start(booking).json()["reference"])
    pass_time(minutes=16)
    tell("payment_intent.succeeded", intent)
    assert state(booking) == ("confirmed", "99.8", "0", "0")
    assert Booking.objects.get(pk=booking.pk).is_late


def test_late_success_without_places_is_refunded(stripe, start, booking, tell, pass_time, book, seat):
    intent = stripe.pay(start(booking).json()["reference"])
    pass_time(minutes=16)
    book((seat, 3), customer_email="other@example.com")
    assert tell("payment_intent.succeeded", intent).status_code == 200
    assert state(booking) == ("expired", "99.8", "0", "99.8")
    assert online.refund_automatically() == 1
    assert state(booking) == ("expired", "99.8", "99.8", "0")
    assert online.refund_automatically() == 0
    tell("payment_intent.succeeded", intent)
    assert state(booking) == ("expired", "99.8", "99.8", "0")


@pytest.fixture
def paid(stripe, start, booking, tell):
    tell("payment_intent.succeeded", stripe.pay(start(booking).json()["reference"]))
    return Payment.objects.get()


def test_refund_asks_the_provider(stripe, manager, booking, paid):
    body = {"amount": "50.00", "reason": "bad view"}
    answer = manager.post(f"/bookings/{booking.pk}/refunds", body)
    (refund,) = answer.json()["payments"][0]["refunds"]
    assert (answer.status_code, refund["status"], refund["amount"]) == (201, "succeeded", "50.00")
    assert state(booking) == ("confirmed", "99.8", "50", "0")
    assert stripe.requests[-1] == "POST /v1/refunds"


@pytest.mark.parametrize("fault", ["unanswered", "500", "answer lost"])
def test_refund_that_is_not_answered_is_asked_for_once(stripe, manager, booking, paid, fault):
    booking.cancel()
    stripe.faults.append(fault)
    answer = manager.post(f"/bookings/{booking.pk}/refunds", {})
    assert (answer.status_code, answer.json()["payments"][0]["refunds"][0]["status"]) == (201, "pending")
    assert state(booking) == ("cancelled", "99.8", "99.8", "0")
    assert manager.post(f"/bookings/{booking.pk}/refunds", {}).status_code == 409
    assert online.finish_refunds(older_than=SOON, at=timezone.now()) == 1
    assert (Refund.objects.get().status, stripe.requests.count("POST /v1/refunds")) == ("succeeded", 1)


def test_refused_refund_is_due_again(stripe, manager, booking, paid, tell):
    booking.cancel()
    manager.post(f"/bookings/{booking.pk}/refunds", {})
    refund = Refund.objects.get()
    failed = {"id": refund.reference, "payment_intent": paid.reference, "amount": 9980, "currency": "eur",
              "status": "failed", "failure_reason": "lost_or_stolen_card"}  # fmt: skip
    for _ in range(2):
        assert tell("refund.failed", failed).status_code == 200
    refund.refresh_from_db()
    assert (refund.status, refund.error) == ("failed", "lost_or_stolen_card")
    assert state(booking) == ("cancelled", "99.8", "0", "99.8")
    assert manager.post(f"/bookings/{booking.pk}/refunds", {}).status_code == 201
    assert state(booking) == ("cancelled", "99.8", "99.8", "0")


def test_refund_event_before_its_payments_success_is_handled_after_it(stripe, start, booking, tell):
    intent = stripe.pay(start(booking).json()["reference"])
    refund = {"id": "re_9", "payment_intent": intent["id"], "amount": 980, "currency": "eur", "status": "succeeded"}
    assert tell("refund.created", refund).status_code == 200
    assert ProviderEvent.objects.get().handled_at is None
    tell("payment_intent.succeeded", intent)
    assert online.handle_events(at=timezone.now()) == 1
    assert state(booking) == ("confirmed", "99.8", "9.8", "0")
    assert online.handle_events(at=timezone.now()) == 0


@pytest.mark.parametrize("signature", [{"secret": "whsec_other"}, {"at": 0}])
def test_event_with_a_wrong_signature_is_refused(stripe, start, booking, tell, signature):
    intent = stripe.pay(start(booking).json()["reference"])
    answer = tell("payment_intent.succeeded", intent, **signature)
    assert (answer.status_code, answer.json()["code"]) == (400, "event-unverified")
    assert (state(booking)[0], ProviderEvent.objects.count()) == ("pending", 0)


@pytest.mark.parametrize("change", [{"currency": "usd"}, {"amount": 1, "amount_received": 1}, {"id": "pi_other"}])
def test_event_about_other_money_is_stored_and_changes_nothing(stripe, start, booking, tell, change):
    intent = stripe.pay(start(booking).json()["reference"])
    answer = tell("payment_intent.succeeded", {**intent, "metadata": {}, **change})
    assert (answer.status_code, state(booking)[0]) == (200, "pending")
    stored = ProviderEvent.objects.get()
    assert (stored.handled_at, bool(stored.error)) == (None, True)


def test_unknown_event_is_stored_and_answered(stripe, db, tell):
    assert tell("customer.created", {"id": "cus_1"}).json() == {"received": True}
    assert ProviderEvent.objects.get().handled_at


def test_unknown_provider_is_not_found(stripe, db, anonymous):
    for name in ("bank", "manual"):
        assert anonymous.post(f"/payments/{name}/events", {}).status_code == 404


def test_amount_that_stripe_cannot_take_says_why(stripe, start, book, make_type, make_event):
    booking = book((make_type(event=make_event(currency="KWD"), price=Decimal("1.255")), 1))
    answer = start(booking)
    assert (answer.status_code, answer.json()["code"]) == (503, "payment-unavailable")
    assert "steps of 0.010" in answer.json()["detail"]
    assert (Payment.objects.get().status, stripe.requests) == ("failed", [])


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [("99.80", "EUR", 9980), ("500", "JPY", 500), ("1.250", "KWD", 1250), ("500", "ISK", 50_000)],
)
def test_amounts_are_minor_units(amount, currency, units):
    assert to_minor_units(Decimal(amount), currency) == units
    assert from_minor_units(units, currency) == Decimal(amount)
