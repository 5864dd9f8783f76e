"""What the change feed tells of the history of bookings."""

from typing import Any

from config.outbox.telling import tell

# The types of the verbs in `BookingChange`. Others are told of the ticket, or of nobody's interest.
PARTICIPLES = {
    "place": "placed",
    "confirm": "confirmed",
    "confirm late": "confirmed",
    "cancel": "cancelled",
    "cancel tickets": "partly_cancelled",
    "expire": "expired",
    "extend": "extended",
    "correct": "corrected",
    "note payment": "paid",
    "refuse payment": "payment_refused",
    "refund": "refunded",
    "refund failed": "refund_failed",
    "erase": "erased",
}
OF_TICKETS = {
    "check in": "checked_in",
    "re-enter": "checked_in",
    "check out": "checked_out",
    "undo check-in": "check_in_undone",
    "transfer": "transferred",
}
NOT_TOLD = {"renew secret", "send mail"}  # change nothing that the API shows


def tell_bookings(verb: str, *ids: Any, by: Any) -> None:
    """Tells a verb of some bookings, after all that it has done in the transaction."""
    tell(f"booking.{PARTICIPLES[verb]}", *ids, by=by)


def tell_ticket(verb: str, *ids: Any, by: Any) -> None:
    tell(f"ticket.{OF_TICKETS[verb]}", *ids, by=by)
