"""What `GET /metrics` shows of the feed and of workers."""

from django.utils import timezone

from config.metrics.figures import Figure, Samples, count_of, register
from config.outbox import heartbeat
from config.outbox.models import Feed, FeedChange, WorkerHeartbeat
from config.outbox.types import TYPES
from config.outbox.worker import steps

MAX_WORKERS = 100


def totals() -> dict[str, int]:
    """How many changes of each type were published. Counted when they are, since a scan is too slow."""
    return dict.fromkeys(TYPES, 0) | (Feed.objects.filter(pk=1).values_list("totals", flat=True).first() or {})


def changes() -> Samples:
    return {(name,): count for name, count in totals().items()}


def unpublished() -> Samples:
    return {(): count_of(FeedChange.objects.unpublished())}


def unpublished_age() -> Samples:
    oldest = FeedChange.objects.unpublished().order_by("id").values_list("created_at", flat=True).first()
    return {(): (timezone.now() - oldest).total_seconds() if oldest else 0}


def worker_ages() -> Samples:
    at = timezone.now()
    found: dict[tuple[str, ...], float] = {}
    rows = WorkerHeartbeat.objects.order_by("-seen_at").values_list("host", "pid", "seen_at")
    for host, pid, seen_at in rows[:MAX_WORKERS]:
        found.setdefault((f"{host}:{pid}",), max((at - seen_at).total_seconds(), 0))  # a container's pids repeat
    return found


def failing_steps() -> Samples:
    failing = heartbeat.status(timezone.now()).failing
    return {(name,): name in failing for name in steps}


register(
    Figure("tickets_changes", "Changes published in the feed, by type.", changes, ("type",), is_total=True),
)
register(Figure("tickets_changes_unpublished", "Changes that wait to be published, up to 100,000.", unpublished))
register(
    Figure(
        "tickets_changes_unpublished_age_seconds", "How long the first of them has waited; 0: none.", unpublished_age
    )
)
register(Figure("tickets_worker_age_seconds", "Since a worker's last sign of life.", worker_ages, ("worker",)))
register(
    Figure("tickets_worker_step_failing", "Whether a step fails in all workers that run it.", failing_steps, ("step",))
)
