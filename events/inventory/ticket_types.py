"""What events need of their ticket types. The app of ticket types registers it, since it may not be imported here."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Protocol


class Movement(Protocol):
    """See `events.lifecycle.shifting.Shift`."""

    def move(self, instant: dt.datetime) -> dt.datetime: ...

    def move_end(self, start: dt.datetime, end: dt.datetime, new_start: dt.datetime) -> dt.datetime: ...


class TicketTypes(Protocol):
    def lock(self, event_id: int) -> Sequence[Any]: ...

    def move_sales(self, ticket_types: Sequence[Any], shift: Movement, *, at: dt.datetime, by: Any) -> None: ...

    def copy(self, event_id: int, copies: Sequence[tuple[Any, Movement]], *, by: Any) -> None: ...


registered: list[TicketTypes] = []


def register_ticket_types(ticket_types: TicketTypes) -> None:
    registered[:] = [ticket_types]


def lock_ticket_types(event_id: int) -> Sequence[Any]:
    """The ticket types of an event, locked in the order of bookings. In the caller's transaction."""
    (ticket_types,) = registered
    return ticket_types.lock(event_id)


def move_sales(ticket_types: Sequence[Any], shift: Movement, *, at: dt.datetime, by: Any) -> None:
    """Moves the starts and ends of sales that are set. In the transaction that has locked the ticket types.

    A sale that is open at `at` does not close because its start would come once more.
    """
    (registry,) = registered
    registry.move_sales(ticket_types, shift, at=at, by=by)


def copy_ticket_types(event_id: int, copies: Sequence[tuple[Any, Movement]], *, by: Any) -> None:
    """Copies the ticket types of an event to new events, each with its shift, by which their sales move.

    Nothing of what was sold is copied. In the caller's transaction, in a constant number of queries.
    """
    (ticket_types,) = registered
    ticket_types.copy(event_id, copies, by=by)
