"""Writes mails in the transaction of what they tell. A worker sends them after the commit."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import connection

from bookings.messages.kinds import Kind, State
from bookings.messages.models import Message
from config.database.clock import Now

NO_MAIL = ".invalid"  # addresses that cannot exist: of walk-in customers, and of those who were erased (RFC 2606)

# One statement, since an event may have very many bookings; `now` is the database's.
QUEUE_OF_EVENT = """
INSERT INTO booking_messages_message (
    booking_id, kind, address, details, state, attempts, interrupted, is_begun, next_attempt_at, error, created_at)
SELECT id, %s, customer_email, {details}, 'pending', 0, 0, {false}, {now}, '', {now}
  FROM bookings_booking
 WHERE event_id = %s AND status = 'confirmed' AND notify AND customer_email NOT LIKE %s
"""
DIALECTS = {
    "postgresql": {"now": "STATEMENT_TIMESTAMP()", "details": "%s::jsonb", "false": "false"},
    "sqlite": {"now": "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')", "details": "%s", "false": "0"},
}


def is_wanted(booking: Any, address: str = "") -> bool:
    return settings.SEND_MAIL and booking.notify and is_mailbox(address or booking.customer_email)


def is_mailbox(address: str) -> bool:
    return not address.endswith(NO_MAIL)


def new_message(kind: str, booking: Any, address: str = "", **details: Any) -> Message:
    """An unsaved mail, by default to the customer."""
    return Message(
        kind=kind,
        booking=booking,
        address=address or booking.customer_email,
        details=details,
        state=State.PENDING,
        next_attempt_at=Now(),
        created_at=Now(),
    )


def queue(kind: str, booking: Any, address: str = "", **details: Any) -> None:
    """In the caller's transaction; nothing when mails are switched off for the server or the booking."""
    if is_wanted(booking, address):
        new_message(kind, booking, address, **details).save(force_insert=True)


def queue_all(kind: str, bookings: Iterable[Any]) -> None:
    if settings.SEND_MAIL:  # otherwise the bookings need not be read
        Message.objects.bulk_create(new_message(kind, booking) for booking in bookings if is_wanted(booking))


def queue_of_event(event_id: int, kind: str, details: dict[str, Any]) -> None:
    """A mail for each confirmed booking of an event."""
    if settings.SEND_MAIL:
        statement = QUEUE_OF_EVENT.format(**DIALECTS[connection.vendor])
        encoded = Message._meta.get_field("details").get_db_prep_save(details, connection)
        with connection.cursor() as cursor:
            cursor.execute(statement, [kind, encoded, event_id, f"%{NO_MAIL}"])


def queue_transfer(booking: Any, before: Any, held: Any) -> None:
    """To the new holder with the ticket, and to the one before when the old code or address is not theirs any more."""
    old, new = (ticket.holder_email or booking.customer_email for ticket in (before, held))
    if before.code == held.code and old == new:
        return
    queue(Kind.TRANSFER, booking, new, ticket=held.code)
    if old != new:
        queue(Kind.TRANSFERRED, booking, old, ticket=before.code)


def queue_links(address: str, event_id: int | None) -> None:
    """Without a look at whether there are bookings, which the time of the answer would show."""
    if is_mailbox(address):
        details = {} if event_id is None else {"event": event_id}
        new_message(Kind.LINKS, None, address, **details).save(force_insert=True)
