"""Warnings: what is taken though it may be a mistake, such as two events in one hall, or limits that contradict."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django.db.models import F, QuerySet

from config.backoffice.formats import event_times
from events.models import Event

MAX_WARNINGS = 20  # of one event
MAX_OVERLAPS = 5000  # of all events in one answer
SOLD_LATE = ("sale-starts-after-event", "/sales_start_at", "/starts_at")
TOO_FEW_FOR_CUSTOMER = ("max-per-customer-below-min-per-booking", "/min_per_booking", "/max_per_customer")
TOO_FEW_PLACES = ("min-per-booking-above-quantity", "/min_per_booking", "/capacity")
TOO_MANY = ("quantity-above-capacity", "/quantity", "/capacity")
Kind = tuple[str, str, str]  # a code, and the pointers into the ticket type and into the event


class Limits(NamedTuple):
    """What a ticket type says about how it is sold."""

    pk: int
    name: str
    capacity: int | None
    min_per_booking: int
    sales_start_at: dt.datetime | None
    sales_end_at: dt.datetime | None


def find_warnings(
    events: Sequence[Event], *, others: QuerySet[Event], shows_types: bool, has_new_start: bool = False
) -> None:
    """Sets `warnings` of each event. Two queries for any number of events.

    `others` are the events that a warning may name. With `has_new_start`, it names sales that have not moved along.
    """
    live = [event for event in events if event.status != Event.Status.CANCELLED]
    overlaps = find_overlaps([event for event in live if not event.is_postponed], others)
    limits = load_limits(live) if shows_types else {}
    for event in live:
        found = [*overlaps.get(event.pk, []), *warnings_of_pause(event)]
        for ticket_type in limits.get(event.pk, []):
            found += [
                warning(kind[0], kind[2], text, ticket_type.pk) for kind, text in contradictions(event, ticket_type)
            ]
            found += warnings_of_kept_sale(ticket_type) if has_new_start else ()
        event.warnings = found[:MAX_WARNINGS]


def find_overlaps(events: Sequence[Event], others: QuerySet[Event]) -> dict[int, list[dict[str, Any]]]:
    """By the id of an event: who else is in its venue at its time. A postponed event is in no venue."""
    rows = others.filter(
        status__in=[Event.Status.DRAFT, Event.Status.PUBLISHED],
        is_postponed=False,
        venue__events__in=[event.pk for event in events],
        venue__events__starts_at__lt=F("ends_at"),
        venue__events__ends_at__gt=F("starts_at"),
    )
    rows = rows.annotate(overlapped=F("venue__events__pk")).select_related("venue").order_by("starts_at", "pk")
    found: dict[int, list[dict[str, Any]]] = {}
    for other in rows[:MAX_OVERLAPS] if events else ():
        if other.pk != other.overlapped:
            text = f"“{other.name}” (event {other.pk}) is in the same venue at that time: {event_times(other)}."
            entry = {"code": "overlaps-event", "pointer": "/starts_at", "detail": text, "event": other.pk}
            found.setdefault(other.overlapped, []).append(entry)
    return found


def load_limits(events: Sequence[Event]) -> dict[int, list[Limits]]:
    columns = [f"ticket_types__{name}" for name in Limits._fields]
    rows = Event.objects.filter(pk__in=[event.pk for event in events], ticket_types__isnull=False)
    found: dict[int, list[Limits]] = {}
    for pk, *values in rows.order_by("ticket_types__position", "ticket_types__pk").values_list("pk", *columns):
        found.setdefault(pk, []).append(Limits(*values))
    return found


def warnings_of_ticket_type(ticket_type: Any) -> list[dict[str, Any]]:
    """Of a ticket type alone. Needs its event."""
    return [warning(kind[0], kind[1], text) for kind, text in contradictions(ticket_type.event, ticket_type)]


def contradictions(event: Event, ticket_type: Any) -> Iterator[tuple[Kind, str]]:
    """What does not fit together in the limits of an event and of one of its ticket types, in words."""
    name, fewest, quantity = f"“{ticket_type.name}”", ticket_type.min_per_booking, ticket_type.capacity
    if event.max_per_customer is not None and event.max_per_customer < fewest:
        most = event.max_per_customer
        yield (
            TOO_FEW_FOR_CUSTOMER,
            f"{name} is sold from {fewest} on, and a customer may have {most}: nobody can book it.",
        )
    if fewest > min(event.capacity, event.capacity if quantity is None else quantity):
        yield TOO_FEW_PLACES, f"{name} is sold from {fewest} on, and never has as many places: nobody can book it."
    if quantity is not None and quantity > event.capacity:
        yield TOO_MANY, f"{name} has a quantity of {quantity}, and the event a capacity of {event.capacity}."
    start = ticket_type.sales_start_at
    if start is not None and start >= event.ends_at:
        yield SOLD_LATE, f"The sale of {name} starts after the event ends: nobody can book it."
    elif start is not None and start >= event.starts_at:
        yield SOLD_LATE, f"The sale of {name} starts after the event has started."


def warnings_of_pause(event: Event) -> Iterator[dict[str, Any]]:
    if event.is_sales_paused and not event.is_postponed and event.status == Event.Status.PUBLISHED:
        yield warning("sales-paused", "/is_sales_paused", "Nothing can be booked until the sales are resumed.")


def warnings_of_kept_sale(ticket_type: Limits) -> Iterator[dict[str, Any]]:
    if ticket_type.sales_start_at is not None or ticket_type.sales_end_at is not None:
        detail = f"The sale of “{ticket_type.name}” keeps its times. Rescheduling the event moves them along."
        yield warning("sales-times-kept", "/starts_at", detail, ticket_type.pk)


def warning(code: str, pointer: str, detail: str, ticket_type: int | None = None) -> dict[str, Any]:
    entry = {"code": code, "pointer": pointer, "detail": detail}
    return entry if ticket_type is None else {**entry, "ticket_type": ticket_type}
