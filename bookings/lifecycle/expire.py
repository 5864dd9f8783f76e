"""The release of due holds, and other verbs that move many bookings at once."""

import logging
from typing import Any

from django.db import OperationalError, connection, transaction

from bookings import models
from bookings.lifecycle.cancel import note_cancellations
from bookings.lifecycle.states import CANCEL_PENDING, EXPIRE, LIVE, Status
from bookings.lifecycle.telling import tell_bookings
from bookings.lifecycle.transitions import give_back_places
from bookings.messages.kinds import Kind
from bookings.messages.queueing import queue_all
from bookings.payments.balance import nothing_owed
from config.database.clock import Now

logger = logging.getLogger(__name__)

# One line of SQL on a partial index, because most reads of the catalogue run it and find nothing.
HAS_DUE = "SELECT 1 FROM bookings_booking WHERE status = 'pending' AND expires_at <= {clock}{of_event} LIMIT 1"
CLOCKS = {"postgresql": "STATEMENT_TIMESTAMP()", "sqlite": "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')"}
BATCH = 500  # bookings in one transaction: some tens of milliseconds of locks


def release_due(event_id: int | None = None, *, limit: int | None = None, skip_locked: bool = False) -> int:
    """See `events.inventory.release_due`. A read that cannot get a lock goes on without releasing."""
    if not has_due(event_id):
        return 0
    due = models.Booking.objects.due() if event_id is None else models.Booking.objects.due().filter(event=event_id)
    if not skip_locked or connection.in_atomic_block:
        return expire(due, limit=limit, skip_locked=skip_locked)
    try:
        return expire(due, limit=limit, skip_locked=True)
    except OperationalError as error:
        logger.warning("Due holds could not be released now: %s", error)
        return 0


def has_due(event_id: int | None) -> bool:
    of_event = "" if event_id is None else " AND event_id = %s"
    with connection.cursor() as cursor:
        statement = HAS_DUE.format(clock=CLOCKS[connection.vendor], of_event=of_event)
        cursor.execute(statement, [] if event_id is None else [event_id])
        return cursor.fetchone() is not None


def expire(bookings: Any, *, limit: int | None = None, skip_locked: bool = False) -> int:
    """Ends due holds, and gives their places back; returns how many bookings expired."""
    changes = {"status": EXPIRE.target, **nothing_owed()}
    return move_in_batches(bookings, changes, EXPIRE.verb, "system", "", limit, skip_locked)


def cancel_all(event_id: int, *, reason: str, by: Any) -> int:
    """Cancels each pending and confirmed booking of an event; returns how many."""
    release_due(event_id)
    live = models.Booking.objects.live().filter(event=event_id)
    changes = {"status": Status.CANCELLED, "cancelled_at": Now(), "cancel_reason": reason, **nothing_owed()}
    return move_in_batches(live, changes, CANCEL_PENDING.verb, by, reason, None, False)


def move_in_batches(
    bookings: Any, changes: dict[str, Any], verb: str, by: Any, reason: str, limit: int | None, skip_locked: bool
) -> int:
    total = 0
    while limit is None or total < limit:
        moved = move_batch(bookings, changes, verb, by=by, reason=reason, skip_locked=skip_locked)
        total += moved
        if moved < BATCH:
            break
    return total


def move_batch(bookings: Any, changes: dict[str, Any], verb: str, *, by: Any, reason: str, skip_locked: bool) -> int:
    """Moves up to BATCH bookings out of their live states, in one transaction; returns how many.

    Rows are locked by id, which rules out deadlocks between two batches. The condition holds for the locked rows:
    PostgreSQL checks it again after waiting, and SQLite has one writer.
    """
    with transaction.atomic():
        locked = bookings.order_by("pk").select_for_update(no_key=True, skip_locked=skip_locked)
        found = dict(locked.values_list("pk", "status")[:BATCH])
        if not found:
            return 0
        ids = list(found)
        models.Booking.objects.filter(pk__in=ids, status__in=LIVE).update(client_key="", **changes)
        models.BookingChange.objects.bulk_create(
            models.BookingChange.entry(pk, verb, source, changes["status"], by=by, reason=reason)
            for pk, source in found.items()
        )
        tickets = models.Ticket.objects.filter(booking__in=ids).exclude(status=models.Ticket.Status.VOID)
        tickets.update(status=models.Ticket.Status.VOID)
        if sold := [pk for pk, source in found.items() if source == Status.CONFIRMED]:
            note_cancellations(sold)
            queue_all(Kind.EVENT_CANCELLED, models.Booking.objects.filter(pk__in=sold))
        give_back_places(ids)
        tell_bookings(verb, *ids, by=by)
    return len(ids)
