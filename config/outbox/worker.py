"""The worker's steps, and what runs them: each in a thread of its own, so that a slow one delays no other.

A step is small, and safe to run in several workers at once and to be killed at any moment: what is to be done, its
state and its next attempt are in tables.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils import timezone

from config.database.constraints import is_temporary

logger = logging.getLogger(__name__)

LONGEST_PAUSE = 60.0  # seconds, of a step that fails


@dataclass(frozen=True)
class Step:
    """`run` does what is due, and returns how much it did. It is called again after `every` seconds.

    A step with threads of its own has two more functions: `run_all` stands in the place of `run` where it is called
    once, and returns when all is done; `finish` ends the threads, and waits for them up to so many seconds.
    """

    name: str
    run: Callable[[], int]
    every: float = 1.0
    run_all: Callable[[], int] | None = None
    finish: Callable[[float], None] | None = None


steps: dict[str, Step] = {}


def register(step: Step) -> None:
    steps[step.name] = step


@dataclass
class Runner:
    """A step in one worker: when it ran, how much it did, and how often it has failed since."""

    step: Step
    ran_at: Any = None
    done: int = 0
    failures: int = 0
    error: str = ""

    def attempt(self, *, is_only: bool = False) -> int:
        """Runs the step once; a failure is logged, and does not stop the worker. `is_only`: it is not run again."""
        try:
            count = ((self.step.run_all if is_only else None) or self.step.run)()
        except Exception as error:  # noqa: BLE001  any failure is noted
            self.fail(error)
            return 0
        finally:
            self.ran_at = timezone.now()
        self.done += count
        self.failures, self.error = 0, ""
        return count

    def fail(self, error: Exception) -> None:
        self.failures += 1
        self.error = f"{type(error).__name__}: {error}"[:500]
        if isinstance(error, DatabaseError | InterfaceError) and is_temporary(error):
            logger.warning("Step %s: the database did not answer: %s", self.step.name, error)
        else:
            logger.error("Step %s failed.", self.step.name, exc_info=error)

    def pause(self, interval: float | None) -> float:
        """Seconds until the next attempt; they double with each failure."""
        every = self.step.every if interval is None else interval
        return min(max(every, 1.0) * 2 ** min(self.failures - 1, 6), LONGEST_PAUSE) if self.failures else every

    @property
    def state(self) -> dict[str, Any]:
        ran_at = self.ran_at and self.ran_at.isoformat()
        return {"ran_at": ran_at, "done": self.done, "failures": self.failures, "error": self.error}


@dataclass
class Worker:
    """Runs steps until it is stopped."""

    runners: list[Runner]
    interval: float | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    @classmethod
    def of(cls, names: Iterable[str], interval: float | None = None) -> "Worker":
        return cls([Runner(steps[name]) for name in names], interval)

    def run_once(self) -> None:
        for runner in self.runners:
            runner.attempt(is_only=True)

    def start(self) -> None:
        for runner in self.runners:
            # A daemon, so that a step that hangs does not keep the process.
            thread = threading.Thread(target=self.repeat, args=[runner], name=runner.step.name, daemon=True)
            self.threads.append(thread)
            thread.start()

    def repeat(self, runner: Runner) -> None:
        """In a thread, with a database connection of its own."""
        while not self.stopping.is_set():
            close_old_connections()
            runner.attempt()
            close_old_connections()
            self.stopping.wait(runner.pause(self.interval))

    def stop(self, seconds: float) -> list[str]:
        """Waits up to so many seconds for the steps that are running; returns the names of those that still are."""
        self.stopping.set()
        deadline = timezone.now().timestamp() + seconds
        for thread in self.threads:
            thread.join(max(deadline - timezone.now().timestamp(), 0))
        for runner in self.runners:
            if runner.step.finish:
                runner.step.finish(max(deadline - timezone.now().timestamp(), 0))
        return [thread.name for thread in self.threads if thread.is_alive()]

    @property
    def errors(self) -> list[str]:
        return [f"{it.step.name}: {it.error}" for it in self.runners if it.error]

    @property
    def states(self) -> dict[str, Any]:
        return {it.step.name: it.state for it in self.runners}
