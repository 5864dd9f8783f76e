import pytest

from bookings.models import Booking
from config.tests.harness.answers import refused
from ticket_types.models import TicketType

pytestmark = pytest.mark.both

KEY = "5b3b1a52-7a4c-4d52-9d0f-6a2c1b9e8f70"


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


def test_same_key_and_body_answers_the_same_booking(anonymous, body, figures):
    first, second = post(anonymous, body, KEY), post(anonymous, body, KEY)
    assert (first.status_code, second.status_code) == (201, 201)
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert {**second.json(), "expires_in": 0} == {**first.json(), "expires_in": 0}
    assert second["Location"] == first["Location"]
    assert figures() == {"Concert": 2, "Seat": 2}


def test_same_key_and_same_body_written_differently_is_the_same(anonymous, body):
    first = post(anonymous, body, KEY)
    reordered = dict(reversed(body.items()))
    assert post(anonymous, reordered, KEY).json()["id"] == first.json()["id"]


@pytest.mark.parametrize(
    "change",
    [{"customer_name": "Bob"}, {"customer_email": "bob@example.com"}, {"metadata": {}}, {"hold_minutes": 5}],
)
def test_same_key_and_another_body_is_refused(anonymous, body, figures, change):
    post(anonymous, body, KEY)
    answer = post(anonymous, {**body, **change}, KEY)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    assert figures() == {"Concert": 2, "Seat": 2}


def test_same_key_of_different_callers_is_two_keys(anonymous, box_office, manager, body):
    ids = {post(client, {**body, "items": [{**body["items"][0], "quantity": 1}]}, KEY).json()["id"]
           for client in (anonymous, box_office, manager)}  # fmt: skip
    assert len(ids) == Booking.objects.count() == 3


def test_replay_answers_what_the_booking_is_by_now(anonymous, body):
    booking = Booking.objects.get(pk=post(anonymous, body, KEY).json()["id"])
    booking.confirm()
    answer = post(anonymous, body, KEY)
    assert (answer.status_code, answer.json()["status"]) == (201, "confirmed")
    assert len(answer.json()["tickets"]) == 2


def test_replay_works_after_the_sale_is_over(anonymous, manager, body, pass_time, seat):
    for client, time in ((anonymous, {"hours": 23, "minutes": 59}), (manager, {"days": 365})):
        first = post(client, body, KEY).json()
        TicketType.objects.update(sales_end_at=seat.event.created_at)
        pass_time(**time)
        again = post(client, body, KEY)
        assert (again.status_code, again.json()["id"], again.json()["status"]) == (201, first["id"], "expired")
        assert again.json()["secret"] == first["secret"]
        TicketType.objects.update(sales_end_at=None)


def test_key_of_an_anonymous_client_expires_after_a_day(anonymous, body, seat, book, pass_time):
    post(anonymous, body, KEY)
    pass_time(hours=24)
    for is_sold_out in (False, True):
        if is_sold_out:
            book((seat, 4))
        assert refused(post(anonymous, body, KEY), 409, "idempotency-key-expired")
        dry_run = anonymous.post("/bookings?dry_run=true", body, headers={"Idempotency-Key": KEY})
        assert refused(dry_run, 409, "idempotency-key-expired")
        assert refused(post(anonymous, {**body, "metadata": {}}, KEY), 422, "idempotency-key-reused")
    assert Booking.objects.count() == 2


def test_renewed_secret_is_not_replayed_to_anonymous_clients(anonymous, manager, body):
    for client in (anonymous, manager):
        booking = Booking.objects.get(pk=post(client, body, KEY).json()["id"])
        booking.renew_secret()
    assert refused(post(anonymous, body, KEY), 409, "idempotency-key-expired")
    assert post(manager, body, KEY).json()["secret"] == booking.secret


def test_refused_attempt_leaves_no_trace(anonymous, book, body, seat, figures):
    hold = book((seat, 3))
    assert post(anonymous, body, KEY).status_code == 409
    hold.cancel()
    answer = post(anonymous, body, KEY)
    assert answer.status_code == 201
    assert "Idempotent-Replayed" not in answer
    assert figures() == {"Concert": 2, "Seat": 2}


def test_invalid_attempt_leaves_no_trace(anonymous, body):
    assert post(anonymous, {**body, "items": []}, KEY).status_code == 400
    assert post(anonymous, body, KEY).status_code == 201


@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 256])
def test_key_that_is_not_visible_ascii_is_refused(anonymous, body, key):
    answer = post(anonymous, body, key)
    assert answer.status_code == 400
    assert [entry["header"] for entry in answer.json()["errors"]] == ["Idempotency-Key"]
    assert Booking.objects.count() == 0


def test_key_of_an_anonymous_client_has_22_characters(anonymous, manager, body):
    for path in ("/bookings", "/bookings?dry_run=true"):
        answer = anonymous.post(path, body, headers={"Idempotency-Key": "k" * 21})
        assert refused(answer, 400, "invalid-input")
        assert [(entry["header"], entry["code"]) for entry in answer.json()["errors"]] == [
            ("Idempotency-Key", "min-length")
        ]
    assert Booking.objects.count() == 0
    assert post(anonymous, body, "k" * 22).status_code == 201
    assert post(manager, body, "k").status_code == 201


def test_key_of_255_characters_is_kept_whole(anonymous, body):
    first = post(anonymous, body, "x" * 255)
    assert post(anonymous, body, "x" * 255).json()["id"] == first.json()["id"]
    assert post(anonymous, {**body, "customer_name": "Bob"}, "x" * 254).status_code == 201


def test_without_a_key_each_request_books(anonymous, body, figures):
    assert anonymous.post("/bookings", body).json()["id"] != anonymous.post("/bookings", body).json()["id"]
    assert figures() == {"Concert": 4, "Seat": 4}
