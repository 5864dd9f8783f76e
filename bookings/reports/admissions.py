"""How many are expected, were let in, and are inside: of one event, by ticket type and by quarter of an hour."""

import datetime as dt
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q
from django.db.models.functions import TruncMinute

from bookings.models import Ticket
from config.values.timezones import find_zone
from events.models import Event
from ticket_types.models import TicketType

QUARTER = dt.timedelta(minutes=15)
MAX_QUARTERS = 4 * 48  # in a row; a check-in by mistake may be weeks before
EPOCH = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
ADMITTED = Q(status=Ticket.Status.CHECKED_IN)
FIGURES = {
    "expected": ~Q(status=Ticket.Status.VOID),
    "admitted": ADMITTED,
    "inside": ADMITTED & Q(checked_out_at=None),
}


@dataclass(frozen=True, slots=True)
class Admitted:
    """`expected` are tickets that are not void, `admitted` those that were checked in; a group is an id or a time."""

    group: Any
    label: str
    expected: int
    admitted: int
    inside: int


@dataclass(frozen=True, slots=True)
class Quarter:
    """People whose first entry was in the quarter of an hour."""

    starts_at: dt.datetime
    label: str
    admitted: int


@dataclass(frozen=True, slots=True)
class Admissions(Admitted):
    by_ticket_type: list[Admitted]
    by_quarter: list[Quarter]


def admissions(event: Event) -> Admissions:
    """Three statements. The event has its venue."""
    tickets = Ticket.objects.filter(ticket_type__event=event).order_by()
    figures = {name: Count("pk", filter=condition) for name, condition in FIGURES.items()}
    counts = {pk: row for pk, *row in tickets.values_list("ticket_type").annotate(**figures)}
    types = TicketType.objects.filter(event=event).order_by("position", "pk").values_list("pk", "name")
    rows = [Admitted(pk, name, *counts.get(pk, (0, 0, 0))) for pk, name in types]
    sums = {name: sum(getattr(row, name) for row in rows) for name in FIGURES}
    return Admissions(event.pk, event.name, **sums, by_ticket_type=rows, by_quarter=quarters(event, tickets))


def counts_of(events: Collection[int]) -> dict[int, dict[str, int]]:
    """The figures of several events by id; none for an event without tickets. One statement."""
    figures = {name: Count("pk", filter=condition) for name, condition in FIGURES.items()}
    tickets = Ticket.objects.filter(ticket_type__event__in=events).order_by()
    rows = tickets.values_list("ticket_type__event").annotate(**figures)
    return {pk: dict(zip(FIGURES, row, strict=True)) for pk, *row in rows}


def quarters(event: Event, tickets: Any) -> list[Quarter]:
    """From the first entry to the last one, those without entries included. Quarters are those of UTC, as of nearly
    all local times.
    """
    minutes = tickets.filter(ADMITTED).values_list(TruncMinute("checked_in_at", tzinfo=dt.UTC))
    found: Counter[dt.datetime] = Counter()
    for minute, count in minutes.annotate(count=Count("pk")):
        found[minute - (minute - EPOCH) % QUARTER] += count
    if not found:
        return []
    zone, first, last = find_zone(event.venue.timezone), min(found), max(found)
    times = [first + number * QUARTER for number in range((last - first) // QUARTER + 1)]
    if len(times) > MAX_QUARTERS:
        times = sorted(found)
    return [Quarter(at, f"{at.astimezone(zone):%d %b %Y, %H:%M}", found[at]) for at in times]
