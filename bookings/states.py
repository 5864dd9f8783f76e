"""The states of a booking, and the only ways between them.

The model moves along these edges, the admin and the API offer them, the tests walk them, and `docs/reliability.md`
draws them from `diagram()`.
"""

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


def diagram() -> str:
    """The edges as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {Status.PENDING}: place"]
    lines += [f"    {edge.source} --> {edge.target}: {edge.verb}" for edge in EDGES]
    return "\n".join(lines)
