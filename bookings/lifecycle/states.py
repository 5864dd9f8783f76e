"""The states of a booking, and the only ways between them.

The model moves along these edges, the admin and the API offer them, the tests walk them, and `docs/reliability.md`
draws them from `diagram()`.
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
class Edge:
    """One way from a state to another; `verb` is how the booking's history calls it."""

    source: Status
    target: Status
    verb: str


CONFIRM = Edge(Status.PENDING, Status.CONFIRMED, "confirm")
CONFIRM_LATE = Edge(Status.EXPIRED, Status.CONFIRMED, "confirm late")
EXPIRE = Edge(Status.PENDING, Status.EXPIRED, "expire")
CANCEL_PENDING = Edge(Status.PENDING, Status.CANCELLED, "cancel")
CANCEL_CONFIRMED = Edge(Status.CONFIRMED, Status.CANCELLED, "cancel")

EDGES = (CONFIRM, CONFIRM_LATE, EXPIRE, CANCEL_PENDING, CANCEL_CONFIRMED)
LIVE = (Status.PENDING, Status.CONFIRMED)  # the states in which a booking holds places


def status_at(status: str, expires_at: dt.datetime, at: dt.datetime) -> str:
    """The state at `at` of a booking that is stored as `status`: a hold that ran out is expired, swept up or not."""
    return Status.EXPIRED if status == Status.PENDING and expires_at <= at else status


def diagram() -> str:
    """The edges as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {Status.PENDING}: place"]
    lines += [f"    {edge.source} --> {edge.target}: {edge.verb}" for edge in EDGES]
    return "\n".join(lines)
