"""What a booking or a ticket can be refused for."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from config.problems import DomainError
from config.values.timezones import in_words


def format_instant(at: dt.datetime | None) -> str | None:
    return None if at is None else at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


class SoldOut(DomainError):
    """Fewer places are free than were asked for; `held` may come free again, the first at `next_release_at`."""

    code, title = "sold-out", "Not enough tickets left"


class NotOnSale(DomainError):
    """The event or the ticket type cannot be booked now; each entry's `reason` says why."""

    code, title = "not-on-sale", "Not on sale"


class CustomerLimit(DomainError):
    """The customer would hold more places of the event than one customer may."""

    code, title = "customer-limit", "Too many places for one customer"


class HoldExpired(DomainError):
    """The booking's hold ran out, and its places could not be had again: the entries say why. The reference of a
    payment is kept for a refund.
    """

    code, title = "hold-expired", "The hold has run out"


class BookingCancelled(DomainError):
    """The booking is cancelled, and stays so. The reference of a payment is kept for a refund."""

    code, title = "booking-cancelled", "The booking is cancelled"


class BookingNotPending(DomainError):
    """The booking is confirmed: it holds its places for good, and cancelling it needs the permission to cancel."""

    code, title = "booking-not-pending", "The booking is confirmed"


class BookingNotConfirmed(DomainError):
    """Only a confirmed booking has tickets."""

    code, title = "booking-not-confirmed", "The booking is not confirmed"


class IdempotencyKeyReused(DomainError):
    """The idempotency key belongs to a booking that was made with another body."""

    code, title, status = "idempotency-key-reused", "The idempotency key was used for another request", 422


class RequestInProgress(DomainError):
    """A request with the same idempotency key is being worked on; asking again will answer its booking."""

    code, title = "request-in-progress", "The same request is in progress"


class AlreadyCheckedIn(DomainError):
    """The ticket was let in before; `checked_in_at` says when."""

    code, title = "already-checked-in", "Already checked in"

    @classmethod
    def of(cls, ticket: Any) -> "AlreadyCheckedIn":
        when = in_words(ticket.checked_in_at, ticket.booking.event.venue.timezone)
        fault = {"pointer": "", "code": cls.code, "detail": f"Ticket {ticket.code} was checked in on {when}."}
        checked_in_at = format_instant(ticket.checked_in_at)
        return cls(fault["detail"], errors=[{**fault, "ticket": ticket.code, "checked_in_at": checked_in_at}])


class NotCheckedIn(DomainError):
    """The ticket has not been let in, so there is nothing to undo."""

    code, title = "not-checked-in", "Not checked in"


class TicketVoid(DomainError):
    """The ticket was cancelled."""

    code, title = "ticket-void", "The ticket is not valid any more"


class OtherEvent(DomainError):
    """The ticket is for another event."""

    code, title = "other-event", "The ticket is for another event"


class RefundChanged(DomainError):
    """Another amount is due by now than the one that was said to be paid back."""

    code, title = "refund-changed", "Another amount is due by now"


class StillNeeded(DomainError):
    """What is held about a customer cannot be erased while a booking of theirs is for an event to come, or money is
    owed to them; each entry names one.
    """

    code, title = "still-needed", "The bookings are still needed"

    @classmethod
    def of(cls, bookings: Sequence[Any]) -> "StillNeeded":
        faults = [
            {
                "pointer": "",
                "code": cls.code,
                "booking": booking.confirmation_code,
                "detail": f"{booking.confirmation_code}: "
                + ("a refund is due." if booking.refund_due else f"{booking.status} for “{booking.event.name}”."),
            }
            for booking in bookings
        ]
        return cls(" ".join(fault["detail"] for fault in faults), errors=faults)
