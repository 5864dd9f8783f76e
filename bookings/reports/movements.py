"""Cancellations, payments and refunds, each by its own day, so that a past day or month does not change any more.

A refund that a bank sends back counts on two days: as paid on the first, and as returned on the second.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import DataError
from django.db.models import Count, DateField, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce, TruncDate, TruncMonth

from bookings.models import Cancellation
from bookings.payments.models import Payment, Refund
from bookings.reports.queries import GROUPINGS, UTC, day_starts_at, unknown_timezone
from bookings.reports.rows import Cancelled, GroupBy, Refunded, TillRow
from config.values import money
from config.values.timezones import find_zone

NOTHING = Decimal(0)


def between(rows: QuerySet, field: str, start: dt.datetime | None, end: dt.datetime | None) -> QuerySet:
    """At `start` or later and before `end`."""
    bounds = {f"{field}__gte": start, f"{field}__lt": end}
    return rows.filter(**{name: at for name, at in bounds.items() if at is not None})


@contextmanager
def known_timezone(timezone: str) -> Iterator[None]:
    """Raises InvalidInput when the database does not know the time zone."""
    try:
        yield
    except DataError:
        raise unknown_timezone(timezone) from None


def in_groups(
    rows: Any, group_by: str, timezone: str, *columns: str, at: str, booking: str, **figures: Any
) -> Iterator[tuple[Any, ...]]:
    """For each group and values of the columns: the group, its label, the values, and the figures; one statement.

    `at` is the field with the time, `booking` the path to the booking.
    """
    grouping = GROUPINGS[GroupBy(group_by)]
    zone = find_zone(timezone)
    keys, order = [grouping.key, *grouping.data], list(grouping.order)
    if group_by == GroupBy.EVENT:
        keys, order = ([f"{booking}__{name}" for name in names] for names in (keys, order))
    else:
        days = {GroupBy.DAY: TruncDate(at, tzinfo=zone), GroupBy.MONTH: TruncMonth(at, DateField(), zone)}
        rows = rows.annotate(**{grouping.key: days[GroupBy(group_by)]})
    found = rows.order_by().values(*keys, *columns).annotate(**figures).order_by(*order, *columns)
    with known_timezone(timezone):
        for row in found.values_list(*keys, *columns, *figures).iterator():
            key, *data = row[: len(keys)]
            yield grouping.group(key), grouping.label(*(data or [key])), *row[len(keys) :]


# Cancellations


def cancellations(group_by: str, rows: Any = None, *, timezone: str = UTC) -> Iterator[Cancelled]:
    """One row for each group and currency; one statement."""
    found = in_groups(
        Cancellation.objects.all() if rows is None else rows,
        group_by,
        timezone,
        "booking__currency",
        at="at",
        booking="booking",
        whole=Count("pk", filter=Q(is_whole=True)),
        cancelled=Sum("places"),
        total=money.Total("amount"),
        taxes=money.Total("tax"),
        fees=money.Total("fee"),
    )
    for row in found:
        yield Cancelled(*row)


# Refunds


def movements_of_refunds(
    rows: QuerySet, start: dt.datetime | None = None, end: dt.datetime | None = None
) -> tuple[QuerySet, QuerySet]:
    """The refunds that were paid in a period, and those that came back in it."""
    paid = rows.filter(succeeded_at__isnull=False)
    returned = paid.filter(failed_at__isnull=False)
    return between(paid, "succeeded_at", start, end), between(returned, "failed_at", start, end)


def refunds(
    group_by: str, movements: tuple[QuerySet, QuerySet] | None = None, *, timezone: str = UTC
) -> Iterator[Refunded]:
    """One row for each group, currency, provider and method; two statements."""
    columns = ("payment__currency", "payment__provider", "payment__method")
    figures = {"number": Count("pk"), "total": money.Total("amount")}
    paid, returned = movements or movements_of_refunds(Refund.objects.all())
    both: dict[Any, list[Any]] = {}
    for at, rows in (("succeeded_at", paid), ("failed_at", returned)):
        for *key, number, total in in_groups(
            rows, group_by, timezone, *columns, at=at, booking="payment__booking", **figures
        ):
            row = both.setdefault(tuple(key), [0, NOTHING, NOTHING])
            if at == "succeeded_at":
                row[:2] = number, total
            else:
                row[2] = total
    for key in both if group_by == GroupBy.EVENT else sorted(both):
        yield Refunded(*key, *both[key])


# The till


def till_of(
    day: dt.date, *, timezone: str | None = None, user: str | None = None
) -> tuple[QuerySet, tuple[QuerySet, QuerySet]]:
    """The payments of a day, and its refunds; by default in BACK_OFFICE_TIME_ZONE, and of all users."""
    zone = timezone or settings.BACK_OFFICE_TIME_ZONE
    start, end = (day_starts_at(day + dt.timedelta(days=number), zone) for number in (0, 1))
    of_user = {} if not user else {"by__username": user}
    payments = between(Payment.objects.succeeded().filter(**of_user), "succeeded_at", start, end)
    return payments, movements_of_refunds(Refund.objects.filter(**of_user), start, end)


def till(payments: QuerySet, refunds: tuple[QuerySet, QuerySet]) -> Iterator[TillRow]:
    """One row for each user, method and currency; three statements."""
    rows: dict[Any, list[Any]] = {}
    paid, returned = refunds
    for found, path, index, sign in ((payments, "", 0, 1), (paid, "payment__", 1, 1), (returned, "payment__", 1, -1)):
        columns = (f"{path}method", f"{path}currency")
        grouped = found.order_by().values_list(Coalesce("by__username", Value("")), *columns)
        for *key, number, total in grouped.annotate(number=Count("pk"), total=money.Total("amount")):
            row = rows.setdefault(tuple(key), [NOTHING, NOTHING, 0])
            row[index] += sign * total
            row[2] += number
    for key in sorted(rows):
        yield TillRow(*key, *rows[key])
