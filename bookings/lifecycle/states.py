"""The states of a booking, and the only transitions between them.

The models move along these transitions, the admin and the API offer them, the tests walk them, and
`docs/reliability.md` draws them from `diagram()`.
"""

import datetime as dt
from dataclasses import dataclass

from django.db.models import TextChoices


class Status(TextChoices):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Transition:
    """`verb` names it in the booking's history."""

    source: Status
    target: Status
    verb: str


CONFIRM = Transition(Status.PENDING, Status.CONFIRMED, "confirm")
CONFIRM_LATE = Transition(Status.EXPIRED, Status.CONFIRMED, "confirm late")
EXPIRE = Transition(Status.PENDING, Status.EXPIRED, "expire")
CANCEL_PENDING = Transition(Status.PENDING, Status.CANCELLED, "cancel")
CANCEL_CONFIRMED = Transition(Status.CONFIRMED, Status.CANCELLED, "cancel")

TRANSITIONS = (CONFIRM, CONFIRM_LATE, EXPIRE, CANCEL_PENDING, CANCEL_CONFIRMED)
LIVE = (Status.PENDING, Status.CONFIRMED)  # the states in which a booking reserves places


def status_at(status: str, expires_at: dt.datetime, at: dt.datetime) -> str:
    """The status at `at` of a booking that is stored as `status`: a hold that is due has expired."""
    return Status.EXPIRED if status == Status.PENDING and expires_at <= at else status


def diagram() -> str:
    """The transitions as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {Status.PENDING}: place"]
    lines += [f"    {it.source} --> {it.target}: {it.verb}" for it in TRANSITIONS]
    return "\n".join(lines)
