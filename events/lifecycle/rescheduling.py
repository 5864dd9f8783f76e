import datetime as dt
from typing import Any

from django.db import transaction

from config.backoffice.formats import event_times
from config.history.models import record_in_bulk
from events import models
from events.inventory import tell_moved, tell_postponed
from events.inventory.ticket_types import lock_ticket_types, move_sales
from events.lifecycle.changes import change, lock
from events.lifecycle.shifting import Shift
from events.problems import EventNotPublished


def postpone(event: "models.Event", *, reason: str, at: dt.datetime, by: Any) -> None:
    with transaction.atomic():
        stored = lock(event)
        if stored.status == models.Event.Status.DRAFT:
            raise EventNotPublished("A draft has no customers who must be told: change its times.")
        if not stored.is_postponed:
            postponed = {"is_postponed": True, "is_sales_paused": True}
            change(stored, "postpone", postponed, at=at, by=by, reason=reason)
            tell_postponed(event.pk, reason)
    event.refresh_from_db()


def reschedule(
    event: "models.Event", *, starts_at: dt.datetime, ends_at: dt.datetime, reason: str, at: dt.datetime, by: Any
) -> None:
    with transaction.atomic(), record_in_bulk():
        # First the ticket types, then the event: the order in which bookings lock them.
        ticket_types = lock_ticket_types(event.pk)
        stored = lock(event)
        is_moved = (starts_at, ends_at) != (stored.starts_at, stored.ends_at)
        if is_moved or stored.is_postponed:
            if stored.status == models.Event.Status.PUBLISHED and starts_at <= at:
                raise models.EventInThePast("A published event can only be moved to a start in the future.")
            shift = Shift.between(stored.starts_at, starts_at, stored.venue.timezone)
            move_sales(ticket_types, shift, at=at, by=by)
            times = {"starts_at": starts_at, "ends_at": ends_at, "is_postponed": False}
            change(stored, "reschedule", times, at=at, by=by, reason=reason)
            tell_moved(event.pk, f"{event_times(stored)}, {stored.venue}" if is_moved else "", reason)
    event.refresh_from_db()
