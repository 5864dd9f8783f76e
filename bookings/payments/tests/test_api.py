"""Payments of bookings, through the API."""

import re
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from bookings.models import Booking
from bookings.payments import online
from bookings.payments.models import Payment, Refund
from bookings.payments.providers.base import Outcome
from config.api.fields import AmountField
from config.idempotency import once

pytestmark = pytest.mark.both


@pytest.fixture
def seat(make_type, make_event):
    return make_type(event=make_event(capacity=4))


@pytest.fixture
def without():
    """Takes a permission from every group."""

    def take(codename):
        for group in Group.objects.all():
            group.permissions.remove(*Permission.objects.filter(codename=codename))

    return take


@pytest.fixture
def outcome():
    """Tells the outcome of the newest online payment, as its provider would."""

    def tell(status):
        payment = Payment.objects.filter(provider="fake").latest("pk")
        online.apply_outcome(payment, Outcome(status, payment.reference))

    return tell


@pytest.fixture
def booking(book, seat):
    """Two places for 99.80 EUR."""
    return book((seat, 2))


def confirm(client, booking, **body):
    return client.post(f"/bookings/{booking.pk}/confirm", body)


def money(answer):
    data = answer.json()
    return [data[name] for name in ("amount_paid", "amount_refunded", "amount_due", "refund_amount")]


def test_confirm_records_the_payment(box_office, booking):
    answer = confirm(box_office, booking, payment_reference="p1")
    assert (answer.status_code, money(answer)) == (200, ["99.80", "0.00", "0.00", "0.00"])
    (payment,) = box_office.get(f"/payments?booking={booking.pk}").json()["results"]
    assert (payment["reference"], payment["amount"], payment["status"]) == ("p1", "99.80", "succeeded")


def test_same_reference_is_the_same_payment(box_office, booking):
    for _ in range(3):
        answer = confirm(box_office, booking, payment_reference="p1")
        assert (answer.status_code, money(answer)) == (200, ["99.80", "0.00", "0.00", "0.00"])
    assert Payment.objects.count() == 1


def test_second_payment_is_recorded_found_and_due_for_refund(box_office, booking):
    confirm(box_office, booking, payment_reference="pay_A")
    answer = confirm(box_office, booking, payment_reference="pay_B")
    assert (answer.status_code, money(answer)) == (200, ["199.60", "0.00", "0.00", "99.80"])
    found = box_office.get("/bookings?search=pay_B").json()["results"]
    assert [it["id"] for it in found] == [str(booking.pk)]


def test_reference_of_another_booking_is_refused(box_office, booking, book, seat):
    confirm(box_office, booking, payment_reference="p1")
    other = book((seat, 1), customer_email="other@example.com")
    answer = confirm(box_office, other, payment_reference="p1")
    assert (answer.status_code, answer.json()["code"]) == (409, "payment-reference-used")
    assert Booking.objects.get(pk=other.pk).amount_paid == 0


def test_refunded_payment_buys_nothing_any_more(manager, booking, book, seat, pass_time):
    pass_time(minutes=16)
    other = book((seat, 3), customer_email="other@example.com")
    assert confirm(manager, booking, payment_reference="p1").json()["code"] == "hold-expired"
    assert manager.post(f"/bookings/{booking.pk}/refunds", {}).status_code == 201
    other.cancel()
    answer = confirm(manager, booking, payment_reference="p1")
    assert (answer.status_code, answer.json()["code"]) == (409, "payment-refunded")
    assert Booking.objects.get(pk=booking.pk).status == "expired"


def test_too_little_is_recorded_and_refused_with_what_is_missing(box_office, booking, without):
    without("confirm_unpaid")
    answer = confirm(box_office, booking, payment_reference="p1", amount="50.00")
    assert (answer.status_code, answer.json()["code"]) == (409, "payment-incomplete")
    (error,) = answer.json()["errors"]
    assert (error["paid"], error["total"], error["missing"]) == ("50.00", "99.80", "49.80")
    answer = confirm(box_office, booking, payment_reference="p2")
    assert (answer.status_code, money(answer)) == (200, ["99.80", "0.00", "0.00", "0.00"])


def test_unpaid_booking_is_confirmed_with_the_permission_and_stays_due(box_office, booking):
    assert money(confirm(box_office, booking)) == ["0.00", "0.00", "99.80", "0.00"]


def test_unpaid_without_the_permission_is_refused(box_office, booking, without):
    without("confirm_unpaid")
    answer = confirm(box_office, booking)
    assert (answer.status_code, answer.json()["code"]) == (409, "payment-incomplete")


def test_cancellation_with_a_fee_keeps_it(box_office, booking):
    confirm(box_office, booking, payment_reference="p1")
    answer = box_office.post(f"/bookings/{booking.pk}/cancel", {"fee": "9.80"})
    assert (answer.status_code, money(answer)) == (200, ["99.80", "0.00", "0.00", "90.00"])
    assert (answer.json()["cancellation_fee"], answer.json()["cancelled_amount"]) == ("9.80", "90.00")


def test_fee_above_the_price_is_refused(box_office, booking):
    confirm(box_office, booking, payment_reference="p1")
    answer = box_office.post(f"/bookings/{booking.pk}/cancel", {"fee": "99.81"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/fee")
    assert Booking.objects.get(pk=booking.pk).status == "confirmed"


def test_refund_comes_from_the_oldest_payment_first(box_office, booking):
    confirm(box_office, booking, payment_reference="p1")
    confirm(box_office, booking, payment_reference="p2")
    box_office.post(f"/bookings/{booking.pk}/cancel", {})
    answer = box_office.post(f"/bookings/{booking.pk}/refunds", {"amount": "149.80"})
    assert answer.status_code == 201
    assert [(it["reference"], it["amount_refunded"]) for it in answer.json()["payments"]] == [
        ("p1", "99.80"),
        ("p2", "50.00"),
    ]
    assert money(box_office.get(f"/bookings/{booking.pk}")) == ["199.60", "149.80", "0.00", "49.80"]


def test_refund_beyond_what_is_due_needs_a_permission_and_a_reason(box_office, manager, booking):
    confirm(box_office, booking, payment_reference="p1")
    path, body = f"/bookings/{booking.pk}/refunds", {"amount": "20.00", "reason": "bad view"}
    answer = box_office.post(path, body)
    assert (answer.status_code, answer.json()["code"]) == (409, "refund-too-high")
    assert manager.post(path, {"amount": "20.00"}).json()["errors"][0]["pointer"] == "/reason"
    assert manager.post(path, body).status_code == 201
    assert money(manager.get(f"/bookings/{booking.pk}")) == ["99.80", "20.00", "0.00", "0.00"]
    assert manager.post(path, {"amount": "79.81", "reason": "more"}).json()["code"] == "refund-too-high"


def test_refund_of_nothing_is_refused(box_office, booking):
    confirm(box_office, booking, payment_reference="p1")
    answer = box_office.post(f"/bookings/{booking.pk}/refunds", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing-to-refund")


def test_payment_is_filtered_by_what_is_known_of_it(box_office, booking):
    confirm(box_office, booking, payment_reference="p1")
    at = Payment.objects.get().updated_at.isoformat().replace("+00:00", "Z")
    for query, count in [
        ("status=succeeded", 1),
        ("status=failed", 0),
        ("provider=manual", 1),
        ("method=other", 1),
        ("method=cash", 0),
        ("currency=EUR", 1),
        ("currency=USD", 0),
        (f"event={booking.event_id}", 1),
        ("event=999999", 0),
        ("reference=p1", 1),
        ("reference=p", 0),
        (f"updated_after={at}", 1),
        ("updated_after=2099-01-01T00:00:00Z", 0),
    ]:
        assert len(box_office.get(f"/payments?{query}").json()["results"]) == count, query


def test_bookings_are_filtered_by_what_is_due(box_office, booking, book, seat):
    confirm(box_office, booking, payment_reference="p1")
    unpaid = book((seat, 1), customer_email="other@example.com")
    for value, pk in (("true", unpaid.pk), ("false", booking.pk)):
        found = box_office.get(f"/bookings?amount_due={value}").json()["results"]
        assert [it["id"] for it in found] == [str(pk)]


def test_amount_has_the_decimals_of_the_currency(box_office, booking):
    answer = confirm(box_office, booking, payment_reference="p1", amount="99.801")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/amount")
    assert Decimal(Booking.objects.get(pk=booking.pk).amount_paid) == 0


def test_till_has_everybody_by_default(manager, booking):
    confirm(manager, booking, payment_reference="p1")
    rows = manager.get(f"/reports/till?day={timezone.now():%Y-%m-%d}").json()["results"]
    assert [(row["user"], row["payments"]) for row in rows] == [("manager", "99.80")]


def refund(client, booking, body, key):
    return client.post(f"/bookings/{booking.pk}/refunds", body, headers={"Idempotency-Key": key})


def test_refund_with_a_key_is_made_once(box_office, booking):
    for reference in ("p1", "p2"):
        confirm(box_office, booking, payment_reference=reference)
    box_office.post(f"/bookings/{booking.pk}/cancel", {})
    answers = [refund(box_office, booking, {"amount": "149.80"}, "r1") for _ in range(2)]
    assert [(it.status_code, it.headers.get("Idempotent-Replayed")) for it in answers] == [(201, None), (201, "true")]
    assert answers[0].json() == answers[1].json()
    assert len(answers[0].json()["payments"]) == 2
    assert money(box_office.get(f"/bookings/{booking.pk}")) == ["199.60", "149.80", "0.00", "49.80"]


def test_refund_of_everything_is_replayed_though_nothing_is_due(box_office, booking):
    confirm(box_office, booking, payment_reference="p1")
    box_office.post(f"/bookings/{booking.pk}/cancel", {})
    assert [refund(box_office, booking, {}, "r1").status_code for _ in range(2)] == [201, 201]
    assert refund(box_office, booking, {}, "r2").json()["code"] == "nothing-to-refund"


def test_key_of_a_refund_is_for_one_body_and_one_booking(box_office, booking, book, seat):
    other = book((seat, 1), customer_email="other@example.com")
    for it in (booking, other):
        confirm(box_office, it, payment_reference=str(it.pk))
        box_office.post(f"/bookings/{it.pk}/cancel", {})
    assert refund(box_office, booking, {"amount": "1.00"}, "r1").status_code == 201
    for it, body in ((booking, {"amount": "2.00"}), (other, {"amount": "1.00"})):
        answer = refund(box_office, it, body, "r1")
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    assert Refund.objects.count() == 1


def test_key_of_a_refund_is_its_users(box_office, manager, booking):
    confirm(box_office, booking, payment_reference="p1")
    box_office.post(f"/bookings/{booking.pk}/cancel", {})
    for client in (box_office, manager):
        assert "Idempotent-Replayed" not in refund(client, booking, {"amount": "1.00"}, "r1")
    assert Refund.objects.count() == 2


def test_refused_refund_leaves_its_key_unused(box_office, booking):
    confirm(box_office, booking, payment_reference="p1")
    assert refund(box_office, booking, {}, "r1").status_code == 409
    box_office.post(f"/bookings/{booking.pk}/cancel", {})
    answer = refund(box_office, booking, {}, "r1")
    assert (answer.status_code, "Idempotent-Replayed" in answer) == (201, False)


def test_key_that_another_booking_has_just_used_is_refused(box_office, booking, book, seat, monkeypatch):
    other = book((seat, 1), customer_email="other@example.com")
    for it in (booking, other):
        confirm(box_office, it, payment_reference=str(it.pk))
        box_office.post(f"/bookings/{it.pk}/cancel", {})
    refund(box_office, booking, {}, "r1")
    earlier, first = once.earlier, [None]  # the first look is before the other's commit
    monkeypatch.setattr(once, "earlier", lambda key: first.pop() if first else earlier(key))
    assert refund(box_office, other, {}, "r1").json()["code"] == "idempotency-key-reused"
    assert money(box_office.get(f"/bookings/{other.pk}")) == ["49.90", "0.00", "0.00", "49.90"]


def test_repeated_cancellation_with_a_fee_changes_nothing(box_office, booking):
    confirm(box_office, booking, payment_reference="p1")
    for fee in ("9.80", "9.80", "500.00"):
        answer = box_office.post(f"/bookings/{booking.pk}/cancel", {"fee": fee})
        assert (answer.status_code, money(answer)) == (200, ["99.80", "0.00", "0.00", "90.00"])


@pytest.mark.parametrize("part", [{}, {"tickets": 1}])
def test_fee_is_at_most_what_goodwill_has_left(manager, booking, part):
    confirm(manager, booking, payment_reference="p1")
    manager.post(f"/bookings/{booking.pk}/refunds", {"amount": "90.00", "reason": "bad view"})
    codes = {"tickets": [booking.tickets.first().code]} if part else {}
    answer = manager.post(f"/bookings/{booking.pk}/cancel", {"fee": "9.81", **codes})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/fee")
    answer = manager.post(f"/bookings/{booking.pk}/cancel", {"fee": "9.80", **codes})
    assert (answer.status_code, money(answer)) == (200, ["99.80", "90.00", "0.00", "0.00"])
    assert money(manager.post(f"/bookings/{booking.pk}/cancel")) == ["99.80", "90.00", "0.00", "0.00"]


def test_refunded_fee_is_not_owed_again(manager, booking):
    confirm(manager, booking, payment_reference="p1")
    manager.post(f"/bookings/{booking.pk}/cancel", {"fee": "9.80"})
    manager.post(f"/bookings/{booking.pk}/refunds", {"amount": "99.80", "reason": "kindness"})
    answer = manager.get(f"/bookings/{booking.pk}")
    assert (money(answer), answer.json()["cancellation_fee"]) == (["99.80", "99.80", "0.00", "0.00"], "0.00")


def test_payment_of_a_cancelled_booking_says_what_became_of_it(box_office, booking):
    confirm(box_office, booking)
    box_office.post(f"/bookings/{booking.pk}/cancel", {"fee": "9.80"})
    for reference, amount, due, refund in [
        ("p1", "5.00", "4.80", "0.00"),
        ("p1", "5.00", "4.80", "0.00"),
        ("p2", "6.00", "0.00", "1.20"),
    ]:
        answer = confirm(box_office, booking, payment_reference=reference, amount=amount)
        assert (answer.status_code, answer.json()["code"]) == (409, "booking-cancelled")
        (error,) = answer.json()["errors"]
        found = error["payment_recorded"], error["amount_due"], error["refund_amount"]
        assert found == (True, due, refund)
    assert "errors" not in confirm(box_office, booking).json()
    assert list(booking.changes.order_by("pk").values_list("verb", flat=True))[-2:] == ["note payment"] * 2


def test_fee_of_a_cancelled_booking_is_paid_online(manager, booking, outcome):
    confirm(manager, booking)
    path = f"/bookings/{booking.pk}/payments"
    manager.post(f"/bookings/{booking.pk}/cancel", {"fee": "9.80"})
    answer = manager.post(path, {"provider": "fake"})
    assert (answer.status_code, answer.json()["amount"]) == (201, "9.80")
    outcome("succeeded")
    assert money(manager.get(f"/bookings/{booking.pk}")) == ["9.80", "0.00", "0.00", "0.00"]
    assert Booking.objects.get(pk=booking.pk).status == "cancelled"
    answer = manager.post(path, {"provider": "fake"})
    assert (answer.status_code, answer.json()["code"]) == (409, "booking-cancelled")


@pytest.mark.parametrize("method", ["cash", "card", "transfer", "other", None])
def test_method_of_a_payment_is_recorded(box_office, booking, method):
    confirm(box_office, booking, payment_reference="p1", **({"method": method} if method else {}))
    assert booking.payments.get().method == (method or "other")


@pytest.mark.parametrize("body", [{"amount": "99.80"}, {"method": "cash"}, {"method": "cash", "payment_reference": ""}])
def test_payment_without_a_reference_is_refused(box_office, booking, body):
    answer = confirm(box_office, booking, **body)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["pointer"], error["code"]) == (400, "/payment_reference", "required")
    assert (Booking.objects.get(pk=booking.pk).status, Payment.objects.count()) == ("pending", 0)


@pytest.mark.parametrize("method", ["online", "invoice", True, []])
def test_unknown_method_is_refused(box_office, booking, method):
    answer = confirm(box_office, booking, payment_reference="p1", method=method)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/method")


@pytest.mark.parametrize("amount", ["0", "0.00", "-1", "0.0", "", 1])
@pytest.mark.parametrize("verb", ["confirm", "refunds"])
def test_amount_is_above_0_as_the_document_says(manager, booking, verb, amount):
    confirm(manager, booking, payment_reference="p1")
    answer = manager.post(f"/bookings/{booking.pk}/{verb}", {"amount": amount, "payment_reference": "p2"})
    assert (answer.status_code, "/amount" in [it["pointer"] for it in answer.json()["errors"]]) == (400, True)
    for is_request in (True, False):
        assert not re.search(AmountField().pattern(is_request=is_request), str(amount) if amount != 1 else "-1")
