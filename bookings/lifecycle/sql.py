"""The statements of a sale for PostgreSQL, written by hand: look, held, claim, confirm.

Each is one round trip and prepared once, because they decide how fast a hot event sells. SQLite takes the ORM's way
through the same verbs. A test compares the rows that they write with the rows that `save()` would.
"""

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection
from psycopg import Cursor, pq
from psycopg.types.json import Jsonb

from bookings import models
from bookings.lifecycle.states import Status
from bookings.messages.queueing import NO_MAIL
from config.outbox.models import FeedChange, to_text
from config.values import money, percent

if TYPE_CHECKING:
    from bookings.payments.ledger import Receipt

LOOK = """
SELECT t.id, t.event_id, t.name, t.price, t.fee, t.tax_rate, t.capacity, t.reserved, t.min_per_booking,
       t.max_per_booking, t.sales_start_at, t.sales_end_at, t.is_name_required,
       e.id, e.name, e.status, e.ends_at, e.currency, e.capacity, e.reserved, e.max_per_customer,
       e.free_confirmation, e.is_sales_paused, e.is_postponed, STATEMENT_TIMESTAMP()
  FROM ticket_types_tickettype t
  JOIN events_event e ON e.id = t.event_id
 WHERE t.id = ANY(%(ticket_types)s::bigint[]) AND (e.status = 'published' OR e.published_at IS NOT NULL)
"""

# What is held, and when the first of these holds ends: for refusals, which are frequent when an event sells out.
HELD_OF_EVENT = """
SELECT COALESCE(SUM(quantity), 0)::bigint, MIN(expires_at)
  FROM bookings_booking
 WHERE event_id = %(event)s AND status = 'pending'
"""
HELD_OF_TICKET_TYPE = """
SELECT COALESCE(SUM(i.quantity), 0)::bigint, MIN(b.expires_at)
  FROM bookings_booking b
  JOIN bookings_bookingitem i ON i.booking_id = b.id
 WHERE b.event_id = %(event)s AND b.status = 'pending' AND i.ticket_type_id = %(ticket_type)s
"""

# What an anonymous client holds is limited. The migrations create a function for it: each of its statements has a
# snapshot of its own, so the sum sees what was committed while the lock on the client was awaited. Above the limit
# nothing is inserted, and the statement returns no rows.
#
# All or nothing: when the event or a ticket type has too few places, or something that limits the sale has changed, the
# last line divides by zero, and nothing is written. Every part counts the rows of the part before it, which fixes their
# order. The idempotency key is written first: a concurrent request with the same key waits there, before it holds a
# lock that others need. Before the first row of stock comes an advisory lock for each event: waiting for it wakes a
# session once, waiting for a row twice. Ticket types are locked by id, then the event, as by every other verb.
CLAIM = """
WITH line AS (
    SELECT * FROM ROWS FROM (JSONB_TO_RECORDSET(%(lines)s) AS (
        ticket_type_id bigint, name text, unit_price bigint, unit_fee bigint, tax_rate bigint, quantity int, tax bigint,
        attendees jsonb)) WITH ORDINALITY
), client AS (
    SELECT WHERE CASE WHEN %(client_key)s = '' THEN true
                      ELSE bookings_held_by_client(%(client_key)s) + %(quantity)s <= %(places_per_client)s END
), booking AS (
    INSERT INTO bookings_booking (
        id, secret, confirmation_code, event_id, status, customer_name, name_key, surname_key, customer_email,
        customer_key, quantity, cancelled_quantity, total_price, currency, metadata, payment_reference, refund_due,
        refund_amount, amount_paid, amount_refunded, amount_due, cancelled_amount, cancellation_fee, goodwill_amount,
        created_at, updated_at, expires_at, cancel_reason, is_late, idempotency_client, idempotency_key,
        request_fingerprint, fees, tax, client_key, notify)
    SELECT
        %(id)s, %(secret)s, %(confirmation_code)s, %(event)s, 'pending', %(customer_name)s, %(name_key)s,
        %(surname_key)s, %(customer_email)s, %(customer_key)s, %(quantity)s, 0, %(total_price)s, %(currency)s,
        %(metadata)s, '', false, 0, 0, 0, %(total_price)s, 0, 0, 0, %(created_at)s, %(created_at)s, %(expires_at)s,
        '', false, %(idempotency_client)s, %(idempotency_key)s, %(request_fingerprint)s, %(fees)s, %(tax)s,
        %(client_key)s, %(notify)s
      FROM client
    RETURNING id
), item AS (
    INSERT INTO bookings_bookingitem (
        booking_id, ticket_type_id, name, unit_price, unit_fee, tax_rate, quantity, total_price, tax,
        cancelled_quantity, attendees)
    SELECT booking.id, ticket_type_id, name, unit_price, unit_fee, tax_rate, quantity,
           (unit_price + unit_fee) * quantity, tax, 0, attendees
      FROM booking, line ORDER BY ordinality
    RETURNING id
), change AS (
    INSERT INTO bookings_bookingchange (
        booking_id, at, by_id, by_name, verb, from_status, to_status, details)
    SELECT id, %(created_at)s, %(by_id)s, %(by_name)s, 'place', '', 'pending', '{}' FROM booking
    RETURNING 1
), told AS (
    INSERT INTO outbox_feedchange (key, type, object_type, object_id, data, by, created_at)
    SELECT %(told_key)s, %(told_type)s, 'booking', id, %(told_data)s, %(by_name)s, %(created_at)s FROM booking
    RETURNING 1
), turn AS (
    SELECT PG_ADVISORY_XACT_LOCK(1, (%(event)s %% 2147483647)::int)
     WHERE (SELECT COUNT(*) FROM item) > 0 AND (SELECT COUNT(*) FROM change) > 0
       AND (SELECT COUNT(*) FROM told) > 0
), wanted AS (
    SELECT t.id, line.quantity
      FROM ticket_types_tickettype t JOIN line ON line.ticket_type_id = t.id
     WHERE (SELECT COUNT(*) FROM turn) > 0
     ORDER BY t.id FOR NO KEY UPDATE OF t
), ticket_type AS (
    UPDATE ticket_types_tickettype t SET reserved = t.reserved + wanted.quantity
      FROM wanted
     WHERE t.id = wanted.id
       AND (t.capacity IS NULL OR t.capacity >= t.reserved + wanted.quantity)
       AND (t.sales_start_at IS NULL OR t.sales_start_at <= STATEMENT_TIMESTAMP())
       AND (t.sales_end_at IS NULL OR t.sales_end_at > STATEMENT_TIMESTAMP())
       AND wanted.quantity BETWEEN t.min_per_booking AND t.max_per_booking
    RETURNING 1
), event AS (
    UPDATE events_event SET reserved = reserved + %(quantity)s
     WHERE id = %(event)s
       AND status = 'published' AND ends_at > STATEMENT_TIMESTAMP() AND currency = %(currency)s
       AND NOT is_sales_paused
       AND max_per_customer IS NOT DISTINCT FROM %(max_per_customer)s
       AND capacity >= reserved + %(quantity)s
       AND (SELECT COUNT(*) FROM ticket_type) = (SELECT COUNT(*) FROM line)
    RETURNING 1
)
SELECT id, 1 / (SELECT COUNT(*) FROM event) FROM item ORDER BY id
"""
DIVISION_BY_ZERO = "22012"
OF_BOOKING = ("id", "secret", "confirmation_code", "customer_name", "name_key", "surname_key", "customer_email",
              "customer_key", "quantity", "currency", "created_at", "expires_at", "idempotency_client",
              "idempotency_key", "request_fingerprint", "client_key", "notify")  # fmt: skip

# The first payment of a booking and its tickets, when it pays enough. Other cases take the ORM's way.
CONFIRM = """
WITH booking AS (
    UPDATE bookings_booking
       SET status = 'confirmed', client_key = '', confirmed_at = STATEMENT_TIMESTAMP(),
           updated_at = STATEMENT_TIMESTAMP(),
           payment_reference = COALESCE(NULLIF(payment_reference, ''), %(payment_reference)s),
           amount_paid = %(amount)s,
           amount_due = GREATEST(total_price - %(amount)s, 0),
           refund_amount = GREATEST(%(amount)s - total_price, 0), refund_due = %(amount)s > total_price
     WHERE id = %(id)s AND status = 'pending' AND expires_at > STATEMENT_TIMESTAMP()
       AND amount_paid = 0 AND cancelled_amount = 0 AND (%(amount)s >= total_price OR %(may_be_unpaid)s)
    RETURNING id, confirmed_at, updated_at, payment_reference, customer_name, customer_email, metadata::text,
              expires_at, amount_paid, amount_due, refund_amount, refund_due, notify
), change AS (
    INSERT INTO bookings_bookingchange (
        booking_id, at, by_id, by_name, verb, from_status, to_status, details)
    SELECT id, confirmed_at, %(by_id)s, %(by_name)s, 'confirm', 'pending', 'confirmed', %(details)s FROM booking
), payment AS (
    INSERT INTO payments_payment (
        booking_id, provider, method, reference, amount, amount_refunded, currency, status, error, by_id, created_at,
        updated_at, succeeded_at)
    SELECT id, %(provider)s, %(method)s, %(payment_reference)s, %(amount)s, 0, %(currency)s, 'succeeded', '', %(by_id)s,
           confirmed_at, confirmed_at, confirmed_at
      FROM booking WHERE %(amount)s > 0
    RETURNING id
), ticket AS (
    INSERT INTO bookings_ticket (
        booking_id, ticket_type_id, code, holder_name, holder_email, name_key, surname_key, status, created_at,
        updated_at)
    SELECT booking.id, ticket_type_id, code, holder_name, holder_email, name_key, surname_key, 'valid', confirmed_at,
           confirmed_at
      FROM booking,
           ROWS FROM (JSONB_TO_RECORDSET(%(tickets)s) AS (
               ticket_type_id bigint, code text, holder_name text, holder_email text, name_key text,
               surname_key text)) WITH ORDINALITY
     ORDER BY ordinality
    RETURNING id
), message AS (
    INSERT INTO booking_messages_message (
        booking_id, kind, address, details, state, attempts, interrupted, is_begun, next_attempt_at, error,
        created_at)
    SELECT id, 'confirmation', customer_email, '{}', 'pending', 0, 0, false, confirmed_at, '', confirmed_at
      FROM booking WHERE %(sends_mail)s AND notify AND customer_email NOT LIKE %(no_mail)s
), item AS (
    UPDATE bookings_bookingitem SET attendees = '[]'
     WHERE %(has_holders)s AND booking_id IN (SELECT id FROM booking)
)
SELECT confirmed_at, updated_at, payment_reference, customer_name, customer_email, metadata, expires_at, amount_paid,
       amount_due, refund_amount, refund_due, (SELECT ARRAY_AGG(id ORDER BY id) FROM ticket), (SELECT id FROM payment)
  FROM booking
"""
CHANGED_BY_CONFIRM = ("confirmed_at", "updated_at", "payment_reference", "customer_name", "customer_email", "metadata",
                      "expires_at", "amount_paid", "amount_due", "refund_amount", "refund_due")  # fmt: skip
OF_TICKET = ("ticket_type_id", "code", "holder_name", "holder_email", "name_key", "surname_key")
LOADERS: dict[str, Callable[[Any], Any]] = {
    "metadata": json.loads,
    **dict.fromkeys(("amount_paid", "amount_due", "refund_amount"), money.from_units),
}


@dataclass(frozen=True)
class Confirmed:
    ticket_ids: list[int]
    payment_id: int | None  # None for a booking without a payment


def look(ticket_types: list[int]) -> list[tuple[Any, ...]]:
    return [
        (*row[:3], money.from_units(row[3]), money.from_units(row[4]), percent.from_stored(row[5]), *row[6:])
        for row in run(LOOK, ticket_types=ticket_types)
    ]


def held(event: int, ticket_type: int | None) -> tuple[int, dt.datetime | None]:
    """The places held of an event, or of one of its ticket types, and when the first hold ends."""
    if ticket_type is None:
        (row,) = run(HELD_OF_EVENT, event=event)
    else:
        (row,) = run(HELD_OF_TICKET_TYPE, event=event, ticket_type=ticket_type)
    places, next_release_at = row
    return places, next_release_at


def claim(
    booking: "models.Booking",
    items: "Sequence[models.BookingItem]",
    change: "models.BookingChange",
    told: FeedChange,
    max_per_customer: int | None,
) -> list[int]:
    """Writes a new booking and takes its places; returns the ids of its items, none for a client with too many places.

    Raises IntegrityError for a key that exists, and DataError (DIVISION_BY_ZERO) when the places could not be taken.
    """
    rows = run(
        CLAIM,
        **{name: getattr(booking, name) for name in OF_BOOKING},
        event=booking.event_id,
        max_per_customer=max_per_customer,
        places_per_client=settings.ANONYMOUS_PLACES_PER_CLIENT,
        total_price=money.to_units(booking.total_price),
        fees=money.to_units(booking.fees),
        tax=money.to_units(booking.tax),
        metadata=Jsonb(booking.metadata),
        by_id=change.by_id,
        by_name=change.by_name,
        told_key=told.key,
        told_type=told.type,
        told_data=to_text(told.data),
        lines=Jsonb([as_line(item) for item in items]),
    )
    return [pk for pk, _ in rows]


def as_line(item: "models.BookingItem") -> dict[str, Any]:
    return {
        "ticket_type_id": item.ticket_type_id,
        "name": item.name,
        "unit_price": money.to_units(item.unit_price),
        "unit_fee": money.to_units(item.unit_fee),
        "tax_rate": percent.to_stored(item.tax_rate),
        "quantity": item.quantity,
        "tax": money.to_units(item.tax),
        "attendees": item.attendees,
    }


def confirm(
    booking: "models.Booking",
    receipt: "Receipt",
    tickets: "Sequence[models.Ticket]",
    change: "models.BookingChange",
    may_be_unpaid: bool,
) -> Confirmed | None:
    """Confirms a pending booking with its first payment and inserts its tickets; None when that is not the case.

    The booking gets the stored values of what may have changed since it was read.
    Raises IntegrityError for a payment reference that exists.
    """
    price = booking.total_price if receipt.reference else Decimal(0)
    rows = run(
        CONFIRM,
        id=booking.pk,
        payment_reference=receipt.reference,
        amount=money.to_units(price if receipt.amount is None else receipt.amount),
        may_be_unpaid=may_be_unpaid,
        provider=receipt.provider,
        method=receipt.method,
        currency=booking.currency,
        by_id=change.by_id,
        by_name=change.by_name,
        details=Jsonb(change.details),
        tickets=Jsonb([{name: getattr(ticket, name) for name in OF_TICKET} for ticket in tickets]),
        sends_mail=settings.SEND_MAIL,
        no_mail=f"%{NO_MAIL}",
        has_holders=any(ticket.holder_name or ticket.holder_email for ticket in tickets),
    )
    if not rows:
        return None
    booking.status, booking.client_key = Status.CONFIRMED, ""
    *changed, ticket_ids, payment_id = rows[0]
    for name, value in zip(CHANGED_BY_CONFIRM, changed, strict=True):
        setattr(booking, name, LOADERS[name](value) if name in LOADERS else value)
    return Confirmed(ticket_ids, payment_id)


def run(statement: str, **values: Any) -> list[tuple[Any, ...]]:
    """Runs a statement as a prepared one, and returns its rows.

    Django's own cursors bind on the client, and so never prepare. This one passes through Django's wrapper too, which
    translates errors. Behind a pooler the connection's settings switch preparing off. While queries are logged, the
    statement runs on Django's own cursor, which can show it with its values.
    """
    connection.ensure_connection()
    cursor: Any = Cursor(connection.connection)
    cursor.format = pq.Format.BINARY
    with connection.cursor() if connection.queries_logged else connection.make_cursor(cursor) as wrapped:
        wrapped.execute(statement, values)
        return wrapped.fetchall()
