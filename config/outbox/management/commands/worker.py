import logging
import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError, close_old_connections

from config.outbox.heartbeat import EVERY, Heartbeat
from config.outbox.models import WorkerHeartbeat
from config.outbox.worker import Worker, steps

logger = logging.getLogger(__name__)

GRACE = 8.0  # seconds for the steps that are running, when the worker is stopped


class Command(BaseCommand):
    help = (
        "Does the work in the background: releases due holds, completes payments, publishes changes and so on. Any "
        "number of workers may run at once, and be stopped or killed at any moment. SIGTERM and SIGINT stop it within "
        "10 seconds."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="run each step once, and exit: 1 when one has failed")
        parser.add_argument("--steps", metavar="NAMES", help=f"only these, with commas between: {', '.join(steps)}")
        parser.add_argument("--interval", type=float, metavar="SECONDS", help="the pause of all steps between two runs")

    def handle(self, *, once: bool, interval: float | None, **options: Any) -> None:
        if interval is not None and not 0 < interval <= 3600:
            raise CommandError("--interval must be above 0 and at most 3600 seconds.")
        worker = Worker.of(chosen(options["steps"]), interval)
        WorkerHeartbeat.objects.exists()  # without a database or its tables it does not start
        if once:
            self.run_once(worker)
        else:
            self.watch(worker)

    def run_once(self, worker: Worker) -> None:
        worker.run_once()
        for runner in worker.runners:
            self.stdout.write(f"{runner.step.name:18} {runner.error or f'{runner.done:,}'}")
        if worker.errors:
            raise SystemExit(1)

    def watch(self, worker: Worker) -> None:
        handlers = {number: signal.signal(number, lambda *_: worker.stopping.set()) for number in STOP}
        heartbeat = Heartbeat.of(worker)
        self.stdout.write(f"The worker runs {', '.join(it.step.name for it in worker.runners)}.")
        worker.start()
        try:
            while True:
                attempt(heartbeat.beat)
                if worker.stopping.wait(EVERY):
                    break
        finally:
            running = worker.stop(GRACE)
            attempt(heartbeat.end)
            for number, handler in handlers.items():
                signal.signal(number, handler)
        self.stdout.write(f"The worker stopped{f', with {running} still running' if running else ''}.")


STOP = (signal.SIGTERM, signal.SIGINT)


def chosen(names: str | None) -> list[str]:
    """Raises CommandError."""
    found = list(steps) if names is None else names.split(",")
    if unknown := [name for name in found if name not in steps]:
        raise CommandError(f"Unknown steps: {', '.join(unknown)}. There are {', '.join(steps)}.")
    return list(dict.fromkeys(found))


def attempt(beat: Any) -> None:
    """A sign of life that cannot be given is no reason to stop."""
    close_old_connections()
    try:
        beat()
    except (DatabaseError, InterfaceError) as error:
        logger.warning("The worker could not give a sign of life: %s", error)
    finally:
        close_old_connections()
