"""What the catalogue needs to know of bookings. The bookings app registers it, since it may not be imported here."""

from typing import Any, Protocol

RELEASED_AT_ONCE = 2000  # holds that one read releases at most


class Bookings(Protocol):
    def release_due(self, event_id: int | None, *, limit: int | None, skip_locked: bool) -> int: ...

    def cancel_all(self, event_id: int, *, reason: str, by: Any) -> int: ...

    def count(self, **stock_id: int) -> int: ...

    def tell_moved(self, event_id: int, was: str, reason: str = "") -> None: ...

    def tell_postponed(self, event_id: int, reason: str) -> None: ...


registered: list[Bookings] = []


def register_bookings(bookings: Bookings) -> None:
    registered[:] = [bookings]


def release_due(event_id: int | None = None, *, wait: bool = False) -> int:
    """Ends the holds that are due, of one event or of all; returns how many.

    Call it before reading stock or booking states: afterwards `reserved` and the stored `status` are the truth. A read
    leaves locked holds to the process that has them, and stops after 2,000; with `wait`, as a claim needs it, this
    waits for that process and releases everything that is due.
    """
    (bookings,) = registered
    return bookings.release_due(event_id, limit=None if wait else RELEASED_AT_ONCE, skip_locked=not wait)


def cancel_bookings(event_id: int, *, reason: str, by: Any) -> int:
    """Cancels each pending and confirmed booking of an event; returns how many."""
    (bookings,) = registered
    return bookings.cancel_all(event_id, reason=reason, by=by)


def tell_moved(event_id: int, was: str, reason: str = "") -> None:
    """Tells the customers of an event that it was moved; `was` says when and where it was before, or nothing when only
    the postponement ends. In the caller's transaction.
    """
    (bookings,) = registered
    bookings.tell_moved(event_id, was, reason)


def tell_postponed(event_id: int, reason: str) -> None:
    """Tells the customers of an event that it takes place later. In the caller's transaction."""
    (bookings,) = registered
    bookings.tell_postponed(event_id, reason)


def count_bookings(**stock_id: int) -> int:
    """How many bookings, of any status, an `event` or a `ticket_type` (an id) has ever had."""
    (bookings,) = registered
    return bookings.count(**stock_id)
