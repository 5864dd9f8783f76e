"""`copy_database` copies every row; `fingerprint` compares two databases."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from django.conf import settings

from config.database import rows
from config.settings.database import SQLITE
from config.tests.harness.server import environment_for, fresh_database, manage

# All tests of this module share what one process creates.
pytestmark = pytest.mark.xdist_group("copies")

# Text beyond ASCII, currencies with 3 and with no decimals, all states, tickets, history and JSON.
FILL = """
import datetime as dt
from decimal import Decimal
from django.contrib.auth import get_user_model
from django.utils import timezone
from bookings.lifecycle.place import IdempotencyKey, Line
from bookings.models import Booking
from bookings.payments.models import ProviderEvent
from config.access.models import ApiToken
from config.idempotency.keys import RequestKey
from config.idempotency.once import create_once
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue
now = timezone.now()
user = get_user_model().objects.create_user("ann", password="x")
ApiToken.issue(user=user, name="Türe", expires_at=now + dt.timedelta(days=3))
for currency, price in (("EUR", "49.90"), ("KWD", "1.234"), ("JPY", "4000")):
    venue = Venue.objects.create(name=f"Großer Saal ({currency}) 🎭", address="Straße 1", capacity=500)
    event = Event.plan(venue=venue, name="Конзерт", currency=currency, max_per_customer=9,
                       starts_at=now + dt.timedelta(days=9), ends_at=now + dt.timedelta(days=9, hours=2))
    seat = TicketType.offer(event=event, name="Seat", price=Decimal(price), capacity=50)
    event.publish(at=now)
    for number in range(4):
        booking = Booking.place(
            lines=[Line(seat.pk, 1 + number)], customer_name="Zoë", customer_email=f"zoe{number}@example.com",
            metadata={"ä": "ö", "a": "b"}, by=user, key=IdempotencyKey("", f"{currency}{number}", "0" * 64))
        if number % 2:
            booking.confirm(by=user, payment_reference=f"paid {currency} {number}")
        if number > 1:
            booking.cancel(by=user, reason="changed my mind")
        if number == 3:
            (refund,) = booking.refund(by=user, amount=Decimal(1), reason="ä")
            ProviderEvent.objects.create(
                provider="stripe", event_id=f"evt_{currency}", kind="refund.updated", body='{"ä": 1}',
                payment=refund.payment, handled_at=now)
create_once(RequestKey(f"user:{user.pk}", "ä key", "0" * 64, "venue-create"), Venue.objects.all)
# Values that no list has any more.
Event.objects.filter(currency="JPY").update(currency="ZZZ")
Booking.objects.filter(currency="JPY").update(currency="ZZZ")
Venue.objects.filter(events__currency="ZZZ").update(timezone="Europe/Kyivv")
"""
BOOK = """
from bookings.lifecycle.place import Line
from bookings.models import Booking
from ticket_types.models import TicketType
from venues.models import Venue
seat = TicketType.objects.order_by("pk").first()
booking = Booking.place(lines=[Line(seat.pk, 1)], customer_name="New", customer_email="new@example.com")
assert Venue.objects.create(name="New", address="New", capacity=1).pk > 3
print(booking.status)
from django.core.management import call_command
call_command("reconcile")
"""
REFUSED = """
from django.core.management import CommandError, call_command
from config.database import rows
CARELESS
for url in URLS:
    try:
        call_command("copy_database", url, stdout=open("/dev/null", "w"))
    except CommandError as error:
        print(error, end="\\0")
"""


CARELESS = """
def careless(model, chunk, using):
    insert(model, [(*row[:-1], row[-2]) if model._meta.db_table == "venues_venue" else row for row in chunk], using)
insert, rows.insert = rows.insert, careless
"""


def shell(environment, code):
    return manage(environment, "shell", "--no-imports", "-c", code)


def new(url):
    environment = environment_for(url)
    manage(environment, "migrate", "--verbosity", "0")
    return environment


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A migrated database that other tests copy."""
    file = tmp_path_factory.mktemp("template") / "new.db"
    new(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="module")
def source(template, tmp_path_factory):
    """The URL of a database with rows in every table."""
    file = shutil.copy(template, tmp_path_factory.mktemp("source") / "source.db")
    shell(environment_for(f"sqlite:///{file}"), FILL)
    return f"sqlite:///{file}"


@pytest.fixture
def target(template, tmp_path):
    """The environment of a new, migrated database."""
    return environment_for(f"sqlite:///{shutil.copy(template, tmp_path / 'target.db')}")


def copied(url, target):
    """Copies, compares the fingerprints, and returns both outputs."""
    said = manage(target, "copy_database", url)
    printed = manage(target, "fingerprint")
    assert printed == manage(environment_for(url), "fingerprint")
    return said, printed


def content(target):
    with closing(sqlite3.connect(target["DATABASE_URL"].removeprefix("sqlite:///"))) as connection:
        return list(connection.iterdump())


def refusals(target, *urls, careless=""):
    """The error message for each URL; asserts that nothing changed."""
    before = content(target)
    said = shell(target, REFUSED.replace("URLS", repr(urls)).replace("CARELESS", careless))
    assert content(target) == before
    return said.split("\0")[:-1]


def test_copy_equals_the_source_and_sells(source, tmp_path):
    with fresh_database() as url:
        target = new(url)
        said, printed = copied(source, target)
        counts = {table: int(count) for table, count, _ in (line.split() for line in printed.splitlines())}
        assert counts["bookings_booking"] == 12
        assert counts["bookings_ticket"] > 0
        payments = [counts[f"payments_{name}"] for name in ("payment", "refund", "providerevent")]
        assert payments == [6, 3, 3]
        assert counts["idempotency_keyedrequest"] == 1
        assert f"{sum(counts.values()):,} rows copied. Their hashes are the same in both databases.\n" in said
        if settings.DATABASES["default"]["ENGINE"] != SQLITE:
            back = f"sqlite:///{tmp_path}/back.db"
            copied(url, new(back))
        assert shell(target, BOOK) == "pending\nEvery counter equals its rows.\n"


def test_fingerprint_prints_the_same_as_json(source):
    environment = environment_for(source)
    told = [json.loads(line) for line in manage(environment, "fingerprint", "--json").splitlines()]
    shown = manage(environment, "fingerprint").splitlines()
    assert [f"{it['table']:<32} {it['rows']:>10}  {it['hash']}" for it in told] == shown


def test_fingerprint_depends_on_every_row():
    row = (1, "Hall", None)
    hashes = {}
    for name, content in {
        "as it is": [row, (2, "Hall", None)],
        "in another order": [(2, "Hall", None), row],
        "another value": [row, (2, "Hall", "")],
        "a row less": [row],
        "the same twice": [row, row],
    }.items():
        found = rows.Fingerprint()
        found.add(content)
        hashes[name] = (found.rows, found.digest)
    assert hashes["as it is"] == hashes.pop("in another order")
    assert len(set(hashes.values())) == 4


def test_copy_that_differs_is_rolled_back(source, target):
    said = refusals(target, source, careless=CARELESS)
    assert said == ["Rows of venues_venue differ after copying. Nothing was copied."]


def test_copy_into_a_database_with_rows_is_refused(source, target):
    with sqlite3.connect(target["DATABASE_URL"].removeprefix("sqlite:///")) as connection:
        connection.execute("INSERT INTO django_session VALUES ('key', 'data', '2026-11-23 09:00:00')")
    assert refusals(target, source) == ["The table django_session has rows. Copy into a new database."]


def test_copy_from_another_version_is_refused(source, target):
    with sqlite3.connect(target["DATABASE_URL"].removeprefix("sqlite:///")) as connection:
        connection.execute("DELETE FROM django_migrations WHERE app = 'events' AND name = '0001_initial'")
    lacks = "the new database lacks events.0001_initial."
    assert refusals(target, source) == [f"Bring both databases to the same version with manage.py migrate: {lacks}"]


def test_invalid_source_is_refused(target):
    itself = target["DATABASE_URL"]
    said = refusals(target, "garbage", "sqlite:////nowhere/at.db", "postgresql://a:hunter2@127.0.0.1:1/b", itself)
    assert [words[:41] for words in said] == [
        "The source must start with sqlite:/// or ",
        "There is no file /nowhere/at.db.",
        "The source cannot be reached: connection ",
        "The source is the database that DATABASE_",
    ]
    assert "hunter2" not in "".join(said)
