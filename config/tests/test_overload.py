"""Load shedding: anonymous API requests that waited too long are asked to come back later."""

import json
import time

import pytest

from config.access.models import ApiToken
from config.api import overload
from conftest import make_user

BOOKINGS = "/api/v1/bookings"
BOOKING = f"{BOOKINGS}/0b0e6fd4-9d3e-4b60-8f5c-6f1f0f6f9a55"
EVENTS = "/api/v1/events"


@pytest.fixture(autouse=True)
def proxy(settings):
    """One is declared, which sets the header."""
    settings.NUM_PROXIES = 1


def started(seconds_ago):
    return f"t={time.time() - seconds_ago:.3f}"


def get(client, path, wait=overload.MAX_WAIT + 0.5, **headers):
    return client.get(path, headers={"X-Request-Start": started(wait), **headers})


@pytest.mark.parametrize("path", [EVENTS, f"{EVENTS}/", f"{EVENTS}?search=/bookings/1", BOOKINGS, f"{BOOKINGS}/"])
def test_late_anonymous_request_is_429_without_a_query(client, path, django_assert_num_queries, db):
    with django_assert_num_queries(0):
        answer = get(client, path)
    assert (answer.status_code, answer["Content-Type"]) == (429, "application/problem+json")
    assert answer.json()["code"] == "busy"
    assert answer.json()["request_id"] == answer["X-Request-ID"]
    least, most = overload.RETRY_AFTER
    assert least <= int(answer["Retry-After"]) <= most


@pytest.mark.parametrize(("path", "status"), [("/health", 200), ("/", 200), ("/nonsense", 404)])
def test_late_request_outside_of_the_api_is_answered(client, path, status, db):
    assert get(client, path).status_code == status


def test_late_request_with_the_secret_of_a_booking_is_answered(client, book):
    booking = book()
    path, secret = f"{BOOKINGS}/{booking.pk}", {"Booking-Secret": booking.secret}
    assert get(client, path, **secret).status_code == 200
    assert get(client, f"{path}?secret={booking.secret}").status_code == 200
    wrong = {"Booking-Secret": "x" * 32}
    for url, sent in ((path, wrong), (f"{path}?secret=x", {}), (BOOKING, secret), (f"{BOOKINGS}/nonsense", secret)):
        assert get(client, url, **sent).json()["code"] == "busy"
        assert get(client, url, wait=0, **sent).status_code == 404
    assert get(client, EVENTS, **secret).json()["code"] == "busy"


def test_late_request_for_a_booking_without_its_secret_is_429_without_a_query(client, django_assert_num_queries, db):
    for path in (BOOKING, f"{BOOKING}/nonsense"):
        with django_assert_num_queries(0):
            assert get(client, path).json()["code"] == "busy"


@pytest.mark.parametrize(
    "value",
    ["", "t=", "nonsense", "NaN", "t=nan", "-1", "1e9", "inf", "٣", "t={future}", "t=0", "t=" + "9" * 400,
     "{milliseconds}", "t={past}"],
)  # fmt: skip
def test_time_that_cannot_be_when_the_proxy_sent_it_sheds_nothing(client, value, db):
    now = time.time()
    value = value.format(future=now + 3600, milliseconds=f"{now * 1000:.0f}", past=now - 3600)
    assert client.get(EVENTS, headers={"X-Request-Start": value}).status_code == 200


def test_without_a_proxy_the_header_is_ignored(client, settings, db):
    settings.NUM_PROXIES = 0
    assert get(client, EVENTS).status_code == 200


def test_wait_is_measured_to_the_millisecond(client, db):
    assert get(client, EVENTS, wait=overload.MAX_WAIT - 0.2).status_code == 200
    assert client.get(EVENTS).status_code == 200
    assert client.get(EVENTS, headers={"X-Request-Start": started(1)[2:]}).status_code == 429  # `t=` is optional


def test_valid_token_and_session_are_answered(client, db):
    user = make_user()
    token = ApiToken.issue(user=user, name="shop")[1]
    assert get(client, EVENTS, Authorization=f"Bearer {token}").status_code == 200
    client.force_login(user)
    assert get(client, EVENTS).status_code == 200


def test_credentials_that_are_not_valid_exempt_nobody(client, db):
    assert get(client, EVENTS, Authorization="Bearer tbs_wrong").status_code == 401
    client.cookies["sessionid"] = "made-up"
    assert get(client, EVENTS).json()["code"] == "busy"
    client.cookies["sessionid"] = ""
    assert get(client, EVENTS).json()["code"] == "busy"


def test_other_cookies_are_no_credentials(client, django_assert_num_queries, db):
    client.cookies["_ga"] = "GA1.1"
    with django_assert_num_queries(0):
        assert get(client, EVENTS).status_code == 429


def test_clients_do_not_return_all_at_once(client, db):
    assert len({get(client, EVENTS)["Retry-After"] for _ in range(50)}) > 2


def test_web_page_can_read_the_refusal(client, db):
    answer = get(client, EVENTS, Origin="https://shop.example.com")
    assert json.loads(answer.content)["status"] == 429
    assert answer["Access-Control-Allow-Origin"] == "*"
