"""The contents of the database after a scenario, read with plain SQL."""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.torture.databases import Connection

LIVE = ("pending", "confirmed")
TRANSITIONS = {
    ("", "pending"),
    ("pending", "confirmed"),
    ("pending", "cancelled"),
    ("pending", "expired"),
    ("expired", "confirmed"),
    ("confirmed", "cancelled"),
}
UNIT = 10_000  # money is stored in ten-thousandths


@dataclass
class Row:
    """A booking with its items, history and tickets."""

    data: dict[str, Any]
    items: list[dict[str, Any]] = field(default_factory=list)
    changes: list[tuple[str, str]] = field(default_factory=list)
    valid_tickets: int = 0
    payments: list[dict[str, Any]] = field(default_factory=list)
    refunded: int = 0  # the sum of its refunds that have not failed

    @property
    def id(self) -> str:
        return identity(self.data["id"])

    @property
    def attempt(self) -> str:
        """The idempotency key, which the client also put into the metadata, where no guard looks."""
        metadata = self.data["metadata"]
        return (json.loads(metadata) if isinstance(metadata, str) else metadata).get("attempt", "")

    @property
    def status(self) -> str:
        return self.data["status"]

    @property
    def places(self) -> int:
        return self.data["quantity"] - self.data["cancelled_quantity"]

    def errors(self, prices: dict[int, set[str]]) -> list[str]:
        """The contradictions between its figures, its tickets and its history."""
        errors = []
        if self.data["quantity"] != sum(item["quantity"] for item in self.items):
            errors.append("its quantity is not the sum of its items")
        if self.data["total_price"] != sum(
            (item["unit_price"] + item["unit_fee"]) * item["quantity"] for item in self.items
        ):
            errors.append("its total is not the sum of its items")
        if any(plain(item["unit_price"]) not in prices[item["ticket_type_id"]] for item in self.items):
            errors.append("has a price that its ticket type never had")
        if self.valid_tickets != (self.places if self.status == "confirmed" else 0):
            errors.append(f"{self.status} with {self.valid_tickets} valid tickets for {self.places} places")
        return errors + self.errors_of_balance() + self.errors_of_history()

    def errors_of_balance(self) -> list[str]:
        errors = []
        if self.data["amount_paid"] != sum(it["amount"] for it in self.payments if it["status"] == "succeeded"):
            errors.append("its amount paid is not the sum of its payments")
        if self.data["amount_refunded"] != self.refunded:
            errors.append("its amount refunded is not the sum of its refunds")
        if self.refunded != sum(it["amount_refunded"] for it in self.payments):
            errors.append("its payments and refunds differ")
        return errors

    def errors_of_history(self) -> list[str]:
        moves = [change for change in self.changes if change[0] != change[1]]
        state = ""
        for source, target in moves:
            if source != state or (source, target) not in TRANSITIONS:
                return [f"history has {source or 'nothing'} → {target} while it was {state or 'nothing'}"]
            state = target
        return [] if state == self.status else [f"{self.status}, but its history ends with {state or 'nothing'}"]

    def content(self) -> dict[str, Any]:
        """Its data as the API shows it."""
        return {
            "id": self.id,
            "event": self.data["event_id"],
            "customer_name": self.data["customer_name"],
            "customer_email": self.data["customer_email"],
            "quantity": self.data["quantity"],
            "total_price": plain(self.data["total_price"]),
            "currency": self.data["currency"],
            "items": sorted(
                (item["ticket_type_id"], item["quantity"], plain(item["unit_price"])) for item in self.items
            ),
        }


def identity(value: object) -> str:
    return str(uuid.UUID(str(value)))


def plain(amount: int) -> str:
    """An amount in euros, the currency of the catalogue."""
    return f"{amount // UNIT}.{amount % UNIT // 100:02}"


def content(answer: dict[str, Any]) -> dict[str, Any]:
    """The same data of a response."""
    names = ("id", "event", "customer_name", "customer_email", "quantity", "total_price", "currency")
    items = sorted((item["ticket_type"], item["quantity"], item["unit_price"]) for item in answer["items"])
    return {**{name: answer[name] for name in names}, "items": items}


def placeholders(values: Iterable[Any]) -> str:
    return ", ".join("%s" for _ in values)


@dataclass
class Truth:
    bookings: list[Row]
    counters: list[dict[str, Any]]

    @classmethod
    def read(cls, connection: Connection, events: list[int]) -> "Truth":
        """Reads everything in one transaction, so that it is consistent."""
        connection.run("BEGIN" if connection.placeholder == "?" else "BEGIN ISOLATION LEVEL REPEATABLE READ")
        truth = cls(list(bookings(connection, events).values()), list(counters(connection, events)))
        connection.run("COMMIT")
        return truth

    def by_attempt(self) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = defaultdict(list)
        for row in self.bookings:
            found[row.attempt].append(row)
        return found


def bookings(connection: Connection, events: list[int]) -> dict[str, Row]:
    mine = f"SELECT id FROM bookings_booking WHERE event_id IN ({placeholders(events)})"
    rows = connection.rows(f"SELECT * FROM bookings_booking WHERE event_id IN ({placeholders(events)})", events)
    found = {identity(row["id"]): Row(row) for row in rows}
    for item in connection.rows(f"SELECT * FROM bookings_bookingitem WHERE booking_id IN ({mine})", events):
        found[identity(item["booking_id"])].items.append(item)
    history = f"SELECT * FROM bookings_bookingchange WHERE booking_id IN ({mine}) ORDER BY id"
    for change in connection.rows(history, events):
        found[identity(change["booking_id"])].changes.append((change["from_status"], change["to_status"]))
    tickets = f"SELECT booking_id, COUNT(*) AS n FROM bookings_ticket WHERE status <> 'void' AND booking_id IN ({mine})"
    for count in connection.rows(f"{tickets} GROUP BY booking_id", events):
        found[identity(count["booking_id"])].valid_tickets = count["n"]
    for payment in connection.rows(f"SELECT * FROM payments_payment WHERE booking_id IN ({mine})", events):
        found[identity(payment["booking_id"])].payments.append(payment)
    refunds = f"""SELECT p.booking_id, SUM(r.amount) AS total FROM payments_refund r
        JOIN payments_payment p ON p.id = r.payment_id WHERE r.status <> 'failed' AND p.booking_id IN ({mine})"""
    for refund in connection.rows(f"{refunds} GROUP BY p.booking_id", events):
        found[identity(refund["booking_id"])].refunded = int(refund["total"])
    return found


def counters(connection: Connection, events: list[int]) -> Iterable[dict[str, Any]]:
    """The counter of each event and ticket type, with the sum of its bookings.

    `counted` is the sum of all pending and confirmed bookings, `live` the sum without due holds, which remain in the
    counter until they are released.
    """
    now = "CURRENT_TIMESTAMP" if connection.placeholder == "%s" else "strftime('%Y-%m-%d %H:%M:%f', 'now')"
    counts = f"(b.status = 'confirmed' OR (b.status = 'pending' AND b.expires_at > {now}))"
    sums = """COALESCE(SUM(CASE WHEN b.status IN ('pending', 'confirmed') THEN {left} ELSE 0 END), 0) AS counted,
        COALESCE(SUM(CASE WHEN {counts} THEN {left} ELSE 0 END), 0) AS live"""
    yield from connection.rows(
        f"""SELECT 'event' AS kind, e.id, e.capacity, e.reserved,
        {sums.format(left="b.quantity - b.cancelled_quantity", counts=counts)}
        FROM events_event e LEFT JOIN bookings_booking b ON b.event_id = e.id
        WHERE e.id IN ({placeholders(events)}) GROUP BY e.id, e.capacity, e.reserved""",
        events,
    )
    yield from connection.rows(
        f"""SELECT 'type' AS kind, t.id, t.capacity, t.reserved,
        {sums.format(left="i.quantity - i.cancelled_quantity", counts=counts)}
        FROM ticket_types_tickettype t LEFT JOIN bookings_bookingitem i ON i.ticket_type_id = t.id
        LEFT JOIN bookings_booking b ON b.id = i.booking_id
        WHERE t.event_id IN ({placeholders(events)}) GROUP BY t.id, t.capacity, t.reserved""",
        events,
    )
