"""Fills a database through the API, and multiplies one booking by SQL."""

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

from benchmarks.torture.databases import Postgresql

VENUES = 100
CUSTOMER = {"customer_name": "Ann Lee", "customer_email": "ann@example.com"}
COPIED = ("bookings_booking", "bookings_bookingitem", "bookings_bookingchange", "bookings_ticket")
# Columns of a copy that differ from the original's. Codes have no 0 and no 1.
EMAIL = "'buyer' || copies.number || '@example.com'"
CODE = "'Z' || translate(upper(lpad(to_hex(copies.number), 7, '0')), '01', 'XY')"
TICKET_CODE = "left(translate(upper(md5(copies.id::text || random())), '01', 'XY'), 26)"
DIFFERENT = {
    "bookings_booking": {"id": "copies.id", "confirmation_code": CODE, "customer_email": EMAIL, "customer_key": EMAIL},
    "bookings_ticket": {"code": TICKET_CODE},
}


@dataclass(frozen=True)
class Catalogue:
    """The ids of what was made."""

    venue: int
    event: int
    hot: int  # a ticket type with a million places
    sold_out: int
    template: str  # a confirmed booking of the hot ticket type


class Filler:
    """Makes a catalogue through the API. `call` sends a request as a manager and returns the data."""

    def __init__(self, call: Any) -> None:
        self.call = call

    def fill(self) -> Catalogue:
        """100 venues with one event each and one ticket type for each event; every event has one booking."""
        venues = [self.venue(number) for number in range(1, VENUES + 1)]
        events = [self.event(venue, number) for number, venue in enumerate(venues, 1)]
        types = [self.ticket_type(event, "Standard") for event in events]
        sold_out = self.ticket_type(events[-1], "Sold out", quantity=1)
        for event in events:
            self.publish(event)
        bookings = [self.book(ticket_type) for ticket_type in (*types, sold_out)]
        return Catalogue(venues[6], events[6], types[0], sold_out, bookings[0])

    def fill_flash_sale(self, venue: int) -> int:
        """An event with 500 places that cost nothing, so that their buyers may confirm. Returns its ticket type."""
        event = self.event(venue, VENUES + 1, capacity=500)
        ticket_type = self.ticket_type(event, "Seat", price="0.00")
        self.publish(event)
        return ticket_type

    def publish(self, event: int) -> None:
        self.call("POST", f"/events/{event}/publish")

    def venue(self, number: int) -> int:
        address = f"{number} Long Street, Some City, Country"
        return self.make("/venues", name=f"Venue number {number}", address=address, capacity=1_000_000, timezone="UTC")

    def event(self, venue: int, number: int, **more: Any) -> int:
        starts_at = dt.datetime.now(dt.UTC) + dt.timedelta(days=365 + number)
        times = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + dt.timedelta(hours=3)).isoformat()}
        description = "An evening of music and dance " * 3
        return self.make(
            "/events", venue=venue, name=f"Event number {number}", description=description, **times, **more
        )

    def ticket_type(self, event: int, name: str, *, price: str = "49.90", quantity: int | None = None) -> int:
        return self.make("/ticket-types", event=event, name=name, price=price, quantity=quantity)

    def book(self, ticket_type: int) -> str:
        booking = self.make("/bookings", **CUSTOMER, items=[{"ticket_type": ticket_type, "quantity": 1}])
        self.call("POST", f"/bookings/{booking}/confirm", {"payment_reference": "pay_0"})
        return booking

    def make(self, path: str, **data: Any) -> Any:
        return self.call("POST", path, data)["id"]


def multiply(database: Postgresql, name: str, template: str, target: int) -> None:
    """Copies a confirmed booking with all its rows until its event has `target` bookings."""
    with database.connect(name) as connection:
        (count,) = connection.run("SELECT COUNT(*) FROM bookings_booking").fetchone()
        missing = max(target - count, 0)
        connection.run("BEGIN")
        connection.run(
            "CREATE TEMPORARY TABLE copies ON COMMIT DROP AS "
            f"SELECT gen_random_uuid() AS id, number FROM generate_series({count + 1}, {count + missing}) AS number"
        )
        for table in COPIED:
            connection.run(copy_statement(connection, table, template))
        for table, column in (("events_event", "event_id"), ("ticket_types_tickettype", "ticket_type_id")):
            source = "bookings_booking" if column == "event_id" else "bookings_bookingitem"
            key = "id" if column == "event_id" else "booking_id"
            connection.run(
                f"UPDATE {table} SET reserved = reserved + {missing} "
                f"WHERE id = (SELECT {column} FROM {source} WHERE {key} = '{template}')"
            )
        connection.run("COMMIT")
        connection.run("VACUUM ANALYZE")


def copy_statement(connection: Any, table: str, template: str) -> str:
    """An INSERT that writes the template's rows of a table once for each row of `copies`."""
    key = "id" if table == "bookings_booking" else "booking_id"
    different = {key: "copies.id", **DIFFERENT.get(table, {})}
    rows = connection.run(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_name = %s AND is_identity = 'NO' AND is_generated = 'NEVER'",
        [table],
    )
    columns = [name for (name,) in rows.fetchall()]
    values = ", ".join(different.get(column, f"original.{column}") for column in columns)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} "
        f"FROM copies, {table} AS original WHERE original.{key} = '{template}'"
    )


def booking_body(ticket_type: int) -> str:
    """The body of a booking, with a %d in the place of the customer's number."""
    data = {
        "customer_name": "Ann Lee",
        "customer_email": "buyer%d@example.com",
        "items": [{"ticket_type": ticket_type, "quantity": 1}],
    }
    return json.dumps(data)
