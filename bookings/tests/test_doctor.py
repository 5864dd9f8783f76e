"""manage.py doctor: finds each problem, and gives advice."""

import datetime as dt
import json
import logging
import re
import secrets
import shutil
from types import SimpleNamespace

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, connections
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import F
from django.utils import timezone

from bookings import checkup
from bookings.models import Booking
from config.access.models import ApiToken
from events.inventory import release_due
from events.models import Event

pytestmark = pytest.mark.both

NAMES = [
    "settings",
    "database",
    "migrations",
    "cache",
    "clock",
    "disk",
    "counters",
    "holds",
    "cancellations",
    "refunds",
    "payments",
    "values",
    "roles",
    "tokens",
    "worker",
    "changes",
    "webhooks",
]


@pytest.fixture(autouse=True)
def staff(db):
    return get_user_model().objects.create(username="staff", is_staff=True)


@pytest.fixture(autouse=True)
def _strong_key(settings):
    """The settings of the tests have a short one, which is an error in production."""
    settings.SECRET_KEY = secrets.token_urlsafe(64)


@pytest.fixture
def durable(monkeypatch):
    """The tests' own PostgreSQL need not survive anything, and is faster for it."""
    monkeypatch.setattr(checkup, "setting", lambda cursor, name: "on")


def doctor(capsys, **options):
    try:
        call_command("doctor", no_color=True, **options)
        code = 0
    except SystemExit as stop:
        code = stop.code
    return code, capsys.readouterr().out.splitlines()


def found(capsys):
    code, lines = doctor(capsys, json=True)
    answer = json.loads("\n".join(lines))
    assert answer["is_healthy"] == (code == 0)
    return code, {it["name"]: (it["state"], it["says"], it["advice"]) for it in answer["findings"]}


def test_doctor_finds_a_healthy_installation_healthy(durable, book, capsys):
    book().confirm()
    code, findings = found(capsys)
    assert list(findings) == NAMES
    settings = findings.pop("settings")
    assert settings[0] == "look", settings  # the settings of the tests are not meant to be safe
    assert findings.pop("worker")[:2] == ("look", "No worker is running; none was ever seen.")
    assert {state for state, _, _ in findings.values()} == {"ok"}
    assert {advice for _, _, advice in findings.values()} == {""}
    assert code == 0
    vendor = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[connection.vendor]
    assert findings["database"][1].startswith(vendor)
    assert findings["database"][1].endswith("; commits are durable.")


def test_doctor_fits_on_a_screen_and_gives_advice(durable, book, capsys):
    book().confirm(payment_reference="pay_1").cancel()
    code, lines = doctor(capsys)
    assert code == 0
    assert len(lines) < 25
    place = next(number for number, line in enumerate(lines) if line.startswith("look refunds"))
    assert lines[place].split(None, 2)[2] == "1 refund is due: 49.90 EUR."
    assert lines[place + 1].strip().startswith("Refund them")
    assert lines[-1] == "Healthy, with 3 to look at."


@pytest.mark.drifts
def test_doctor_finds_counters_that_are_off(durable, book, capsys):
    booking = book()
    Event.objects.update(reserved=5)
    code, findings = found(capsys)
    state, says, advice = findings["counters"]
    assert (code, state) == (1, "bad")
    assert says == f"event {booking.event_id} (Concert): reserved is 5, but the rows add up to 1."
    assert "reconcile" in advice
    assert doctor(capsys)[1][-1] == "Not healthy: 1 check is bad."


@pytest.mark.drifts
def test_doctor_compares_the_counters_of_future_events_only(book, capsys, make_event, pass_time):
    book()
    Event.objects.update(reserved=5)
    pass_time(days=40)
    assert found(capsys)[1]["counters"] == (
        "ok",
        "Correct for 0 future events. manage.py reconcile compares all.",
        "",
    )


def test_doctor_finds_holds_that_wait_for_release(durable, book, pass_time, capsys):
    book()
    pass_time(minutes=20)
    assert found(capsys)[1]["holds"] == ("ok", "1 due hold waits for release, the oldest for 5 minutes.", "")
    pass_time(hours=3)
    code, findings = found(capsys)
    assert (code, findings["holds"][:2]) == (0, ("look", "1 due hold waits for release, the oldest for 3 hours."))
    assert "manage.py worker" in findings["holds"][2]
    release_due(wait=True)
    assert found(capsys)[1]["holds"][0] == "ok"


def test_doctor_finds_an_incomplete_cancellation(book, capsys):
    book()
    Event.objects.update(status="cancelled")
    code, findings = found(capsys)
    assert (code, findings["cancellations"][0]) == (1, "bad")
    call_command("worker", once=True, steps="complete-cancellations")
    capsys.readouterr()
    assert found(capsys)[1]["cancellations"][0] == "ok"


def test_doctor_names_tokens_that_expire_soon(capsys, staff):
    at = timezone.now()
    soon, _ = ApiToken.issue(user=staff, name="Shop", expires_at=at + dt.timedelta(days=29))
    ApiToken.issue(user=staff, name="Door", expires_at=at + dt.timedelta(days=31))
    state, says, _ = found(capsys)[1]["tokens"]
    assert (state, soon.start in says, "Door" in says) == ("look", True, False)
    soon.revoke(at=at)
    assert found(capsys)[1]["tokens"][0] == "ok"


def test_doctor_finds_missing_roles_and_staff(capsys, staff):
    staff.delete()
    assert found(capsys)[1]["roles"][:2] == ("look", "No user can log in to the admin.")
    Group.objects.filter(name="Auditor").update(name="Bookkeeper")
    Group.objects.get(name="Door").delete()
    assert found(capsys)[1]["roles"] == (
        "look",
        "There is no group for Door.",
        "Run manage.py migrate, which creates it.",
    )
    call_command("migrate", verbosity=0)
    get_user_model().objects.create(username="clerk", is_staff=True)
    assert found(capsys)[1]["roles"] == (
        "ok",
        "Manager, Box office, Door, Bookkeeper; the admin has users.",
        "",
    )


def test_doctor_finds_migrations_to_apply_and_leaves_out_what_needs_them(capsys):
    last = MigrationRecorder(connection).migration_qs.filter(app="bookings").latest("pk")
    last.delete()
    code, findings = found(capsys)
    assert (code, list(findings)) == (1, NAMES[:6])
    assert findings["migrations"] == ("bad", f"1 to apply: bookings.{last.name}.", "Run manage.py migrate.")


def test_doctor_finds_a_cache_that_stores_nothing(capsys, settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    cache.clear()
    code, findings = found(capsys)
    assert (code, findings["cache"][:2]) == (1, ("bad", "DummyCache does not store values."))


def test_doctor_reports_a_failure_of_the_cache(capsys, monkeypatch):
    def fail(*args):
        raise ConnectionRefusedError("nobody listens")

    monkeypatch.setattr(checkup.cache, "set", fail)
    code, findings = found(capsys)
    assert findings["cache"] == ("bad", "The check failed: ConnectionRefusedError: nobody listens", "")
    assert (code, list(findings)) == (1, NAMES)


@pytest.mark.parametrize(
    ("free", "states"), [(2**40, ("ok", "ok")), (2**29, ("look", "look")), (2**20, ("bad", "look"))]
)
def test_doctor_finds_a_full_disk(free, states, capsys, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=free, total=2**41))
    assert found(capsys)[1]["disk"][0] == states[connection.vendor != "sqlite"]


@pytest.mark.parametrize(("seconds", "state"), [(0.2, "ok"), (3, "look"), (60, "bad")])
def test_doctor_finds_clocks_that_differ(seconds, state, monkeypatch):
    if connection.vendor == "sqlite":
        assert checkup.check_clock() == ("ok", "The database uses the clock of this machine.")
        return
    real = timezone.now
    monkeypatch.setattr(checkup.timezone, "now", lambda: real() + dt.timedelta(seconds=seconds))
    assert checkup.check_clock()[0] == state


def test_doctor_finds_commits_that_are_not_durable(capsys):
    option = "synchronous_commit" if connection.vendor == "postgresql" else "synchronous"
    with connection.cursor() as cursor:
        # SQLite takes no new setting inside the transaction of a test, so the wish is changed instead.
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL synchronous_commit = off")
            state, says, advice = checkup.postgresql(cursor)
            assert option in says
        else:
            says = {"synchronous": 1, "journal_mode": "wal", "foreign_keys": 1}
            answers = SimpleNamespace(execute=lambda sql: SimpleNamespace(fetchone=lambda: [says[sql.split()[1]]]))
            state, text, advice = checkup.sqlite(answers)
            assert text.endswith(": wrong value of synchronous. Commits can be lost.")
    assert (state, bool(advice)) == ("bad", True)


@pytest.mark.parametrize(
    ("vendor", "advice"),
    [
        ("sqlite", "Check the path in DATABASE_URL, and that this account may read and write the file and its folder."),
        (
            "postgresql",
            "Check that the server is running, and the host, port, user, password and name in DATABASE_URL.",
        ),
    ],
)
def test_doctor_reports_once_that_the_database_is_down(capsys, monkeypatch, caplog, vendor, advice):
    pool = logging.getLogger("psycopg.pool")

    def away():
        pool.warning("error connecting in 'pool-1'")
        raise checkup.InterfaceError("connection refused")

    database = SimpleNamespace(cursor=away, connection=None, vendor=vendor, is_in_memory_db=lambda: True)
    monkeypatch.setattr(checkup, "connection", database)
    code, findings = found(capsys)
    assert code == 1
    assert list(findings) == ["settings", "database", "cache"]
    assert findings["database"][1] == "The database that DATABASE_URL names cannot be reached: connection refused"
    assert findings["database"][2] == advice
    assert caplog.records == []
    assert pool.isEnabledFor(logging.WARNING)


def test_doctor_reports_wrong_settings_in_one_line(capsys, settings):
    settings.DEBUG, settings.SECRET_KEY = False, "local-only-key"
    says = found(capsys)[1]["settings"][1]
    assert re.fullmatch(r"access\.E001: [^.]+[^.,], and \d+ more\.", says)


def test_doctor_needs_as_many_queries_for_many_rows_as_for_one(book, make_type, django_assert_num_queries):
    seat = make_type()
    book((seat, 1))

    def queries():
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connections["default"]) as seen:
            list(checkup.checkup())
        return len(seen)

    few = queries()
    for number in range(3):
        book((make_type(name="Other"), 1)).confirm(payment_reference=f"pay {number}").cancel()
    Booking.objects.filter(status="pending").update(created_at=F("created_at") - dt.timedelta(hours=1),
                                                    expires_at=timezone.now() - dt.timedelta(minutes=1))  # fmt: skip
    book((seat, 1))
    assert abs(queries() - few) <= 1  # one more if there are due holds
    release_due(wait=True)
