"""The limits on the production server: four workers, 320 guests at once from one address, and forged headers."""

import contextlib
import http.client
import json
import socket
from collections import Counter
from urllib.parse import urlsplit

import pytest

from config.tests.harness.server import environment_for, manage, migrated_database, served
from config.tests.harness.valkey import valkey

pytestmark = pytest.mark.xdist_group("limits")
CROWD, QUOTA = 320, 20
# One event with more places than there are guests.
SCENE = """
import datetime as dt
from django.utils import timezone
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue
venue = Venue.objects.create(name="Hall", address="Street", capacity=1000, timezone="UTC")
at = timezone.now() + dt.timedelta(days=9)
event = Event.plan(venue=venue, name="Concert", starts_at=at, ends_at=at + dt.timedelta(hours=2))
seat = TicketType.offer(event=event, name="Seat", price="9.00")
event.publish(at=timezone.now())
print(seat.pk)
"""
COUNT = "from bookings.models import Booking; print(Booking.objects.count())"


def ask_at_once(server, body):
    """What each of the crowd is answered: all ask at once, and whoever is told that there is a rush asks again."""
    address = urlsplit(server.url)
    requests = [
        f"POST /api/v1/bookings HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
        f"X-Forwarded-For: 198.51.100.{number % 250}, 2001:db8:{number}::1\r\nForwarded: for=192.0.2.{number % 250}\r\n"
        f"X-Real-IP: 192.0.2.{number % 250}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
        for number in range(CROWD)
    ]
    answers = []
    while requests:
        heard = list(zip(requests, exchange(address, requests), strict=True))
        answers += [answer for _, answer in heard if answer[2].get("code") != "busy"]
        requests = [request for request, answer in heard if answer[2].get("code") == "busy"]
    return answers


def exchange(address, requests):
    """The answer to each request: everybody is connected before the first one asks."""
    lines = [socket.create_connection((address.hostname, address.port), timeout=60) for _ in requests]
    for line, request in zip(lines, requests, strict=True):
        line.sendall(request.encode())
    for line in lines:
        with line, http.client.HTTPResponse(line) as answer:
            answer.begin()
            yield answer.status, answer.headers, json.load(answer)


@pytest.fixture(scope="module")
def hall():
    """A database with something to book: its URL, and the body of a booking."""
    with migrated_database() as url:
        environment = environment_for(url)
        seat = int(manage(environment, "shell", "--no-imports", "-c", SCENE))
        line = {"ticket_type": seat, "quantity": 1}
        yield url, json.dumps({"customer_name": "Ann", "customer_email": "ann@example.com", "items": [line]})


@contextlib.contextmanager
def four_workers(url, **how):
    settings = {"RATE_LIMIT_ANONYMOUS_BOOKINGS": f"{QUOTA}/min", "LOG_LEVEL": "ERROR", "DEBUG": "false"}
    with (
        valkey() as cache,
        served(url, is_production=True, workers=4, CACHE_URL=cache.url, **settings, **how) as server,
    ):
        yield server


def test_of_320_guests_at_once_20_pass_in_a_minute(hall):
    url, body = hall
    with four_workers(url) as server:
        answers = ask_at_once(server, body)
        assert server.manage("shell", "--no-imports", "-c", COUNT) == f"{QUOTA}\n"
    assert Counter(status for status, _, _ in answers) == {201: QUOTA, 429: CROWD - QUOTA}
    for status, headers, answer in answers:
        assert headers["RateLimit-Policy"] == f'"anonymous-bookings";q={QUOTA};w=60'
        if status == 429:
            assert answer["code"] == "too-many-requests"
            assert headers["RateLimit"] == f'"anonymous-bookings";r=0;t={headers["Retry-After"]}'


def test_counter_that_reads_and_then_writes_is_caught(hall):
    url, body = hall
    for _ in range(5):  # on a busy machine the workers may by chance take turns
        with four_workers(url, application="config.tests.harness.leaky_wsgi:application") as server:
            passed = Counter(status for status, _, _ in ask_at_once(server, body))
        if passed[201] > QUOTA:
            break
    assert passed[201] > QUOTA
    assert passed[201] + passed[429] == CROWD
