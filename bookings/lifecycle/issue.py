"""The usual confirmation, of a hold that still lasts: the booking moves, its history says so, tickets are issued.

With the ORM's queries it took three statements, a transaction around them and three more to read what they wrote; on
PostgreSQL it is one (see config.statements).
"""

from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Case, CharField, F, Q, UUIDField, When
from django.db.models.functions import Now

from bookings import models
from bookings.lifecycle.states import CONFIRM
from config.statements import (
    Compiled,
    Parameter,
    compile_update_returning,
    cursor_of,
    fresh,
    insert,
    insert_and_number,
    insert_from,
    stored,
)

USING = DEFAULT_DB_ALIAS

# What the confirmed booking tells the rows that come with it; of the tickets there are as many as codes.
OF_CHANGE = {"booking_id": "id", "at": "confirmed_at"}
OF_TICKETS = {"booking_id": "id", "created_at": "confirmed_at", "code": "UNNEST(%s::text[])",
              "ticket_type_id": "UNNEST(%s::bigint[])"}  # fmt: skip
NUMBERS = "SELECT ARRAY_AGG(id ORDER BY id) FROM tickets"


def issue(booking: "models.Booking", payment_reference: str, by: Any) -> bool:
    """Confirms a booking that is pending with time left, and issues its tickets; false when it is not (any more).

    The other party is whoever moves the same booking at the same moment, as in `moving.move`. All or nothing, and
    afterwards the booking is what is stored, and knows its items and tickets.
    """
    items = booking.known("items")
    tickets = new_tickets(booking, items)
    note = {"payment_reference": payment_reference}
    change = models.BookingChange.entry(booking.pk, CONFIRM.verb, CONFIRM.source, CONFIRM.target, by=by, **note)
    connection = connections[USING]
    run = issue_at_once if connection.vendor == "postgresql" else issue_in_steps
    found = run(connection, confirmation().bind({"id": booking.pk, **note}, connection), change, tickets)
    if found is None:
        return False
    confirmed, numbers = found
    vars(booking).update(vars(confirmed), _prefetched_objects_cache={})
    for ticket, pk in zip(tickets, numbers, strict=True):
        ticket.pk, ticket.created_at = pk, confirmed.confirmed_at
        ticket._state.adding, ticket._state.db = False, USING
    booking.remember(items=items, tickets=tickets)
    return True


def new_tickets(booking: "models.Booking", items: "list[models.BookingItem]") -> "list[models.Ticket]":
    """One for each place, not saved yet."""
    return [
        fresh(models.Ticket, booking=booking, ticket_type_id=item.ticket_type_id)
        for item in items
        for _ in range(item.quantity)
    ]


def reference(payment_reference: Any) -> Case:
    """The reference as a value for an UPDATE: one that is stored already is never written over."""
    return Case(When(payment_reference="", then=payment_reference), default=F("payment_reference"))


@cache
def confirmation() -> Compiled:
    rows = models.Booking.objects.filter(
        Q(expires_at__gt=Now()), pk=Parameter("id", UUIDField()), status=CONFIRM.source
    )
    changes = {"status": CONFIRM.target, "confirmed_at": Now()}
    changes["payment_reference"] = reference(Parameter("payment_reference", CharField()))
    return compile_update_returning(rows, USING, **changes)


def read(row: tuple[Any, ...]) -> "models.Booking":
    booking: models.Booking
    (booking,) = confirmation().make(confirmation().read([row]), USING)
    return booking


@cache
def at_once() -> str:
    """Where nothing was confirmed, nothing is inserted from it.

    Written from models and compiled queries alone; what a caller sends is bound to its marks.
    """
    change = insert_from("confirmed", models.BookingChange, USING, **OF_CHANGE)
    tickets = insert_from("confirmed", models.Ticket, USING, **OF_TICKETS)
    parts = f"confirmed AS ({confirmation().sql}), change AS ({change}), tickets AS ({tickets} RETURNING id)"
    return f"WITH {parts} SELECT *, ({NUMBERS}) FROM confirmed"  # noqa: S608  # nosec B608


def issue_at_once(connection: Any, values: list[Any], change: Any, tickets: list[Any]) -> Any:
    values = [
        *values,
        *stored(change, USING, tuple(OF_CHANGE)),
        "{" + ",".join(ticket.code for ticket in tickets) + "}",
        "{" + ",".join(str(ticket.ticket_type_id) for ticket in tickets) + "}",
        *stored(tickets[0], USING, tuple(OF_TICKETS)),
    ]
    with cursor_of(connection) as cursor:
        cursor.execute(at_once(), values)
        rows = cursor.fetchall()
    return (read(rows[0]), rows[0][-1]) if rows else None


def issue_in_steps(connection: Any, values: list[Any], change: Any, tickets: list[Any]) -> Any:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(confirmation().sql, values)
        rows = cursor.fetchall()
        if not rows:
            return None
        confirmed = read(rows[0])
        change.at = confirmed.confirmed_at
        for ticket in tickets:
            ticket.created_at = confirmed.confirmed_at
        cursor.execute(insert(models.BookingChange, USING), stored(change, USING))
        return confirmed, insert_and_number(models.Ticket, [stored(it, USING) for it in tickets], USING)
