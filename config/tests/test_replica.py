"""A real streaming replica: who reads it, who never does, and what happens when it is behind, or away."""

import contextlib
import http.client
import http.cookiejar
import json
import re
import time
import urllib.parse
import urllib.request
from types import SimpleNamespace

import psycopg
import pytest
from django.conf import settings

from config.settings.database import SQLITE
from config.tests.harness.postgres import Standby, postgres
from config.tests.harness.server import served

pytestmark = [
    pytest.mark.xdist_group("replica"),  # one process makes what all tests of this module share
    pytest.mark.skipif(
        settings.DATABASES["default"]["ENGINE"] == SQLITE, reason="SQLite has no replicas; the run on PostgreSQL does."
    ),
]

MAX_LAG = 5
PATIENCE = 30  # seconds for what happens within one or six on a machine that has nothing else to do
CATALOGUE = {"venues_venue", "events_event", "ticket_types_tickettype", "bookings_booking", "bookings_bookingitem"}
PASSWORD = "correct horse"  # of the admin's user


class Log:
    """What a database server is asked, from its own log."""

    def __init__(self, server):
        self.path = server.folder / "log"
        self.begin = self.path.stat().st_size

    def tables(self):
        """The tables that were read or written since the beginning."""
        with self.path.open() as file:
            file.seek(self.begin)
            return set(re.findall(r'(?:FROM|INTO|UPDATE|JOIN) "(\w+)"', file.read()))


@pytest.fixture(scope="module")
def world():
    """A server over a primary and its replica, with an event on sale."""
    with postgres(durable=False) as primary:
        standby = Standby(primary, options="-c log_statement=all -c fsync=off")
        try:
            primary.create_database("tickets")
            standby.start()
            with served(
                primary.url("tickets"),
                DATABASE_REPLICA_URL=standby.url("tickets"),
                DATABASE_REPLICA_MAX_LAG=str(MAX_LAG),
            ) as server:
                here = SimpleNamespace(primary=primary, standby=standby, server=server, port=server.url.split(":")[-1])
                with psycopg.connect(primary.url(), autocommit=True) as connection:
                    connection.execute("ALTER SYSTEM SET log_statement = 'all'")
                    connection.execute("SELECT pg_reload_conf()")
                here.manager = server.manage("create_api_token", "m", "--role", "manager").strip()
                here.box_office = server.manage("create_api_token", "b", "--role", "box-office").strip()
                sell(here)
                yield here
        finally:
            standby.stop()


def ask(world, method, path, body=None, token=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", int(world.port), timeout=PATIENCE)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    content = None if body is None else json.dumps(body)
    with contextlib.closing(connection):
        connection.request(method, path, content, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        text = answer.read().decode()
    data = json.loads(text) if text.startswith("{") else text
    return SimpleNamespace(status=answer.status, headers=answer.headers, data=data)


def make(world, path, **facts):
    answer = ask(world, "POST", f"/api/v1{path}", facts, world.manager)
    assert answer.status in (200, 201), answer.data
    return answer.data.get("id")


def sell(world, name="Concert"):
    """Makes an event with ten places and puts it on sale; waits until the replica has it."""
    world.venue = make(world, "/venues", name="Hall", address="1 Main Street", capacity=1000)
    times = {"starts_at": "2090-06-01T20:00:00Z", "ends_at": "2090-06-01T22:00:00Z"}
    world.event = make(world, "/events", venue=world.venue, name=name, capacity=10, **times)
    world.type = make(world, "/ticket-types", event=world.event, name="Seat", price="10.00")
    make(world, f"/events/{world.event}/publish")
    in_time(lambda: in_replica(world, "SELECT status FROM events_event WHERE id = %s", world.event) == "published")
    in_time(lambda: replica_line(world) == "ok")


def in_replica(world, sql, *values):
    with psycopg.connect(world.standby.url("tickets"), autocommit=True) as connection:
        row = connection.execute(sql, values).fetchone()
    return row and row[0]


def in_time(question):
    give_up_at = time.monotonic() + PATIENCE
    while not question():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


def replica_line(world):
    answer = ask(world, "GET", "/health/ready")
    assert (answer.status, answer.data["status"]) == (200, "ready")
    return answer.data["checks"]["replica"]


def booking(world, quantity=1):
    items = [{"ticket_type": world.type, "quantity": quantity}]
    return {"customer_name": "Ann Lee", "customer_email": "ann@example.com", "items": items}


@contextlib.contextmanager
def paused(world):
    with psycopg.connect(world.standby.url(), autocommit=True) as connection:
        connection.execute("SELECT pg_wal_replay_pause()")
        try:
            yield
        finally:
            connection.execute("SELECT pg_wal_replay_resume()")
    in_time(lambda: replica_line(world) == "ok")


PATHS = [
    "/venues",
    "/venues?search=hall&ordering=-capacity",
    "/venues/{venue}",
    "/events",
    "/events?available=true&expand=venue,ticket_types",
    "/events/{event}?expand=venue,ticket_types",
    "/ticket-types?expand=event",
    "/ticket-types/{type}",
    "/events.ics",
    "/events/{event}.ics",
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", PATHS)
def test_catalogue_is_read_from_the_replica_alone(world, method, path):
    primary, standby = Log(world.primary), Log(world.standby)
    assert ask(world, method, "/api/v1" + path.format(**vars(world))).status == 200
    assert primary.tables() == set()
    assert standby.tables() > set()
    assert standby.tables() <= CATALOGUE


@pytest.mark.parametrize("path", PATHS)
def test_who_may_not_edit_is_known_by_the_primary_and_reads_the_replica(world, path):
    primary, standby = Log(world.primary), Log(world.standby)
    assert ask(world, "GET", "/api/v1" + path.format(**vars(world)), token=world.box_office).status == 200
    assert "access_apitoken" in primary.tables()
    assert primary.tables() & CATALOGUE == set()
    assert standby.tables() > set()
    assert standby.tables() <= CATALOGUE


@pytest.mark.parametrize("path", [path for path in PATHS if ".ics" not in path])
def test_who_may_edit_reads_the_primary(world, path):
    primary, standby = Log(world.primary), Log(world.standby)
    assert ask(world, "GET", "/api/v1" + path.format(**vars(world)), token=world.manager).status == 200
    assert primary.tables() & CATALOGUE > set()
    assert standby.tables() == set()


def test_booking_never_reads_the_replica(world):
    standby = Log(world.standby)
    quote = ask(world, "POST", "/api/v1/bookings?dry_run=true", booking(world))
    made = ask(world, "POST", "/api/v1/bookings", booking(world), Idempotency_Key="a-key")
    again = ask(world, "POST", "/api/v1/bookings", booking(world), Idempotency_Key="a-key")
    path = f"/api/v1/bookings/{made.data['id']}"
    seen = ask(world, "GET", f"{path}?expand=event")
    listed = ask(world, "GET", "/api/v1/bookings", token=world.box_office)
    confirmed = ask(world, "POST", f"{path}/confirm", {}, world.box_office)
    code = confirmed.data["tickets"][0]["code"]
    ticket = ask(world, "GET", f"/api/v1/tickets/{code}", token=world.box_office)
    cancelled = ask(world, "POST", f"{path}/cancel", {}, world.box_office)
    answers = [quote, made, again, seen, listed, confirmed, ticket, cancelled]
    assert [answer.status for answer in answers] == [200, 201, 201, 200, 200, 200, 200, 200]
    assert standby.tables() == set()


def test_edit_and_its_answer_never_read_the_replica(world):
    standby = Log(world.standby)
    path = f"/api/v1/venues/{world.venue}"
    tag = ask(world, "GET", path, token=world.manager).headers["ETag"]
    edited = ask(world, "PATCH", path, {"name": "New Hall"}, world.manager, If_Match=tag)
    assert (edited.status, edited.data["name"]) == (200, "New Hall")
    assert ask(world, "PATCH", path, {"name": "Old Hall"}, world.manager, If_Match=tag).status == 412
    assert ask(world, "GET", path, If_Match=edited.headers["ETag"]).status == 200  # although anybody may ask
    assert standby.tables() == set()


def test_admin_never_reads_the_replica(world):
    code = f"""
from django.contrib.auth import get_user_model
get_user_model().objects.create_superuser("boss", password={PASSWORD!r})
"""
    world.server.manage("shell", "--no-imports", "-c", code)
    standby = Log(world.standby)
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    url = f"{world.server.url}/admin/login/?next=/admin/events/event/"
    browser.open(url, timeout=PATIENCE).read()
    token = next(cookie.value for cookie in jar if cookie.name == "csrftoken")
    form = urllib.parse.urlencode({"username": "boss", "password": PASSWORD, "csrfmiddlewaretoken": token})
    assert "Concert" in browser.open(url, form.encode(), timeout=PATIENCE).read().decode()
    assert standby.tables() == set()


def test_replica_that_is_behind_shows_what_was_and_decides_nothing(world):
    sell(world, "Then")
    path = f"/api/v1/events/{world.event}"
    before = ask(world, "GET", path)
    with paused(world):
        edited = ask(world, "PATCH", path, {"name": "Now"}, world.manager)
        assert (edited.status, edited.data["name"]) == (200, "Now")
        assert ask(world, "GET", path, token=world.manager).data["name"] == "Now"
        assert ask(world, "POST", "/api/v1/bookings", booking(world, 10)).status == 201

        shown = ask(world, "GET", path)
        assert shown.data["name"] == "Then"
        assert shown.data["availability"]["available"] == 10
        assert shown.headers["ETag"] == before.headers["ETag"] != edited.headers["ETag"]
        assert ask(world, "GET", path, If_None_Match=before.headers["ETag"]).status == 304

        refused = ask(world, "POST", "/api/v1/bookings", booking(world))
        assert (refused.status, refused.data["code"]) == (409, "sold-out")
        stale = ask(world, "PATCH", path, {"name": "Never"}, world.manager, If_Match=shown.headers["ETag"])
        assert stale.status == 412

        venue = make(world, "/venues", name="Quite New", address="1 Main Street", capacity=1000)
        assert in_replica(world, "SELECT id FROM venues_venue WHERE id = %s", venue) is None
        assert ask(world, "GET", f"/api/v1/venues/{venue}").status == 200
        assert ask(world, "GET", f"/api/v1/venues/{venue + 1}").status == 404

        in_time(lambda: ask(world, "GET", path).data["name"] == "Now")
        assert in_replica(world, "SELECT name FROM events_event WHERE id = %s", world.event) == "Then"
        assert replica_line(world) == "not read, because it is too far behind"
    standby = Log(world.standby)
    assert ask(world, "GET", path).data["name"] == "Now"
    assert "events_event" in standby.tables()


def test_what_the_replica_cannot_answer_the_primary_does(world):
    """As after a migration that the replica has not replayed."""
    with psycopg.connect(world.primary.url("tickets"), autocommit=True) as connection:
        connection.execute("ALTER TABLE venues_venue RENAME COLUMN address TO place")
        has_place = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'place'"
        in_time(lambda: in_replica(world, has_place))
        with paused(world):
            connection.execute("ALTER TABLE venues_venue RENAME COLUMN place TO address")
            standby, primary = Log(world.standby), Log(world.primary)
            assert ask(world, "GET", "/api/v1/venues").status == 200
            assert standby.tables() == {"venues_venue"}
            assert primary.tables() == {"venues_venue"}


def test_replica_that_is_away_does_not_take_the_catalogue_away(world):
    world.standby.crash()
    try:
        for path in PATHS:
            assert ask(world, "GET", "/api/v1" + path.format(**vars(world))).status == 200
        assert replica_line(world).startswith("not read, because it ")
    finally:
        world.standby.start()
    in_time(lambda: replica_line(world) == "ok")
    standby = Log(world.standby)
    assert ask(world, "GET", "/api/v1/venues").status == 200
    assert standby.tables() == {"venues_venue"}
