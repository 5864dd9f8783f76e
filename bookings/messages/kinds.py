"""The kinds of mails, and their states."""

from django.db.models import TextChoices


class Kind(TextChoices):
    CONFIRMATION = "confirmation", "Confirmation, with the tickets"
    CANCELLATION = "cancellation", "Booking cancelled"
    PART_CANCELLED = "part_cancelled", "Some tickets cancelled"
    EVENT_CANCELLED = "event_cancelled", "Event cancelled"
    POSTPONED = "postponed", "Event postponed"
    RESCHEDULED = "rescheduled", "Event moved to another time or venue"
    REFUND = "refund", "Refund"
    TRANSFER = "transfer", "Ticket for its new holder"
    TRANSFERRED = "transferred", "Ticket that went to another holder"
    LINKS = "links", "Links to the bookings of an address"


class State(TextChoices):
    PENDING = "pending", "Pending"
    SENT = "sent", "Sent"
    BOUNCED = "bounced", "Refused by the mail server"
    FAILED = "failed", "Given up"
    SKIPPED = "skipped", "Not needed any more"
