"""Counts what each caller does, in the cache that all workers share, so that a limit holds for all of them together.

A caller's window begins with the first request in it. Its end and the count stand in one number, because a cache can
add to a number in one step that nobody can come between, and to nothing else.
"""

import logging
import math
import time
from dataclasses import dataclass

from django.core.cache import cache

from config.env import UNITS

logger = logging.getLogger(__name__)

ROOM = 2**30  # for the count, below the end in seconds: a billion in a window, and 63 bits in all until the year 2242
PAUSE = 5.0  # seconds in which a cache that did not answer is left alone: each try may cost its timeout


@dataclass(frozen=True)
class Limit:
    """At most `quota` in any `window` (seconds) of a caller's, for one purpose."""

    purpose: str
    quota: int
    window: int

    def __str__(self) -> str:
        return f"{self.quota} a {UNITS[self.window]}"


@dataclass(frozen=True)
class Count:
    limit: Limit
    used: int
    seconds_left: int  # until the window ends; at least 1

    @property
    def is_over(self) -> bool:
        return self.used > self.limit.quota

    @property
    def remaining(self) -> int:
        return max(0, self.limit.quota - self.used)


class Pause:
    """Whether the cache is left alone at the moment, since it did not answer."""

    until = 0.0

    @classmethod
    def begin(cls, error: Exception) -> None:
        cls.until = time.monotonic() + PAUSE
        logger.error("The cache does not answer, and nothing is limited for the next %g seconds: %r", PAUSE, error)

    @classmethod
    def is_on(cls) -> bool:
        return time.monotonic() < cls.until


def count(limit: Limit, caller: str) -> Count | None:
    """Counts one more. None when the cache does not answer: then nobody is refused, since selling matters more."""
    if Pause.is_on():
        return None
    try:
        return add_one(limit, caller)
    except Exception as error:  # noqa: BLE001  each kind of cache has its own errors
        Pause.begin(error)
        return None


def so_far(limit: Limit, caller: str) -> Count | None:
    """What was counted, without counting. None when nothing was, or the cache does not answer."""
    if Pause.is_on():
        return None
    try:
        value = cache.get(key_of(limit, caller))
    except Exception as error:  # noqa: BLE001
        Pause.begin(error)
        return None
    return None if value is None else read(limit, value)


def key_of(limit: Limit, caller: str) -> str:
    return f"limit:{limit.purpose}:{limit.window}:{caller}"


def add_one(limit: Limit, caller: str) -> Count:
    key = key_of(limit, caller)
    for _ in range(3):
        try:
            value = cache.incr(key)
        except ValueError:  # there is no window yet, or it has just ended: whoever is first begins one
            cache.add(key, math.ceil(time.time() + limit.window) * ROOM, limit.window)
            continue
        if value < ROOM:
            # Redis made the number by itself, without an end, when the window ended between Django's two commands.
            cache.touch(key, limit.window)
        return read(limit, value)
    raise RuntimeError("the cache forgets at once")


def read(limit: Limit, value: int) -> Count:
    end, used = divmod(value, ROOM)
    left = end - time.time() if end else limit.window
    return Count(limit, used, min(max(1, math.ceil(left)), limit.window))
