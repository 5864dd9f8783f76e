"""Whether an installation is healthy: one finding for each thing to look at, and what to do about it."""

import datetime as dt
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import checks
from django.core.cache import cache
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Min
from django.utils import timezone
from django.utils.timesince import timesince

from bookings.models import Booking
from bookings.reconciliation import counters
from config.access.models import RoleGroup
from config.access.roles import Role
from config.database.errors import explain
from config.values import money
from events.models import Event

OK, LOOK, BAD = "ok", "look", "bad"
OLDEST_POSTGRESQL = 140_000
MAX_COMPARED = 1000  # events
MAX_SHOWN = 5
OVERDUE_TOO_LONG = dt.timedelta(hours=1)
LATE, VERY_LATE = 1, 10  # seconds between two clocks
GIGABYTE = 1024**3
HOW_TO_REACH = {
    "sqlite": "Is it the right path, and may this account read and write the file and its folder?",
    "postgresql": "Is the server running, and are the host, port, user, password and name in DATABASE_URL right?",
}


@dataclass(frozen=True)
class Finding:
    """What a look at one thing showed: `ok`; `look`, which is not wrong yet; or `bad`."""

    name: str
    state: str
    says: str
    advice: str = ""


Found = tuple[str, str, str] | tuple[str, str]  # state, what is found, and what to do


def checkup() -> Iterator[Finding]:
    """One finding after the other. What cannot be looked at without the database or its tables is left out."""
    yield look("settings", check_settings)
    yield look("database", check_database)
    if connection.connection is None:  # nobody answers there
        yield look("cache", check_cache)
        return
    migrations = look("migrations", check_migrations)
    yield migrations
    for name, check in {"cache": check_cache, "clock": check_clock, "disk": check_disk}.items():
        yield look(name, check)
    if migrations.state == BAD:
        return
    for name, check in OF_TABLES.items():
        yield look(name, check)


def look(name: str, check: Callable[[], Found]) -> Finding:
    try:
        return Finding(name, *check())
    except (DatabaseError, InterfaceError) as error:
        advice = "" if connection.connection is not None else HOW_TO_REACH[connection.vendor]
        return Finding(name, BAD, explain(error) or f"The database refused: {error}".strip(), advice)
    except Exception as error:  # noqa: BLE001  whatever it is, it is the finding
        return Finding(name, BAD, f"Could not be looked at: {type(error).__name__}: {error}")


# Without tables


def check_settings() -> Found:
    """Those of `check --deploy`, unless this is a laptop's, which are not meant to be safe."""
    name = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    found = checks.run_checks(include_deployment_checks=not settings.DEBUG)
    found = sorted((it for it in found if not it.is_silenced()), key=lambda it: it.level, reverse=True)
    if any(message.is_serious() for message in found):
        return BAD, first_of(found), "Run manage.py check --deploy, and do what it says."
    if found:
        return LOOK, first_of(found), "Run manage.py check --deploy, and do what it says."
    if settings.DEBUG:
        return OK, f"{name}, for a laptop: DEBUG is on."
    return OK, f"{name}, as check --deploy wants them."


def first_of(messages: list[checks.CheckMessage]) -> str:
    more = f", and {len(messages) - 1} more" if len(messages) > 1 else ""
    return f"{messages[0].id}: {messages[0].msg.splitlines()[0].rstrip('.')}{more}."


def check_database() -> Found:
    if connection.vendor == "sqlite" and not connection.is_in_memory_db():  # type: ignore[attr-defined]
        file = connection.settings_dict["NAME"]
        if not Path(file).exists():  # to connect would make it
            advice = "Is the path in DATABASE_URL right? If this installation is new, run manage.py migrate."
            return BAD, f"There is no file {file}: nothing was created.", advice
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            return sqlite(cursor)
        return postgresql(cursor)


def sqlite(cursor: Any) -> Found:
    name = f"SQLite {sqlite3.sqlite_version}, {connection.settings_dict['NAME']}"
    wanted = {"synchronous": 2, "journal_mode": "wal", "foreign_keys": 1}
    off = [option for option, value in wanted.items() if pragma(cursor, option) != value]
    if off and connection.settings_dict["NAME"] != ":memory:":
        advice = "Something has changed the connection's options: see config/settings/database.py."
        return BAD, f"{name}: {', '.join(off)} is not as it must be for commits to last.", advice
    return OK, f"{name}; commits wait for the disk."


def pragma(cursor: Any, name: str) -> Any:
    return cursor.execute(f"PRAGMA {name}").fetchone()[0]


def postgresql(cursor: Any) -> Found:
    cursor.execute("SELECT current_setting('server_version'), current_setting('server_version_num')::int")
    version, number = cursor.fetchone()
    name = f"PostgreSQL {version}, database {connection.settings_dict['NAME']}"
    if number < OLDEST_POSTGRESQL:
        return BAD, f"{name} is too old.", "PostgreSQL 14 or newer is needed."
    durable = {"fsync": "on", "full_page_writes": "on"}
    off = [option for option, value in durable.items() if shown(cursor, option) != value]
    if shown(cursor, "synchronous_commit") in ("off", "local"):
        off.append("synchronous_commit")
    if off:
        advice = "What is acknowledged can be lost in a crash: set it back in postgresql.conf."
        return BAD, f"{name}: {', '.join(off)} is switched off.", advice
    return OK, f"{name}; commits wait for the disk."


def shown(cursor: Any, name: str) -> str:
    cursor.execute(f"SHOW {name}")
    return cursor.fetchone()[0]


def check_migrations() -> Found:
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in waiting[:MAX_SHOWN])
        return BAD, f"{len(waiting)} to apply: {names}{'…' if len(waiting) > MAX_SHOWN else ''}.", (
            "Run manage.py migrate."
        )  # fmt: skip
    return OK, "All are applied."


def check_cache() -> Found:
    kind = settings.CACHES["default"]["BACKEND"].rpartition(".")[2]
    key = f"doctor-{os.getpid()}"
    cache.set(key, "here", 5)
    if cache.get(key) != "here":
        return BAD, f"{kind} does not keep what it is given.", "Look at CACHE_URL, and at the server that it names."
    cache.delete(key)
    return OK, f"{kind} keeps what it is given."


def check_clock() -> Found:
    if connection.vendor == "sqlite":
        return OK, "The database has this machine's clock."
    before = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        theirs = cursor.fetchone()[0]
    here = before + (timezone.now() - before) / 2
    seconds = abs((theirs - here).total_seconds())
    says = f"This machine and the database are {seconds:.1f} seconds apart."
    advice = "Keep both in step by NTP: readers see holds end by this clock, buyers by the other."
    return (OK if seconds < LATE else LOOK if seconds < VERY_LATE else BAD), says, (advice if seconds >= LATE else "")


def check_disk() -> Found:
    is_file = connection.vendor == "sqlite" and connection.settings_dict["NAME"] != ":memory:"
    place = Path(connection.settings_dict["NAME"]).parent if is_file else Path(settings.BASE_DIR)
    usage = shutil.disk_usage(place)
    says = f"{usage.free / GIGABYTE:,.1f} GB free where {'the database' if is_file else 'the program'} is."
    if is_file and usage.free < GIGABYTE / 10:
        return BAD, says, "Make room at once: a full disk stops every sale."
    if usage.free < GIGABYTE:
        return LOOK, says, "Make room."
    return OK, says


# With tables


def check_counters() -> Found:
    """Of events that are not over, as far as a minute suffices; `reconcile` compares everything."""
    coming = Event.objects.upcoming(timezone.now()).order_by("starts_at").values("pk")[:MAX_COMPARED]
    events = Event.objects.filter(pk__in=list(coming.values_list("pk", flat=True)))
    found = list(islice((drift for drifts in counters(events) for drift in drifts), MAX_SHOWN))
    if found:
        return BAD, f"{found[0]}{'; and more' if len(found) > 1 else ''}.", (
            "Run manage.py reconcile, and with --fix when you have seen why."
        )  # fmt: skip
    return OK, f"Those of {events.count():,} coming events equal their bookings; manage.py reconcile compares all."


def check_holds() -> Found:
    due = Booking.objects.due()
    count, oldest = due.count(), due.aggregate(at=Min("expires_at"))["at"]
    if not count:
        return OK, "None that ran out waits to be swept up."
    says = f"{count:,} that ran out wait to be swept up, the oldest for {since(oldest)}."
    if timezone.now() - oldest > OVERDUE_TOO_LONG:
        return LOOK, says, "It harms nobody, but keeps tables tidy: run manage.py expire_holds --watch 30 as a service."
    return OK, says


def since(at: dt.datetime) -> str:
    return timesince(at, timezone.now(), depth=1).replace("\N{NO-BREAK SPACE}", " ")


def check_cancellations() -> Found:
    count = Booking.objects.of_cancelled_events().count()
    if count:
        says = f"{count:,} bookings of cancelled events still live: a cancellation was cut short."
        return BAD, says, "Run manage.py expire_holds, which does the rest."
    return OK, "No event's cancellation was cut short."


def check_refunds() -> Found:
    due = Booking.objects.filter(refund_due=True).values_list("currency").order_by("currency")
    found = list(due.annotate(count=Count("pk"), amount=money.Total("refund_amount")))
    if not found:
        return OK, "No payment waits to be given back."
    count = sum(count for _currency, count, _amount in found)
    amounts = ", ".join(f"{money.plain(amount, currency)} {currency}" for currency, _count, amount in found)
    says = f"{count:,} {'payment is' if count == 1 else 'payments are'} to be given back: {amounts}."
    return LOOK, says, "Give them back, and press “Refund paid”: in the admin under Bookings, refund due."


def check_roles() -> Found:
    groups = {it.role: it.group.name for it in RoleGroup.objects.select_related("group")}
    missing = [role.label for role in Role if role not in groups]
    if missing:
        return LOOK, f"No group stands for {', '.join(missing)}.", "Run manage.py migrate, which makes it."
    if not get_user_model().objects.filter(is_staff=True, is_active=True).exists():
        return LOOK, "Nobody can log in to the admin.", "Run manage.py createsuperuser."
    return OK, f"{', '.join(groups[role] for role in Role)}; somebody can log in to the admin."


OF_TABLES: dict[str, Callable[[], Found]] = {
    "counters": check_counters,
    "holds": check_holds,
    "cancellations": check_cancellations,
    "refunds": check_refunds,
    "roles": check_roles,
}
