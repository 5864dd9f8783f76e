"""The domain errors of bookings and tickets. Their docstrings are shown at /problems."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from config.problems import DomainError, Malformed, TooManyRequests
from config.values import money
from config.values.timezones import in_words


def format_instant(at: dt.datetime | None) -> str | None:
    return None if at is None else at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


class SoldOut(DomainError):
    """Fewer places are available than were requested. `held` places may become available again, the first ones at
    `next_release_at`.
    """

    code, title = "sold-out", "Not enough tickets left"


class NotOnSale(DomainError):
    """The event or the ticket type cannot be booked now; `reason` says why."""

    code, title = "not-on-sale", "Not on sale"


class CustomerLimit(DomainError):
    """The booking would exceed the event's `max_per_customer`."""

    code, title = "customer-limit", "Too many places for one customer"


class TooManyPlaces(TooManyRequests):
    """The client holds, or has booked in a while, as many places as the server allows without a token. Retry-After says
    when its next hold ends or its rate limit does.
    """

    code, title = "too-many-places", "Too many places for one client"


class HoldExpired(DomainError):
    """The hold of the booking has ended, and its places could not be reserved again (`errors` says why), or the client
    may not do that. A payment reference is kept for the refund.
    """

    code, title = "hold-expired", "The hold has ended"


class ConfirmByMail(DomainError):
    """The customer confirms this free booking with the link in a mail, or the client with the `mail_token` of that
    link. `POST /bookings/{id}/resend` sends the mail again.
    """

    code, title = "confirm-by-mail", "Confirm with the link in the mail"


class NothingToSend(DomainError):
    """Mails are for confirmed bookings, unless this server sends none, and for a pending booking that costs nothing, of
    an event whose `free_confirmation` is `by_mail`.
    """

    code, title = "nothing-to-send", "There is no mail to send"


class MailSwitchedOff(DomainError):
    """This server sends no mails to customers: an operator sets `SEND_MAIL`."""

    code, title = "mail-switched-off", "Mails are switched off"


class BookingCancelled(DomainError):
    """A cancelled booking cannot change any more. A payment that was sent is recorded: it pays a cancellation fee that
    is due, and the rest becomes due for refund. Then `errors` has `payment_recorded`, `amount_due` and `refund_amount`.
    """

    code, title = "booking-cancelled", "The booking is cancelled"


class BookingNotPending(DomainError):
    """The booking is confirmed already. Cancelling a confirmed booking needs the permission to cancel."""

    code, title = "booking-not-pending", "The booking is confirmed"


class BookingNotConfirmed(DomainError):
    """Only a confirmed booking has tickets."""

    code, title = "booking-not-confirmed", "The booking is not confirmed"


class PriceChanged(DomainError):
    """The booking would not cost its `expected_total`; `total` is what it costs now. Show it to the customer."""

    code, title = "price-changed", "The price has changed"

    @classmethod
    def to(cls, total: Decimal, expected: Decimal, currency: str) -> "PriceChanged":
        now, before = money.plain(total, currency), money.plain(expected, currency)
        detail = f"The total is {now} {currency}, not {before} {currency}."
        error = {"pointer": "/expected_total", "code": cls.code, "detail": detail}
        return cls(detail, errors=[{**error, "expected": before, "total": now}])


class AlreadyCheckedIn(DomainError):
    """The ticket was checked in before, at `checked_in_at`."""

    code, title = "already-checked-in", "Already checked in"

    @classmethod
    def of(cls, ticket: Any) -> "AlreadyCheckedIn":
        when = in_words(ticket.checked_in_at, ticket.booking.event.venue.timezone)
        detail = f"Ticket {ticket.code} was checked in on {when}."
        error = {"pointer": "", "code": cls.code, "detail": detail}
        return cls(
            detail, errors=[{**error, "ticket": ticket.code, "checked_in_at": format_instant(ticket.checked_in_at)}]
        )


class NotCheckedIn(DomainError):
    """The ticket has not been checked in, so there is nothing to undo."""

    code, title = "not-checked-in", "Not checked in"


class AlreadyCheckedOut(DomainError):
    """The holder is outside already."""

    code, title = "already-checked-out", "Already checked out"


class TicketVoid(DomainError):
    """The ticket was cancelled, or its holder has another one with a new code."""

    code, title = "ticket-void", "The ticket is void"


class TransferClosed(DomainError):
    """The holder changes until some time before the event, which the server's settings say. Staff may do it later."""

    code, title = "transfer-closed", "Too late to change the holder"


class OtherEvent(DomainError):
    """The ticket is for another event."""

    code, title = "other-event", "The ticket is for another event"


class RefundChanged(DomainError):
    """The refund that is due has changed since the page was opened. Check the new amount."""

    code, title = "refund-changed", "The refund has changed"


class PaymentIncomplete(DomainError):
    """Less was paid than the booking costs; `errors` has the figures. The payment is recorded. Confirming an unpaid
    booking needs a permission.
    """

    code, title = "payment-incomplete", "Not enough was paid"


class PaymentRefunded(DomainError):
    """The payment was refunded, so it buys nothing any more."""

    code, title = "payment-refunded", "The payment was refunded"


class PaymentReferenceUsed(DomainError):
    """The payment reference belongs to another booking."""

    code, title = "payment-reference-used", "The payment belongs to another booking"


class NothingToRefund(DomainError):
    """No refund is due, or no payment is left that could be refunded."""

    code, title = "nothing-to-refund", "There is nothing to refund"


class RefundTooHigh(DomainError):
    """The refund is higher than what was paid, or than what is due, which needs a permission; `errors` has the
    figures.
    """

    code, title = "refund-too-high", "The refund is too high"


class NothingToPay(DomainError):
    """Nothing is due for the booking."""

    code, title = "nothing-to-pay", "Nothing is due"


class ProviderNotSetUp(DomainError):
    """This server has no online payments with this provider: an operator sets it up."""

    code, title = "provider-not-set-up", "The payment provider is not set up"


class PaymentUnavailable(DomainError):
    """The payment provider did not start the payment. Retry; nothing was charged."""

    code, title, status = "payment-unavailable", "The payment could not be started", 503


class EventUnverified(Malformed):
    """The callback is not the payment provider's, or too old: its signature or body is wrong. Nothing was stored."""

    code, title = "event-unverified", "The event could not be verified"


class StillNeeded(DomainError):
    """A customer's data cannot be erased while they have a live booking of a future event or a refund is due;
    `errors` names each booking.
    """

    code, title = "still-needed", "The bookings are still needed"

    @classmethod
    def of(cls, bookings: Sequence[Any]) -> "StillNeeded":
        errors = [
            {
                "pointer": "",
                "code": cls.code,
                "booking": booking.confirmation_code,
                "detail": f"{booking.confirmation_code}: "
                + ("a refund is due." if booking.refund_due else f"{booking.status} for “{booking.event.name}”."),
            }
            for booking in bookings
        ]
        return cls(" ".join(error["detail"] for error in errors), errors=errors)
