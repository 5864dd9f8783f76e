"""How many places one anonymous client can hold, and book in a while."""

import datetime as dt
import re
import uuid

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.utils import timezone

from bookings.models import Booking, BookingChange
from config.access.models import ApiToken
from config.access.roles import Role
from config.tests.harness.answers import refused
from conftest import client_of, make_user
from events.inventory import release_due
from events.models import Event

pytestmark = pytest.mark.both

MINUTE = dt.timedelta(minutes=1)
OTHER = {"REMOTE_ADDR": "192.0.2.7"}


@pytest.fixture
def seat(make_type, make_event, settings):
    settings.ANONYMOUS_PLACES_PER_CLIENT = 5
    cache.clear()
    return make_type(event=make_event(capacity=50), max_per_booking=50)


@pytest.fixture
def rate(settings, seat):
    """10 places an hour, and no other limit."""
    settings.ANONYMOUS_PLACES_PER_CLIENT = 0
    settings.RATE_LIMITS = {"anonymous-places": (10, 3600)}


def post(client, seat, quantity=1, *, query="", key=None, hold=None, **how):
    line = {"ticket_type": seat.pk, "quantity": quantity}
    body = {"customer_name": "Ann", "customer_email": "ann@example.com", "items": [line]}
    more = {"hold_minutes": hold} if hold else {}
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(f"/bookings{query}", body | more, headers=headers, **how)


def booked(answer):
    assert answer.status_code == 201, answer.content
    return Booking.objects.get(pk=answer.json()["id"])


def test_places_above_the_limit_are_429_with_figures(seat, anonymous, box_office):
    booked(post(anonymous, seat, 3, hold=2))
    booked(post(anonymous, seat, 2))
    answer = post(anonymous, seat, 1)
    assert refused(answer, 429, "too-many-places")
    (error,) = answer.json()["errors"]
    assert [error[name] for name in ("pointer", "requested", "held", "limit")] == ["/items", 1, 5, 5]
    assert 100 < int(answer["Retry-After"]) <= 121
    assert (Booking.objects.count(), BookingChange.objects.count(), Event.objects.get().reserved) == (2, 2, 5)
    for client, how in ((anonymous, OTHER), (box_office, {})):
        booked(post(client, seat, 5, **how))


def test_more_places_at_once_than_the_limit_are_429(seat, anonymous):
    answer = post(anonymous, seat, 6)
    assert refused(answer, 429, "too-many-places")
    assert answer.json()["errors"][0]["next_release_at"] is None


def test_places_of_another_address_of_a_network_are_the_same_clients(seat, anonymous):
    booked(post(anonymous, seat, 5, REMOTE_ADDR="2001:db8:1:2::1"))
    assert post(anonymous, seat, 1, REMOTE_ADDR="2001:db8:1:2:ffff::9").status_code == 429
    booked(post(anonymous, seat, 1, REMOTE_ADDR="2001:db8:1:3::1"))


@pytest.mark.parametrize("end", ["cancel", "confirm", "hold ends", "expire", "cancel event"])
def test_places_that_are_not_held_any_more_do_not_count(seat, anonymous, end, pass_time, make_type):
    booking = booked(post(anonymous, seat, 5))
    assert post(anonymous, seat, 1).status_code == 429
    other = make_type(event=Event.objects.get(), name="Other") if end != "cancel event" else make_type()
    match end:
        case "cancel" | "confirm":
            getattr(booking, end)()
        case "cancel event":
            Event.objects.get(pk=seat.event_id).cancel(at=timezone.now())
        case _:
            pass_time(minutes=16)
    if end == "expire":
        release_due(wait=True)
    booked(post(anonymous, other, 5))
    if end != "hold ends":
        assert Booking.objects.get(pk=booking.pk).client_key == ""


def test_dry_run_obeys_the_limit_and_takes_no_place(seat, anonymous):
    for _ in range(3):
        assert post(anonymous, seat, 5, query="?dry_run=true").status_code == 200
    booked(post(anonymous, seat, 4))
    assert refused(post(anonymous, seat, 2, query="?dry_run=true"), 429, "too-many-places")
    assert post(anonymous, seat, 1, query="?dry_run=true").status_code == 200


def test_retry_above_the_limit_answers_its_booking(seat, anonymous):
    key, other = str(uuid.uuid4()), str(uuid.uuid4())
    first = post(anonymous, seat, 5, key=key)
    again = post(anonymous, seat, 5, key=key)
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert refused(post(anonymous, seat, 1, key=other), 429, "too-many-places")
    booked(first).cancel()
    assert "Idempotent-Replayed" not in post(anonymous, seat, 1, key=other)  # a refusal leaves the key free


def test_limit_of_0_is_no_limit_and_stores_no_client(seat, anonymous, settings):
    settings.ANONYMOUS_PLACES_PER_CLIENT = 0
    assert booked(post(anonymous, seat, 50)).client_key == ""


def test_client_is_stored_as_a_keyed_hash_that_no_answer_shows(seat, anonymous, auditor, settings):
    answer = post(anonymous, seat, 1)
    key = booked(answer).client_key
    assert re.fullmatch(r"[0-9a-f]{32}", key)
    shown = [answer, auditor.get("/bookings"), auditor.get(f"/bookings/{answer.json()['id']}")]
    assert not [it for it in shown if key in it.content.decode() or "127.0.0.1" in it.content.decode()]
    settings.SECRET_KEY = "another"
    assert booked(post(anonymous, seat, 1)).client_key not in (key, "")


# In a while


def test_places_above_the_rate_are_429(rate, seat, anonymous, box_office):
    booked(post(anonymous, seat, 7)).cancel()
    answer = post(anonymous, seat, 4)
    assert refused(answer, 429, "too-many-places")
    (error,) = answer.json()["errors"]
    assert [error[name] for name in ("requested", "available", "limit")] == [4, 3, 10]
    assert 3590 <= int(answer["Retry-After"]) <= 3600
    assert answer["RateLimit-Policy"] == '"anonymous-places";q=10;w=3600'
    assert answer["RateLimit"].startswith('"anonymous-places";r=3;t=')
    assert post(anonymous, seat, 3)["RateLimit"].startswith('"anonymous-places";r=0;t=')
    for client, how in ((anonymous, OTHER), (box_office, {})):
        booked(post(client, seat, 10, **how))


def test_places_that_were_refused_do_not_count(rate, seat, anonymous, make_type):
    sold_out = make_type(event=seat.event, name="Gone", capacity=1, max_per_booking=9)
    for quantity, query, status in ((9, "", 409), (9, "?dry_run=true", 409), (10, "", 400), (11, "", 429)):
        assert {post(anonymous, sold_out, quantity, query=query).status_code for _ in range(4)} == {status}
    assert {post(anonymous, seat, 10, query="?dry_run=true").status_code for _ in range(4)} == {200}
    assert post(anonymous, seat, 10)["RateLimit"].startswith('"anonymous-places";r=0;t=')


def test_retry_above_the_rate_answers_its_booking_and_does_not_count(rate, seat, anonymous):
    key, other = str(uuid.uuid4()), str(uuid.uuid4())
    first = post(anonymous, seat, 4, key=key)
    assert post(anonymous, seat, 4, key=key)["RateLimit"].startswith('"anonymous-places";r=6;t=')
    booked(post(anonymous, seat, 6))
    again = post(anonymous, seat, 4, key=key)
    assert (again.status_code, again.json()["id"], again["Idempotent-Replayed"]) == (201, first.json()["id"], "true")
    assert refused(post(anonymous, seat, 4, key=other), 429, "too-many-places")


# How long


def minutes(booking):
    return round((booking.expires_at - booking.created_at) / MINUTE)


def test_anonymous_hold_is_at_most_the_usual_one(seat, anonymous, settings):
    settings.BOOKING_HOLD_MINUTES, settings.BOOKING_HOLD_MINUTES_MAX = 7, 30
    _, text = ApiToken.issue(user=make_user(Role.BOX_OFFICE), name="shop")
    program = client_of()
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    for client, asked, given in [(anonymous, 60, 7), (anonymous, 3, 3), (anonymous, None, 7), (program, 60, 30)]:
        assert minutes(booked(post(client, seat, 1, hold=asked))) == given


def test_anonymous_hold_is_extended_until_the_longest_one_ends(seat, anonymous, pass_time, settings):
    settings.BOOKING_HOLD_MINUTES_MAX = 30
    nobody, clerk = AnonymousUser(), make_user(username="clerk")
    booking = booked(post(anonymous, seat, 1))
    for passed, length, is_extended in ((10, 25, True), (10, 30, True), (5, 30, False)):
        pass_time(minutes=passed)
        booking = Booking.objects.get(pk=booking.pk).extend(by=nobody)
        assert (minutes(booking), booking.is_extended) == (length, is_extended)
    assert minutes(booking.extend(hold=20 * MINUTE, by=clerk)) == 45
