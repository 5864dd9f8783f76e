"""A server that cannot keep up: guests are told to come back, and whoever is answered is answered soon."""

import json
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from config import rush
from config.tests.server import fresh_database, served

pytestmark = pytest.mark.anywhere

BOOKING = b"POST /api/v1/bookings HTTP/1.1"
CONFIRM = b"POST /api/v1/bookings/0b0e6fd4-9d3e-4b60-8f5c-6f1f0f6f9a55/confirm HTTP/1.1"


def request(line, *headers):
    return b"\r\n".join([line, b"Host: localhost", *headers]) + b"\r\n\r\nAuthorization: not a header"


@pytest.mark.parametrize(
    ("line", "headers", "is_put_off"),
    [
        (BOOKING, [], True),
        (b"POST /api/v1/bookings/ HTTP/1.1", [], True),
        (b"POST /api/v1/bookings?dry_run=true HTTP/1.1", [], True),
        (b"GET /api/v1/events HTTP/1.1", [], True),
        (b"GET /api/v1/events?next=/bookings/1 HTTP/1.1", [], True),
        (BOOKING, [b"Authorization: Bearer tbs_x"], False),
        (BOOKING, [b"authorization: Bearer tbs_x"], False),
        (b"GET /admin/ HTTP/1.1", [b"Cookie: sessionid=x"], False),
        (CONFIRM, [], False),
        (b"GET /health HTTP/1.1", [], False),
        (b"GET /health/ready HTTP/1.1", [], False),
    ],
)
def test_who_is_put_off(line, headers, is_put_off):
    assert rush.is_put_off(request(line, *headers), rush.LONGEST_WAIT + 0.1) == is_put_off
    assert not rush.is_put_off(request(line, *headers), rush.LONGEST_WAIT - 0.1)


@pytest.fixture(scope="module")
def slow_server():
    """One worker of four threads that takes a fifth of a second for each request: twenty in a second."""
    with (
        fresh_database() as url,
        served(url, is_production=True, application="config.tests.slow_wsgi", workers=1, DEBUG="False") as running,
    ):
        yield running


def ask(server, path="/api/v1/venues", **headers):
    """Status, seconds, headers and body."""
    began = time.monotonic()
    try:
        with urllib.request.urlopen(urllib.request.Request(server.url + path, headers=headers), timeout=60) as answer:
            found = answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as refused:
        found = refused.code, dict(refused.headers), refused.read()
    return found[0], time.monotonic() - began, found[1], found[2]


def test_in_a_rush_guests_come_back_later_and_nobody_waits_long(slow_server):
    with ThreadPoolExecutor(60) as crowd:
        guests = [crowd.submit(ask, slow_server) for _ in range(56)]
        time.sleep(0.3)
        staff = [crowd.submit(ask, slow_server, Authorization="Bearer tbs_wrong") for _ in range(2)]
        health = crowd.submit(ask, slow_server, "/health")
        answers = [it.result() for it in guests]
        known = [it.result() for it in staff]
    statuses = [status for status, *_ in answers]
    assert statuses.count(200) >= 8
    assert statuses.count(429) >= 24
    assert set(statuses) == {200, 429}
    assert max(seconds for _, seconds, *_ in answers) < rush.LONGEST_WAIT + 1.5
    assert [status for status, *_ in known] == [401, 401]  # they waited, and were answered
    assert health.result()[0] == 200
    _, _, headers, body = next(it for it in answers if it[0] == 429)
    least, most = rush.RETRY_AFTER
    assert least <= int(headers["Retry-After"]) <= most
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["X-Request-ID"] == json.loads(body)["request_id"]
    assert json.loads(body)["code"] == "busy"
    assert len({it[2]["Retry-After"] for it in answers if it[0] == 429}) > 1  # not all of them together


def test_when_there_is_no_rush_nobody_is_put_off(slow_server):
    assert [ask(slow_server)[0] for _ in range(3)] == [200, 200, 200]


def test_who_holds_places_comes_before_those_who_look(slow_server):
    booking = "/api/v1/bookings/0b0e6fd4-9d3e-4b60-8f5c-6f1f0f6f9a55"
    with ThreadPoolExecutor(60) as crowd:
        known = [crowd.submit(ask, slow_server, Authorization="Bearer tbs_wrong") for _ in range(40)]  # two seconds
        time.sleep(0.3)
        status, seconds, *_ = ask(slow_server, booking)
        assert [it.result()[0] for it in known] == [401] * 40
    assert status == 404
    assert seconds < 1
