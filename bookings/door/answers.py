"""What a scanner shows after a scan."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import TextChoices

from bookings import models
from bookings.problems import AlreadyCheckedIn, OtherEvent, TicketVoid, format_instant
from config.problems import DomainError
from config.values.timezones import in_words


class Result(TextChoices):
    ADMITTED = "admitted"
    ALREADY_ADMITTED = "already_admitted"
    VOID = "void"
    OTHER_EVENT = "other_event"
    UNKNOWN = "unknown"


class ScanWarning(TextChoices):
    NOT_YET = "not_yet"


RESULTS: dict[type[DomainError], str] = {
    AlreadyCheckedIn: Result.ALREADY_ADMITTED,
    OtherEvent: Result.OTHER_EVENT,
    TicketVoid: Result.VOID,
}


@dataclass(frozen=True)
class Answer:
    """The result of a scan. The ticket has its event, venue and type; None: no ticket has the code."""

    result: str
    ticket: "models.Ticket | None"
    at: dt.datetime
    is_reentry: bool = False
    refusal: DomainError | None = None

    @property
    def warning(self) -> str | None:
        """Doors do not refuse early guests, but staff must see who they are."""
        is_early = self.ticket is not None and self.at < opens_at(self.ticket.booking.event)
        return ScanWarning.NOT_YET if is_early and self.result == Result.ADMITTED else None

    @property
    def message(self) -> str:
        """A sentence for staff, in the venue's local time."""
        if self.ticket is None:
            return "No ticket has this code."
        event, zone = self.ticket.booking.event, self.ticket.booking.event.venue.timezone
        match self.result:
            case Result.OTHER_EVENT:
                return f"For another event: “{event.name}”, {in_words(event.starts_at, zone)}."
            case Result.VOID:
                return "The ticket was cancelled, or replaced by one with a new code."
            case Result.ALREADY_ADMITTED:
                return f"Let in before, on {self.local_time}."
        if self.warning:
            return f"Early: the door opens on {in_words(opens_at(event), zone)}."
        return f"Let in again. First entry on {self.local_time}." if self.is_reentry else "Let in."

    @property
    def local_time(self) -> str:
        """The first entry in the venue's local time; "" before it."""
        ticket = self.ticket
        if ticket is None or ticket.checked_in_at is None:
            return ""
        return in_words(ticket.checked_in_at, ticket.booking.event.venue.timezone)

    def as_dict(self) -> dict[str, Any]:
        ticket = self.ticket
        return {
            "result": self.result,
            "warning": self.warning,
            "message": self.message,
            "is_reentry": self.is_reentry,
            "holder_name": ticket.holder if ticket else "",
            "ticket_type_name": ticket.ticket_type.name if ticket else "",
            "event_name": ticket.booking.event.name if ticket else "",
            "note": note_of(ticket) if ticket else "",
            "checked_in_at": format_instant(ticket.checked_in_at) if ticket else None,
            "checked_in_local": self.local_time,
        }


def opens_at(event: Any) -> dt.datetime:
    opens: dt.datetime = event.starts_at - dt.timedelta(hours=settings.DOOR_OPENS_HOURS)
    return opens


def note_of(ticket: "models.Ticket") -> str:
    """What the client that booked wants staff at the door to know: `note` in the booking's metadata."""
    return str(ticket.booking.metadata.get("note", ""))


def answer_of(error: DomainError, ticket: "models.Ticket", at: dt.datetime) -> Answer:
    """A refusal of `Ticket.check_in`."""
    return Answer(RESULTS.get(type(error), Result.VOID), ticket, at, refusal=error)
