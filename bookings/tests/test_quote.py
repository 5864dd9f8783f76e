"""A dry run: what a booking would be, by the code that books, with nothing done."""

import pytest

from bookings.models import Booking, BookingChange
from config.tests.harness.answers import errors_in, refused

pytestmark = pytest.mark.both


@pytest.fixture
def seat(make_type, make_event):
    return make_type(event=make_event(capacity=4))


def body(seat, quantity=2, **more):
    items = [{"ticket_type": seat.pk, "quantity": quantity}]
    return {"customer_name": "Ann Lee", "customer_email": "ann@example.com", "items": items, **more}


def test_quote_is_what_the_booking_will_be(anonymous, seat, figures):
    quote = anonymous.post("/bookings?dry_run=true", body(seat, metadata={"basket": "7"}))
    assert (quote.status_code, "Location" in quote, "ETag" in quote) == (200, False, False)
    assert quote["Cache-Control"] == "no-store"
    assert (Booking.objects.count(), BookingChange.objects.count(), figures()) == (0, 0, {"Concert": 0, "Seat": 0})
    booking = anonymous.post("/bookings", body(seat, metadata={"basket": "7"})).json()
    same = quote.json().keys() - {"expires_at", "expires_in"}
    assert same == {
        "event", "customer_name", "customer_email", "items", "quantity", "subtotal", "fees", "tax",
        "total_price", "currency", "metadata", "notify"
    }  # fmt: skip
    assert {name: quote.json()[name] for name in same} == {name: booking[name] for name in same}
    assert quote.json()["total_price"] == "99.80"


def test_false_is_no_dry_run(anonymous, seat):
    assert anonymous.post("/bookings?dry_run=false", body(seat)).status_code == 201


@pytest.mark.parametrize("value", ["", "1", "True", "yes", "true,true"])
def test_dry_run_is_true_or_false(value, anonymous, seat):
    answer = anonymous.post(f"/bookings?dry_run={value}", body(seat))
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [("dry_run", "invalid")]
    assert Booking.objects.count() == 0


def test_dry_run_is_for_booking_alone(anonymous, book):
    booking = book()
    answer = anonymous.post(f"/bookings/{booking.pk}/cancel?dry_run=true")
    assert errors_in(answer) == [("dry_run", "unknown-parameter")]
    booking.refresh_from_db()
    assert booking.status == "pending"


def test_quote_is_refused_as_the_booking_would_be(anonymous, seat):
    quote = anonymous.post("/bookings?dry_run=true", body(seat, 5))
    booking = anonymous.post("/bookings", body(seat, 5))
    assert refused(quote, 409, "sold-out")
    assert quote.json()["errors"] == booking.json()["errors"]


def test_quote_counts_on_the_places_of_due_holds(anonymous, seat, book, pass_time):
    overdue = book((seat, 4))
    pass_time(minutes=16)
    assert anonymous.post("/bookings?dry_run=true", body(seat, 4)).status_code == 200
    overdue.refresh_from_db()
    assert overdue.status == "pending"  # the release is rolled back with the quote


def test_quote_leaves_the_key_free(anonymous, seat):
    key = {"Idempotency-Key": "a-key-of-an-anonymous-client"}
    assert anonymous.post("/bookings?dry_run=true", body(seat), headers=key).status_code == 200
    booked = anonymous.post("/bookings", body(seat, 1), headers=key)
    assert (booked.status_code, "Idempotent-Replayed" in booked) == (201, False)


def test_quote_under_a_used_key_is_of_its_booking(anonymous, seat):
    key = {"Idempotency-Key": "a-key-of-an-anonymous-client"}
    booked = anonymous.post("/bookings", body(seat, 4), headers=key).json()
    quote = anonymous.post("/bookings?dry_run=true", body(seat, 4), headers=key)
    assert (quote.status_code, quote.json()["expires_at"]) == (200, booked["expires_at"])
