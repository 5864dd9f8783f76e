"""Health checks of an installation, each with a finding and advice; `manage.py doctor` prints them."""

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
from bookings.outdated import outdated_values
from bookings.payments.models import Payment, ProviderEvent, Refund
from bookings.payments.providers.base import KeyRefused
from bookings.payments.states import RefundStatus
from bookings.reconciliation import counters
from config.access.models import ApiToken, RoleGroup
from config.access.roles import Role
from config.database.errors import explain
from config.outbox import heartbeat
from config.outbox.models import FeedChange
from config.values import money
from config.webhooks.models import WebhookEndpoint
from events.models import Event

OK, LOOK, BAD = "ok", "look", "bad"
MIN_POSTGRESQL = 140_000
MAX_COMPARED = 1000  # events
MAX_SHOWN = 5
MAX_DUE = dt.timedelta(hours=1)  # that a hold may wait for release, and a refund for its provider
MAX_UNHANDLED = dt.timedelta(minutes=5)  # that an event of a provider may wait
LATE, VERY_LATE = 1, 10  # seconds between two clocks
GIGABYTE = 1024**3
HOW_TO_REACH = {
    "sqlite": "Check the path in DATABASE_URL, and that this account may read and write the file and its folder.",
    "postgresql": "Check that the server is running, and the host, port, user, password and name in DATABASE_URL.",
}


@dataclass(frozen=True)
class Finding:
    """`state` is `ok`, `look` (to be looked at, but not wrong yet) or `bad`."""

    name: str
    state: str
    says: str
    advice: str = ""


Result = tuple[str, str, str] | tuple[str, str]  # state, text, and advice if there is any


def checkup() -> Iterator[Finding]:
    """Runs all checks; those that need the database or up-to-date tables only if these are there."""
    yield run_check("settings", check_settings)
    yield run_check("database", check_database)
    if connection.connection is None:
        yield run_check("cache", check_cache)
        return
    migrations = run_check("migrations", check_migrations)
    yield migrations
    for name, check in {"cache": check_cache, "clock": check_clock, "disk": check_disk}.items():
        yield run_check(name, check)
    if migrations.state == BAD:
        return
    for name, check in TABLE_CHECKS.items():
        yield run_check(name, check)


def run_check(name: str, check: Callable[[], Result]) -> Finding:
    try:
        return Finding(name, *check())
    except (DatabaseError, InterfaceError) as error:
        advice = "" if connection.connection is not None else HOW_TO_REACH[connection.vendor]
        return Finding(name, BAD, explain(error) or f"The database refused a query: {error}", advice)
    except Exception as error:  # noqa: BLE001  any failure is a finding
        return Finding(name, BAD, f"The check failed: {type(error).__name__}: {error}")


# Checks without tables


def check_settings() -> Result:
    """As `check --deploy`; with DEBUG on, without the deployment checks."""
    name = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    found = checks.run_checks(include_deployment_checks=not settings.DEBUG)
    found = sorted((it for it in found if not it.is_silenced()), key=lambda it: it.level, reverse=True)
    advice = "Run manage.py check --deploy, and correct what it lists."
    if any(message.is_serious() for message in found):
        return BAD, first_of(found), advice
    if found:
        return LOOK, first_of(found), advice
    if settings.DEBUG:
        return OK, f"{name}, for development: DEBUG is on."
    return OK, f"{name}; check --deploy finds no problem."


def first_of(messages: list[checks.CheckMessage]) -> str:
    more = f", and {len(messages) - 1} more" if len(messages) > 1 else ""
    return f"{messages[0].id}: {messages[0].msg.splitlines()[0].rstrip('.')}{more}."


def check_database() -> Result:
    if connection.vendor == "sqlite" and not connection.is_in_memory_db():  # type: ignore[attr-defined]
        file = connection.settings_dict["NAME"]
        if not Path(file).exists():  # connecting would create it
            advice = "Check the path in DATABASE_URL. In a new installation, run manage.py migrate."
            return BAD, f"The database file {file} does not exist.", advice
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            return sqlite(cursor)
        return postgresql(cursor)


def sqlite(cursor: Any) -> Result:
    name = f"SQLite {sqlite3.sqlite_version}, {connection.settings_dict['NAME']}"
    wanted = {"synchronous": 2, "journal_mode": "wal", "foreign_keys": 1}
    off = [option for option, value in wanted.items() if pragma(cursor, option) != value]
    if off and connection.settings_dict["NAME"] != ":memory:":
        advice = "Remove what changes the options of the connection; config/settings/database.py sets them."
        return BAD, f"{name}: wrong value of {', '.join(off)}. Commits can be lost.", advice
    return OK, f"{name}; commits are durable."


def pragma(cursor: Any, name: str) -> Any:
    return cursor.execute(f"PRAGMA {name}").fetchone()[0]


def postgresql(cursor: Any) -> Result:
    cursor.execute("SELECT current_setting('server_version'), current_setting('server_version_num')::int")
    version, number = cursor.fetchone()
    name = f"PostgreSQL {version}, database {connection.settings_dict['NAME']}"
    if number < MIN_POSTGRESQL:
        return BAD, f"{name} is too old.", "Upgrade to PostgreSQL 14 or newer."
    durable = {"fsync": "on", "full_page_writes": "on"}
    off = [option for option, value in durable.items() if setting(cursor, option) != value]
    if setting(cursor, "synchronous_commit") in ("off", "local"):
        off.append("synchronous_commit")
    if off:
        advice = "Switch it on in postgresql.conf: a crash could lose bookings that were acknowledged."
        return BAD, f"{name}: {', '.join(off)} is switched off.", advice
    return OK, f"{name}; commits are durable."


def setting(cursor: Any, name: str) -> str:
    cursor.execute(f"SHOW {name}")
    return cursor.fetchone()[0]


def check_migrations() -> Result:
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in waiting[:MAX_SHOWN])
        more = "…" if len(waiting) > MAX_SHOWN else ""
        return BAD, f"{len(waiting)} to apply: {names}{more}.", "Run manage.py migrate."
    return OK, "All are applied."


def check_cache() -> Result:
    kind = settings.CACHES["default"]["BACKEND"].rpartition(".")[2]
    key = f"doctor-{os.getpid()}"
    cache.set(key, "here", 5)
    if cache.get(key) != "here":
        return BAD, f"{kind} does not store values.", "Check CACHE_URL, and the server that it names."
    cache.delete(key)
    return OK, f"{kind} stores values."


def check_clock() -> Result:
    if connection.vendor == "sqlite":
        return OK, "The database uses the clock of this machine."
    before = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        theirs = cursor.fetchone()[0]
    now = before + (timezone.now() - before) / 2
    seconds = abs((theirs - now).total_seconds())
    says = f"The clocks of this machine and of the database differ by {seconds:.1f} seconds."
    if seconds < LATE:
        return OK, says
    advice = "Synchronise both with NTP: reads use this machine's clock, bookings that of the database."
    return (LOOK if seconds < VERY_LATE else BAD), says, advice


def check_disk() -> Result:
    is_file = connection.vendor == "sqlite" and connection.settings_dict["NAME"] != ":memory:"
    folder = Path(connection.settings_dict["NAME"]).parent if is_file else Path(settings.BASE_DIR)
    free = shutil.disk_usage(folder).free
    says = f"{free / GIGABYTE:,.1f} GB free on the disk of the {'database' if is_file else 'program'}."
    if is_file and free < GIGABYTE / 10:
        return BAD, says, "Free space on the disk now: a full disk stops all sales."
    if free < GIGABYTE:
        return LOOK, says, "Free space on the disk."
    return OK, says


# Checks of tables


def check_counters() -> Result:
    """Of future events, up to MAX_COMPARED."""
    future = Event.objects.upcoming(timezone.now()).order_by("starts_at").values_list("pk", flat=True)[:MAX_COMPARED]
    events = Event.objects.filter(pk__in=list(future))
    found = list(islice((drift for comparison in counters(events) for drift in comparison.drifts()), MAX_SHOWN))
    if found:
        more = " There are more differences." if len(found) > 1 else ""
        return BAD, f"{found[0]}.{more}", "Run manage.py reconcile; find the cause, then run it with --fix."
    return OK, f"Correct for {events.count():,} future events. manage.py reconcile compares all."


def check_holds() -> Result:
    due = Booking.objects.due()
    count, oldest = due.count(), due.aggregate(at=Min("expires_at"))["at"]
    if not count:
        return OK, "No due holds wait for release."
    says = f"{count:,} due {'hold waits' if count == 1 else 'holds wait'} for release, the oldest for {since(oldest)}."
    if timezone.now() - oldest > MAX_DUE:
        return (
            LOOK,
            says,
            "Reads and bookings release them, but a service is tidier: manage.py worker.",
        )
    return OK, says


def since(at: dt.datetime) -> str:
    return timesince(at, timezone.now(), depth=1).replace("\N{NO-BREAK SPACE}", " ")


def check_cancellations() -> Result:
    count = Booking.objects.of_cancelled_events().count()
    if count:
        says = (
            f"{count:,} live {'booking' if count == 1 else 'bookings'} of cancelled events: a cancellation was cut off."
        )
        return BAD, says, "Run manage.py worker, which completes it."
    return OK, "All cancellations of events are complete."


def check_refunds() -> Result:
    due = Booking.objects.filter(refund_due=True).values_list("currency").order_by("currency")
    found = list(due.annotate(count=Count("pk"), amount=money.Total("refund_amount")))
    if not found:
        return OK, "No refunds are due."
    count = sum(count for _currency, count, _amount in found)
    amounts = ", ".join(f"{money.plain(amount, currency)} {currency}" for currency, _count, amount in found)
    says = f"{count:,} {'refund is' if count == 1 else 'refunds are'} due: {amounts}."
    return LOOK, says, "Refund them with “Refund…” in the admin under Bookings, refund due."


def check_payments() -> Result:
    at = timezone.now()
    before = at - MAX_DUE
    refunds = Refund.objects.all()
    asked = (rows.filter(status="pending", error=KeyRefused.text) for rows in (Payment.objects.all(), refunds))
    if any(rows.exists() for rows in asked):
        advice = "Correct STRIPE_SECRET_KEY, restart, and run manage.py settle_payments."
        return BAD, KeyRefused.text, advice
    counts = {
        "not handled": ProviderEvent.objects.filter(handled_at=None, received_at__lt=at - MAX_UNHANDLED).count(),
        "failed": refunds.filter(status=RefundStatus.FAILED, payment__booking__refund_due=True).count(),
        "pending": refunds.filter(status=RefundStatus.PENDING, created_at__lt=before).count(),
    }
    if not any(counts.values()):
        return OK, "No event of a provider has waited for 5 minutes, no refund for an hour, and none has failed."
    says = "{not handled:,} events of providers not handled, {failed:,} refunds failed, {pending:,} pending for hours."
    advice = "Run manage.py worker. Look at the errors in the admin under Payments."
    return LOOK, says.format(**counts), advice


def check_values() -> Result:
    found = list(outdated_values())
    if not found:
        return OK, "All stored values would be accepted today."
    texts = (f"{name} {len(ids):,} (ids {', '.join(map(str, ids[:MAX_SHOWN]))})" for name, ids in found)
    says = f"Would not be accepted today: {'; '.join(texts)}."
    return LOOK, says, "These rows stay usable. Correct values that are wrong."


def check_roles() -> Result:
    groups = {it.role: it.group.name for it in RoleGroup.objects.select_related("group")}
    missing = [role.label for role in Role if role not in groups]
    if missing:
        return LOOK, f"There is no group for {', '.join(missing)}.", "Run manage.py migrate, which creates it."
    if not get_user_model().objects.filter(is_staff=True, is_active=True).exists():
        return LOOK, "No user can log in to the admin.", "Run manage.py createsuperuser."
    return OK, f"{', '.join(groups[role] for role in Role)}; the admin has users."


def check_tokens() -> Result:
    tokens = ApiToken.objects.expiring(timezone.now()).order_by("expires_at")
    names = [f"{token.name} ({token.start}…) on {token.expires_at:%Y-%m-%d}" for token in tokens[:MAX_SHOWN]]
    if not names:
        return OK, "No token expires within 30 days."
    rest = tokens.count() - len(names)
    says = f"Tokens that expire soon: {', '.join(names)}{f', and {rest} more' if rest else ''}."
    return LOOK, says, "Give their programs new ones: manage.py create_api_token, or the admin."


def check_worker() -> Result:
    found = heartbeat.status(timezone.now())
    if not found.alive:
        seen = f"the last one was seen {since(found.seen_at)} ago" if found.seen_at else "none was ever seen"
        return LOOK, f"No worker is running; {seen}.", "Start manage.py worker, as docs/deployment.md says."
    count = f"{found.alive} {'worker is' if found.alive == 1 else 'workers are'} running"
    if found.failing:
        name, error = next(iter(found.failing.items()))
        more = f", and {len(found.failing) - 1} more" if len(found.failing) > 1 else ""
        return BAD, f"{count}, and {name} fails{more}: {error}", "Look at the worker's log."
    if found.idle:
        return LOOK, f"{count}, and none runs {', '.join(found.idle)}.", "Start a worker with these steps, or with all."
    return OK, f"{count}, with all steps."


def check_changes() -> Result:
    waiting = FeedChange.objects.unpublished()
    count, oldest = waiting.count(), waiting.aggregate(at=Min("created_at"))["at"]
    if not count:
        return OK, "All changes are published."
    says = (
        f"{count:,} {'change waits' if count == 1 else 'changes wait'} to be published, the oldest for {since(oldest)}."
    )
    if timezone.now() - oldest > MAX_DUE:
        return LOOK, says, "Start manage.py worker; readers of GET /changes publish them, too."
    return OK, says


def check_webhooks() -> Result:
    endpoints = WebhookEndpoint.objects.order_by("pk")
    off = [f"{it} was switched off: {it.disabled_reason}" for it in endpoints.exclude(disabled_reason="")]
    failing = endpoints.filter(is_active=True, failing_since__isnull=False)
    found = [*off, *(f"{it} fails since {since(it.failing_since)}." for it in failing if it.failing_since)]
    if found:
        more = f" And {len(found) - 1} more." if len(found) > 1 else ""
        return LOOK, f"{found[0]}{more}", "Look at the answers in the admin under Webhook deliveries."
    count = endpoints.filter(is_active=True).count()
    return OK, f"{count:,} active {'endpoint' if count == 1 else 'endpoints'}, and none fails."


TABLE_CHECKS: dict[str, Callable[[], Result]] = {
    "counters": check_counters,
    "holds": check_holds,
    "cancellations": check_cancellations,
    "refunds": check_refunds,
    "payments": check_payments,
    "values": check_values,
    "roles": check_roles,
    "tokens": check_tokens,
    "worker": check_worker,
    "changes": check_changes,
    "webhooks": check_webhooks,
}
