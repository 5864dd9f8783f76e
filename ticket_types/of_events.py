"""What events need of their ticket types; `events.inventory.ticket_types` says what each function does."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from config.history.models import record_changed, record_created, record_in_bulk
from events.inventory.ticket_types import Movement
from events.models import Event
from ticket_types.models import TicketType

__all__ = ["copy", "lock", "move_sales"]
BATCH = 500
PERIOD = ("sales_start_at", "sales_end_at")


def lock(event_id: int) -> list[TicketType]:
    return list(TicketType.objects.select_for_update(no_key=True).filter(event=event_id).order_by("pk"))


def move_sales(ticket_types: Sequence[TicketType], shift: Movement, *, at: dt.datetime, by: Any) -> None:
    moved = []
    with record_in_bulk():
        for ticket_type in ticket_types:
            changes = moved_period(ticket_type, shift)
            start, end = changes["sales_start_at"], changes["sales_end_at"]
            is_open = is_on(ticket_type.sales_start_at, ticket_type.sales_end_at, at)
            if is_open and start is not None and start > at and (end is None or end > at):
                changes["sales_start_at"] = ticket_type.sales_start_at
            if any(getattr(ticket_type, name) != value for name, value in changes.items()):
                record_changed(ticket_type, ticket_type, changes, by=by)
                for name, value in changes.items():
                    setattr(ticket_type, name, value)
                ticket_type.updated_at = at
                moved.append(ticket_type)
        TicketType.objects.bulk_update(moved, [*PERIOD, "updated_at"], batch_size=BATCH)


def moved_period(ticket_type: TicketType, shift: Movement) -> dict[str, dt.datetime | None]:
    start, end = ticket_type.sales_start_at, ticket_type.sales_end_at
    new_start = None if start is None else shift.move(start)
    if end is None:
        new_end = None
    elif start is None or new_start is None:
        new_end = shift.move(end)
    else:
        new_end = shift.move_end(start, end, new_start)
    return {"sales_start_at": new_start, "sales_end_at": new_end}


def is_on(start: dt.datetime | None, end: dt.datetime | None, at: dt.datetime) -> bool:
    return (start is None or start <= at) and (end is None or end > at)


def copy(event_id: int, copies: Sequence[tuple[Event, Movement]], *, by: Any) -> None:
    sources = list(TicketType.objects.filter(event=event_id).order_by("pk"))
    ticket_types = [
        TicketType(event=event, **copied(source), **moved_period(source, shift))
        for event, shift in copies
        for source in sources
    ]
    with record_in_bulk():
        for ticket_type in TicketType.objects.bulk_create(ticket_types, batch_size=BATCH):
            record_created(ticket_type, ["event", *copied(ticket_type), *PERIOD], by=by)


def copied(source: TicketType) -> dict[str, Any]:
    """What staff have entered, but for the event and the sales period."""
    names = [field.name for field in source._meta.concrete_fields if field.editable and not field.primary_key]
    return {name: getattr(source, name) for name in names if name not in ("event", *PERIOD)}
