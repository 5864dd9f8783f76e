"""A server that cannot keep up: guests are told to come back, and whoever is answered is answered soon."""

import json
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.http import HttpResponse

from config.api import rush
from config.rush import WAITED
from config.tests.harness.server import fresh_database, served

BOOKINGS = "/api/v1/bookings"
BOOKING = f"{BOOKINGS}/0b0e6fd4-9d3e-4b60-8f5c-6f1f0f6f9a55"


@pytest.mark.parametrize(
    ("path", "headers", "is_put_off"),
    [
        (BOOKINGS, {}, True),
        (f"{BOOKINGS}/", {}, True),
        (f"{BOOKINGS}?dry_run=true", {}, True),
        ("/api/v1/events", {}, True),
        ("/api/v1/events?next=/bookings/1", {}, True),
        (BOOKINGS, {"HTTP_AUTHORIZATION": "Bearer tbs_x"}, False),
        (BOOKINGS, {"HTTP_COOKIE": "sessionid=x"}, False),
        (f"{BOOKING}/confirm", {}, False),
        (BOOKING, {}, False),
        ("/health", {}, False),
        ("/admin/login/", {}, False),
    ],
)
def test_who_is_put_off(rf, path, headers, is_put_off):
    asked = rf.get(path, **headers)
    if "HTTP_COOKIE" not in headers:
        asked.META.pop("HTTP_COOKIE", None)  # the factory sends an empty one
    assert rush.is_put_off(asked) == is_put_off
    for waited, status in ((rush.LONGEST_WAIT + 0.1, 429), (rush.LONGEST_WAIT - 0.1, 204), (None, 204)):
        asked.META |= {} if waited is None else {WAITED: waited}
        answer = rush.RushMiddleware(lambda _: HttpResponse(status=204))(asked)
        assert answer.status_code == (status if is_put_off else 204)
        asked.META.pop(WAITED, None)


@pytest.fixture(scope="module")
def slow_server():
    """One worker of four threads that takes a fifth of a second for each request: twenty in a second."""
    with (
        fresh_database() as url,
        served(
            url,
            is_production=True,
            application="config.tests.harness.slow_wsgi",
            workers=1,
            DEBUG="False",
            CORS_ALLOWED_ORIGINS="http://shop.example.com",
        ) as running,
    ):
        yield running


def ask(server, path="/api/v1/venues", **headers):
    """Status, seconds, headers and body."""
    began = time.monotonic()
    try:
        with urllib.request.urlopen(urllib.request.Request(server.url + path, headers=headers), timeout=60) as answer:
            found = answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refused:
        found = refused.code, refused.headers, refused.read()
    return found[0], time.monotonic() - began, found[1], found[2]


def test_in_a_rush_guests_come_back_later_and_nobody_waits_long(slow_server):
    with ThreadPoolExecutor(60) as crowd:
        guests = [crowd.submit(ask, slow_server, Origin="http://shop.example.com") for _ in range(56)]
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
    assert headers["Access-Control-Allow-Origin"] == "http://shop.example.com"  # or no page could read it
    assert headers["X-Request-ID"] == json.loads(body)["request_id"]
    assert json.loads(body)["code"] == "busy"
    assert len({it[2]["Retry-After"] for it in answers if it[0] == 429}) > 1  # not all of them together


def test_when_there_is_no_rush_nobody_is_put_off(slow_server):
    assert [ask(slow_server)[0] for _ in range(3)] == [200, 200, 200]


def test_who_holds_places_comes_before_those_who_look(slow_server):
    with ThreadPoolExecutor(60) as crowd:
        known = [crowd.submit(ask, slow_server, Authorization="Bearer tbs_wrong") for _ in range(40)]  # two seconds
        time.sleep(0.3)
        status, seconds, *_ = ask(slow_server, BOOKING)
        assert [it.result()[0] for it in known] == [401] * 40
    assert status == 404
    assert seconds < 1
