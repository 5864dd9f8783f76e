"""The figures, each from a constant number of statements.

Confirmed bookings count, with their tickets that are not cancelled, at the booking's prices and fees. A cancellation
changes the figures of the day of the sale, unless they are asked for with what was cancelled later. A sale belongs to
the instant of its confirmation. Amounts of different currencies are never added. Release due holds before reading (see
`events.inventory.release_due`).
"""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import DataError
from django.db.models import (
    Count,
    DateField,
    ExpressionWrapper,
    F,
    QuerySet,
    Sum,
    Value,
)
from django.db.models.functions import TruncDate, TruncMonth

from bookings.lifecycle.amounts import net_fees, net_price, net_tax, tax_of_places
from bookings.lifecycle.states import Status
from bookings.models import Booking
from bookings.reports.rows import GroupBy, Occupancy, Overview, Revenue, Sales
from config.problems import InvalidInput
from config.values import money
from config.values.timezones import find_zone
from events.models import Event
from venues.models import Venue

UTC = "UTC"
MONEY = money.MoneyField()


def local(instant: dt.datetime, timezone: str) -> str:
    """An instant in local time: `12 Jun 2027, 19:30`."""
    return f"{instant.astimezone(find_zone(timezone)):%d %b %Y, %H:%M}"


def day_starts_at(day: dt.date, timezone: str) -> dt.datetime:
    """The first instant of a day in a time zone, also where midnight is skipped."""
    return dt.datetime.combine(day, dt.time(), find_zone(timezone)).astimezone(dt.UTC)


# Sales


@dataclass(frozen=True)
class Grouping:
    """How sales are grouped: the path from a booking, the columns of the label (by default the key), and the order."""

    key: str
    label: Callable[..., str]
    data: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    group: Callable[[Any], int | str] = int


def label_of_event(name: str, starts_at: dt.datetime, timezone: str) -> str:
    return f"{name}, {local(starts_at, timezone)}"


EVENT_FACTS = ("event__name", "event__starts_at", "event__venue__timezone")
GROUPINGS = {
    GroupBy.EVENT: Grouping("event", label_of_event, EVENT_FACTS, ("event__starts_at", "event")),
    GroupBy.VENUE: Grouping("event__venue", str, ("event__venue__name",), ("event__venue__name", "event__venue")),
    GroupBy.TICKET_TYPE: Grouping(
        "items__ticket_type",
        lambda name, *event: f"{name}, {label_of_event(*event)}",
        ("items__ticket_type__name", *EVENT_FACTS),
        ("event__starts_at", "event", "items__ticket_type__position", "items__ticket_type"),
    ),
    GroupBy.DAY: Grouping("day", "{:%a %d %b %Y}".format, order=("day",), group="{:%Y-%m-%d}".format),
    GroupBy.MONTH: Grouping("month", "{:%b %Y}".format, order=("month",), group="{:%Y-%m}".format),
}


def sales(
    group_by: str,
    bookings: "QuerySet[Booking] | None" = None,
    *,
    timezone: str = UTC,
    with_cancelled: bool = False,
) -> Iterator[Sales]:
    """One row for each group and currency with sales; one statement.

    Counts the confirmed of `bookings` (default: all); `with_cancelled` all that was ever sold, as it was sold. Days
    and months are those of `timezone`, an IANA name. Events and ticket types are ordered by start, venues by name.

    Raises InvalidInput, with the first row, when the database does not know the time zone.
    """
    grouping = GROUPINGS[GroupBy(group_by)]
    found = everything(bookings).sold(with_cancelled=with_cancelled)
    if group_by == GroupBy.TICKET_TYPE:
        rows = of_items(found, grouping, with_cancelled=with_cancelled)
    else:
        rows = of_bookings(found, grouping, timezone, with_cancelled=with_cancelled)
    try:
        for key, *data, currency, count, seats, amount, fees, tax in rows.order_by(
            *grouping.order, "currency"
        ).iterator():
            label = grouping.label(*(data or [key]))
            yield Sales(grouping.group(key), label, currency, count, int(seats), amount, fees, tax)
    except DataError:
        raise unknown_timezone(timezone) from None


def unknown_timezone(timezone: str) -> InvalidInput:
    """Each database has its own list of time zones, which may be older than Python's."""
    detail = f"The database does not know the time zone {timezone}."
    return InvalidInput(errors=[{"parameter": "timezone", "code": "unknown-timezone", "detail": detail}])


def everything(bookings: Any) -> Any:
    return Booking.objects.all() if bookings is None else bookings


def daily(
    first: dt.date, last: dt.date, bookings: "QuerySet[Booking] | None" = None, *, timezone: str = UTC
) -> dict[str, list[Sales]]:
    """For each currency the sales of every day from `first` to `last`, days without sales included."""
    start, end = day_starts_at(first, timezone), day_starts_at(last + dt.timedelta(days=1), timezone)
    days = [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]
    found = {}
    for row in sales_by_day(everything(bookings).sold(start, end), timezone):
        found[row.group, row.currency] = row
    grouping = GROUPINGS[GroupBy.DAY]
    return {
        currency: [
            found.get((grouping.group(day), currency))
            or Sales(grouping.group(day), grouping.label(day), currency, 0, 0, *[Decimal(0)] * 3)
            for day in days
        ]
        for currency in sorted({currency for _, currency in found})
    }


def sales_by_day(bookings: "QuerySet[Booking] | None", timezone: str) -> list[Sales]:
    """`sales` by day for pages of staff: in UTC when the database does not know the time zone."""
    try:
        return list(sales(GroupBy.DAY, bookings, timezone=timezone))
    except InvalidInput:
        return list(sales(GroupBy.DAY, bookings))


def totals(bookings: "QuerySet[Booking] | None" = None) -> list[Revenue]:
    """The total sales of `bookings` (default: all) in each currency; one statement."""
    rows = everything(bookings).sold().order_by("currency").values_list("currency")
    rows = rows.annotate(count=Count("pk"), **figures_of_bookings(), **fees_and_tax_of_bookings())
    return [Revenue(currency, count, int(seats), *amounts) for currency, count, seats, *amounts in rows]


def of_bookings(found: Any, grouping: Grouping, timezone: str, *, with_cancelled: bool) -> Any:
    """Reads items only of bookings with cancelled tickets."""
    zone = find_zone(timezone)
    days = {
        "day": TruncDate("confirmed_at", tzinfo=zone),
        "month": TruncMonth("confirmed_at", tzinfo=zone, output_field=DateField()),
    }
    return grouped(
        found.annotate(**{name: day for name, day in days.items() if name == grouping.key}),
        grouping,
        **(figures_of_sales() if with_cancelled else {**figures_of_bookings(), **fees_and_tax_of_bookings()}),
    )


def of_items(found: Any, grouping: Grouping, *, with_cancelled: bool) -> Any:
    cancelled = Value(0) if with_cancelled else F("items__cancelled_quantity")
    left = F("items__quantity") - cancelled
    return grouped(
        found.filter(items__quantity__gt=cancelled),
        grouping,
        seats=Sum(left),
        amount=total((F("items__unit_price") + F("items__unit_fee")) * left),
        net_fees=total(F("items__unit_fee") * left),
        net_tax=total(F("items__tax") if with_cancelled else tax_of_places("items__", "currency")),
    )


def total(amount: Any) -> money.Total:
    return money.Total(ExpressionWrapper(amount, output_field=MONEY))


def grouped(found: Any, grouping: Grouping, **figures: Any) -> Any:
    columns = dict.fromkeys([grouping.key, *grouping.data, "currency"])
    rows = found.order_by().values(*columns).annotate(count=Count("pk"), **figures)
    return rows.values_list(grouping.key, *grouping.data, "currency", "count", *figures)


def figures_of_bookings() -> dict[str, Any]:
    return {"seats": Sum(F("quantity") - F("cancelled_quantity")), "amount": money.Total(net_price())}


def fees_and_tax_of_bookings() -> dict[str, Any]:
    return {"net_fees": money.Total(net_fees()), "net_tax": money.Total(net_tax())}


def figures_of_sales() -> dict[str, Any]:
    """With what was cancelled later."""
    return {
        "seats": Sum("quantity"),
        "amount": money.Total("total_price"),
        "net_fees": money.Total("fees"),
        "net_tax": money.Total("tax"),
    }


def refunds_due(bookings: "QuerySet[Booking] | None" = None) -> Any:
    """For each currency: the number and amount of refunds that are due; one statement."""
    rows = everything(bookings).with_refund_due().order_by("currency").values_list("currency")
    return rows.annotate(count=Count("pk"), amount=money.Total("refund_amount"))


# Overview and occupancy


def overview(at: dt.datetime, events: "QuerySet[Event] | None" = None) -> Overview:
    """Counts and revenue in four statements; of `events`, by default all."""
    bookings = dict.fromkeys(Status.values, 0)
    revenue = []
    for status, currency, count, seats, *amounts in bookings_by_status().annotate(**fees_and_tax_of_bookings()):
        bookings[status] = bookings.get(status, 0) + count
        if status == Status.CONFIRMED:
            revenue.append(Revenue(currency, count, int(seats), *amounts))
    counted = Event.objects.all() if events is None else events
    by_status = counted.order_by().values_list("status").annotate(count=Count("pk"))
    return Overview(
        venues=Venue.objects.count(),
        events={**dict.fromkeys(Event.Status.values, 0), **dict(by_status)},
        bookings=bookings,
        tickets_sold=sum(row.tickets for row in revenue),
        places_available=places_available(at),
        revenue=revenue,
    )


def bookings_by_status(bookings: "QuerySet[Booking] | None" = None) -> Any:
    """For each status and currency: the number of bookings, their places, and what these cost."""
    rows = everything(bookings).order_by("status", "currency").values_list("status", "currency")
    return rows.annotate(count=Count("pk"), **figures_of_bookings())


def places_available(at: dt.datetime) -> int:
    """Available places of published events that are not over at `at`."""
    events = Event.objects.filter(status=Event.Status.PUBLISHED).upcoming(at)
    return events.aggregate(places=Sum(F("capacity") - F("reserved")))["places"] or 0


def occupancy(events: "QuerySet[Event] | None" = None) -> Iterator[Occupancy]:
    """How full each event is, by its start; one statement, from counters and pending bookings."""
    found: Any = Event.objects.all() if events is None else events
    columns = ("pk", "status", "capacity", "reserved", "held", "name", "starts_at", "venue__timezone")
    rows = found.with_held().order_by("starts_at", "pk").values_list(*columns)
    for pk, status, capacity, reserved, held, *event in rows.iterator():
        yield Occupancy(pk, label_of_event(*event), event[1], status, capacity, reserved - held, held)
