"""The sign of life of each worker, and what it says about all of them."""

import datetime as dt
import os
import socket
import uuid
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Max
from django.utils import timezone

from config.outbox.models import WorkerHeartbeat
from config.outbox.worker import Worker, steps

EVERY = 5.0  # seconds
ALIVE = dt.timedelta(seconds=30)  # since the last sign of life
FORGOTTEN = dt.timedelta(days=1)


@dataclass
class Heartbeat:
    """The row of one worker."""

    worker: Worker
    started_at: dt.datetime
    id: uuid.UUID

    @classmethod
    def of(cls, worker: Worker) -> "Heartbeat":
        return cls(worker, timezone.now(), uuid.uuid4())

    def beat(self) -> None:
        """Renews the row, and deletes those of workers that were killed long ago."""
        at, errors = timezone.now(), self.worker.errors
        state = {"steps": self.worker.states, "seen_at": at} | ({"error": errors[0][:500]} if errors else {})
        of_process = {"host": socket.gethostname()[:100], "pid": os.getpid(), "version": settings.VERSION[:50]}
        WorkerHeartbeat.objects.update_or_create(
            pk=self.id, defaults=state, create_defaults={**state, **of_process, "started_at": self.started_at}
        )
        WorkerHeartbeat.objects.filter(seen_at__lt=at - FORGOTTEN).delete()

    def end(self) -> None:
        WorkerHeartbeat.objects.filter(pk=self.id).delete()


@dataclass(frozen=True)
class Status:
    """`alive` workers have given a sign of life; `failing` has the errors of steps, `idle` the steps that none runs."""

    alive: int
    seen_at: dt.datetime | None
    failing: dict[str, str]
    idle: list[str]

    @property
    def is_well(self) -> bool:
        return bool(self.alive) and not self.failing and not self.idle

    def __str__(self) -> str:
        if not self.alive:
            return "none"
        if self.failing:
            return f"failing: {', '.join(self.failing)}"
        return f"not run: {', '.join(self.idle)}" if self.idle else "ok"


def status(at: dt.datetime) -> Status:
    rows = list(WorkerHeartbeat.objects.filter(seen_at__gt=at - ALIVE).order_by("seen_at"))
    found: dict[str, Any] = {}
    for row in rows:
        for name, state in row.steps.items():
            # A step is failing when it fails in each worker that runs it.
            if name not in found or not state["failures"]:
                found[name] = state
    seen_at = rows[-1].seen_at if rows else WorkerHeartbeat.objects.aggregate(at=Max("seen_at"))["at"]
    failing = {name: state["error"] for name, state in found.items() if state["failures"]}
    return Status(len(rows), seen_at, failing, [name for name in steps if name not in found] if rows else [])


def check_worker() -> str:
    """For `/health/ready`."""
    return str(status(timezone.now()))
