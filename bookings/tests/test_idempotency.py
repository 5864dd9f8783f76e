import pytest

from bookings.models import Booking


@pytest.fixture
def seat(make_type, make_event):
    return make_type(event=make_event(capacity=4))


@pytest.fixture
def body(seat):
    return {
        "customer_name": "Ann Lee",
        "customer_email": "ann@example.com",
        "items": [{"ticket_type": seat.pk, "quantity": 2}],
        "metadata": {"basket": "7", "shop": "web"},
    }


def post(client, body, key):
    return client.post("/bookings", body, headers={"Idempotency-Key": key})


def test_same_key_and_body_answers_the_same_booking(guest, body, figures):
    first, second = post(guest, body, "key-1"), post(guest, body, "key-1")
    assert (first.status_code, second.status_code) == (201, 201)
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert {**second.json(), "expires_in": 0} == {**first.json(), "expires_in": 0}
    assert second["Location"] == first["Location"]
    assert figures() == {"Concert": 2, "Seat": 2}


def test_same_key_and_same_body_written_differently_is_the_same(guest, body):
    first = post(guest, body, "key-1")
    reordered = dict(reversed(body.items()))
    assert post(guest, reordered, "key-1").json()["id"] == first.json()["id"]


@pytest.mark.parametrize(
    "change",
    [{"customer_name": "Bob"}, {"customer_email": "bob@example.com"}, {"metadata": {}}, {"hold_minutes": 5}],
)
def test_same_key_and_another_body_is_refused(guest, body, figures, change):
    post(guest, body, "key-1")
    answer = post(guest, {**body, **change}, "key-1")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    assert figures() == {"Concert": 2, "Seat": 2}


def test_same_key_of_different_callers_is_two_keys(guest, box_office, manager, body):
    ids = {post(client, {**body, "items": [{**body["items"][0], "quantity": 1}]}, "key-1").json()["id"]
           for client in (guest, box_office, manager)}  # fmt: skip
    assert len(ids) == Booking.objects.count() == 3


def test_replay_answers_what_the_booking_is_by_now(guest, body):
    booking = Booking.objects.get(pk=post(guest, body, "key-1").json()["id"])
    booking.confirm()
    answer = post(guest, body, "key-1")
    assert (answer.status_code, answer.json()["status"]) == (201, "confirmed")
    assert len(answer.json()["tickets"]) == 2


def test_replay_works_after_the_sale_is_over(guest, body, pass_time, seat):
    first = post(guest, body, "key-1").json()
    pass_time(days=365)
    seat.refresh_from_db()
    again = post(guest, body, "key-1")
    assert (again.status_code, again.json()["id"], again.json()["status"]) == (201, first["id"], "expired")


def test_refused_attempt_leaves_no_trace(guest, book, body, seat, figures):
    hold = book((seat, 3))
    assert post(guest, body, "key-1").status_code == 409
    hold.cancel()
    answer = post(guest, body, "key-1")
    assert answer.status_code == 201
    assert "Idempotent-Replayed" not in answer
    assert figures() == {"Concert": 2, "Seat": 2}


def test_invalid_attempt_leaves_no_trace(guest, body):
    assert post(guest, {**body, "items": []}, "key-1").status_code == 400
    assert post(guest, body, "key-1").status_code == 201


@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 256])
def test_key_that_is_not_visible_ascii_is_refused(guest, body, key):
    answer = post(guest, body, key)
    assert answer.status_code == 400
    assert [fault["header"] for fault in answer.json()["errors"]] == ["Idempotency-Key"]
    assert Booking.objects.count() == 0


def test_key_of_255_characters_is_kept_whole(guest, body):
    first = post(guest, body, "x" * 255)
    assert post(guest, body, "x" * 255).json()["id"] == first.json()["id"]
    assert post(guest, {**body, "customer_name": "Bob"}, "x" * 254).status_code == 201


def test_without_a_key_each_request_books(guest, body, figures):
    assert guest.post("/bookings", body).json()["id"] != guest.post("/bookings", body).json()["id"]
    assert figures() == {"Concert": 4, "Seat": 4}
