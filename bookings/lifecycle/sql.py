"""The statements of a booking, compiled once (see config.statements): the path that everybody takes in a rush.

Written with the ORM in the usual way, it took nine statements and 5,000 µs of Python; these are two and 300.
"""

from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import BigIntegerField, CharField, F, IntegerField, Min, QuerySet, Sum
from django.db.models.functions import Now

from bookings import models
from bookings.lifecycle.transitions import LostRace, event_conditions, sale_conditions
from config.statements import AnyOf, Compiled, Parameter, Statement, compile_update, cursor_of, insert, stored
from events.models import Event
from ticket_types.models import TicketType

OF_TYPE = ("event", "name", "price", "capacity", "reserved", "min_per_booking", "max_per_booking", "sales_start_at",
           "sales_end_at")  # fmt: skip
OF_EVENT = ("name", "status", "ends_at", "currency", "capacity", "reserved", "max_per_customer")


def number(name: str) -> Parameter:
    return Parameter(name, IntegerField())


def key(name: str) -> Parameter:
    return Parameter(name, BigIntegerField())


def text(name: str) -> Parameter:
    return Parameter(name, CharField())


def offered() -> QuerySet[TicketType]:
    rows = TicketType.objects.visible().filter(AnyOf(F("pk"), "ids"))
    rows = rows.with_availability(Now(), wanted=number("wanted")).annotate(at=Now())
    return rows.only(*OF_TYPE, *(f"event__{name}" for name in OF_EVENT))


def held_of_event() -> QuerySet[Any, Any]:
    holds = models.Booking.objects.holds(Now()).filter(event=key("event")).order_by()
    return holds.values("event").annotate(held=Sum("quantity"), end=Min("expires_at")).values_list("held", "end")


def held_of_type() -> QuerySet[Any, Any]:
    items = models.BookingItem.objects.holds(Now()).filter(booking__event=key("event"), ticket_type=key("ticket_type"))
    grouped = items.order_by().values("ticket_type")
    return grouped.annotate(held=Sum("quantity"), end=Min("booking__expires_at")).values_list("held", "end")


def of_customer() -> QuerySet[Any, Any]:
    rows = models.Booking.objects.live(Now()).filter(customer_key=text("customer"), event=key("event"))
    left = Sum(F("quantity") - F("cancelled_quantity"))
    return rows.order_by().values("event").annotate(taken=left).values_list("taken")


def named() -> QuerySet[Any, Any]:
    rows = models.Booking.objects.filter(idempotency_caller=text("caller"), idempotency_key=text("key")).order_by()
    return rows.values_list("pk")


OFFERED = Statement(offered)
HELD_OF_EVENT = Statement(held_of_event)
HELD_OF_TYPE = Statement(held_of_type)
OF_CUSTOMER = Statement(of_customer)
NAMED = Statement(named)


def claim(
    booking: "models.Booking",
    items: "Sequence[models.BookingItem]",
    change: "models.BookingChange",
    event: Event,
) -> None:
    """Writes a new booking with its items and its history, then takes places of each ticket type and of the event.

    Raises LostRace when one of them has too few, or what limits the sale has changed: see `take_places`, in whose order
    this locks. All or nothing on PostgreSQL, where it is one statement; elsewhere the caller's transaction makes it so.

    One statement, because between two of them the event's row would stay locked while Python is at work and waits for
    its turn. Its parts run in the order in which each counts the rows of those before it.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    using = DEFAULT_DB_ALIAS
    taken = {"event": event.pk, "places": booking.quantity, "currency": event.currency}
    for index, item in enumerate(sorted(items, key=lambda item: item.ticket_type_id)):
        taken |= {f"type_{index}": item.ticket_type_id, f"places_{index}": item.quantity}
    values = [
        stored(booking, using),
        [value for item in items for value in stored(item, using)],
        stored(change, using),
        [event.pk],
        *(update.bind(taken, connection) for update in takings(len(items))),
    ]
    run = claim_at_once if connection.vendor == "postgresql" else claim_in_steps
    for item, pk in zip(items, run(connection, len(items), values), strict=True):
        item.pk = pk
    for instance in (booking, *items, change):
        instance._state.adding, instance._state.db = False, using


def claim_at_once(connection: Any, lines: int, values: list[list[Any]]) -> list[int]:
    with cursor_of(connection) as cursor:
        cursor.execute(at_once(lines), list(chain.from_iterable(values)))
        return [pk for pk, _ in cursor.fetchall()]


TURN = 1  # the class of the advisory locks by which bookings take turns, one for each event
LARGEST = 2_147_483_647  # number of such a lock; events that share one would only wait for each other


@cache
def at_once(lines: int) -> str:
    """A statement that fails as a whole, dividing by zero, when the last of its takings has found nothing.

    With everything inserted, and before the first row that is sold from, it waits for its turn at the event: bookings
    that queue for a row are woken twice each, once for the row and once for whoever changed it, and those that queue
    for a turn once. With 4 to 16 at a time that sells a third more.

    Written from models and compiled queries alone; what a caller sends is bound to its marks.
    """
    parts = [
        ("booking", f"{insert(models.Booking, DEFAULT_DB_ALIAS)} RETURNING 1"),
        ("items", f"{insert(models.BookingItem, DEFAULT_DB_ALIAS, lines)} RETURNING id"),
        ("change", f"{insert(models.BookingChange, DEFAULT_DB_ALIAS)} RETURNING 1"),
    ]
    inserted = " AND ".join(f"(SELECT COUNT(*) FROM {name}) > 0" for name, _ in parts)  # nosec B608
    parts.append(("turn", f"SELECT pg_advisory_xact_lock({TURN}, (%s %% {LARGEST})::int) WHERE {inserted}"))  # nosec B608
    before = "(SELECT COUNT(*) FROM turn) > 0"
    for index, update in enumerate(takings(lines)):
        parts.append((f"taken_{index}", f"{update.sql} AND {before} RETURNING 1"))
        before = f"(SELECT COUNT(*) FROM taken_{index}) > 0"  # nosec B608
    written = ", ".join(f"{name} AS ({sql})" for name, sql in parts)
    return f"WITH {written} SELECT id, 1 / (SELECT COUNT(*) FROM taken_{lines}) FROM items ORDER BY id"  # nosec B608


def claim_in_steps(connection: Any, lines: int, values: list[list[Any]]) -> list[int]:
    booking, items, change, _, *taken = values
    with connection.cursor() as cursor:
        cursor.execute(insert(models.Booking, DEFAULT_DB_ALIAS), booking)
        cursor.execute(f"{insert(models.BookingItem, DEFAULT_DB_ALIAS, lines)} RETURNING id", items)
        ids = [pk for (pk,) in cursor.fetchall()]
        cursor.execute(insert(models.BookingChange, DEFAULT_DB_ALIAS), change)
        for update, params in zip(takings(lines), taken, strict=True):
            cursor.execute(update.sql, params)
            if cursor.rowcount != 1:
                raise LostRace
    return ids


@cache
def takings(lines: int) -> list[Compiled]:
    """Of each ticket type, in the order of their ids, and of the event."""
    updates = []
    for index in range(lines):
        places = number(f"places_{index}")
        rows = TicketType.with_room(key(f"type_{index}"), places, *sale_conditions(places))
        updates.append(compile_update(rows, DEFAULT_DB_ALIAS, reserved=F("reserved") + places))
    rows = Event.with_room(key("event"), number("places"), **event_conditions(text("currency")))
    return [*updates, compile_update(rows, DEFAULT_DB_ALIAS, reserved=F("reserved") + number("places"))]
