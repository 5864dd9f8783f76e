"""Workers that are killed all the time: `python -m config.tests.harness.dying_workers SECONDS STEPS [SABOTAGE]`.

Two at once, each in a process that is forked when Django is ready, and killed after so many seconds. SIGTERM ends it
with them.
"""

import os
import signal
import sys
import time
from typing import Any

import django

WORKERS = 2


def forget_order() -> None:
    """A plausible bug: later changes of an object do not wait for earlier ones."""
    from config.webhooks.models import WebhookDeliveryQuerySet

    def due(self: Any, at: Any) -> Any:
        return self.pending().filter(next_attempt_at__lte=at)

    WebhookDeliveryQuerySet.due = due  # type: ignore[method-assign]


def forget_failures() -> None:
    """A plausible bug: whatever the receiver answers, the change counts as delivered."""
    from config.webhooks.calling import Answer

    Answer.is_success = property(lambda answer: True)  # type: ignore[assignment, method-assign]


def work(steps: str) -> None:
    from django.core.management import call_command

    call_command("worker", "--steps", steps)


def start(steps: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        work(steps)
    finally:
        os._exit(1)  # not the parent's clean-up


def main(seconds: float, steps: str, sabotage: str = "") -> None:
    django.setup()
    if sabotage:
        {"order": forget_order, "failures": forget_failures}[sabotage]()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    running: list[int] = []
    try:
        while True:
            running.append(start(steps))
            time.sleep(seconds / WORKERS)
            if len(running) >= WORKERS:
                kill(running.pop(0))
    finally:
        for pid in running:
            kill(pid)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


if __name__ == "__main__":
    main(float(sys.argv[1]), *sys.argv[2:])
