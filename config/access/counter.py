"""Counts the requests of each client, in the cache that all workers share.

A window begins with a client's first request. One number holds the end of the window and the count, because the only
thing that every cache does atomically is to increment a number.
"""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.core.cache import cache

from config.env import UNITS

logger = logging.getLogger(__name__)

MAX_COUNT = 2**30  # the count is below this; the end of the window, in seconds, is multiplied by it
PAUSE = 5.0  # seconds without counting after the cache failed: each attempt may cost its timeout


class Integers:
    """The serializer of the shared cache. Django's own reads pickles, which execute what somebody planted there."""

    def dumps(self, value: object) -> int:
        if type(value) is not int:
            raise TypeError(f"The shared cache holds integers only, not {type(value).__name__}.")
        return value

    def loads(self, data: bytes) -> int:
        return int(data)


@dataclass(frozen=True)
class Limit:
    """At most `quota` requests of a client in a `window` of seconds, for one purpose."""

    purpose: str
    quota: int
    window: int

    def __str__(self) -> str:
        return f"{self.quota} request{'s' if self.quota > 1 else ''} per {UNITS[self.window]}"


@dataclass(frozen=True)
class Count:
    limit: Limit
    used: int
    seconds_left: int  # until the window ends; at least 1

    @property
    def is_exceeded(self) -> bool:
        return self.used > self.limit.quota

    @property
    def remaining(self) -> int:
        return max(0, self.limit.quota - self.used)

    @property
    def wait(self) -> str:
        return f"{self.seconds_left} second{'s' if self.seconds_left > 1 else ''}"


class Pause:
    until = 0.0

    @classmethod
    def begin(cls, error: Exception) -> None:
        cls.until = time.monotonic() + PAUSE
        logger.error("The cache does not answer: no rate limits for the next %g seconds. %r", PAUSE, error)

    @classmethod
    def is_on(cls) -> bool:
        return time.monotonic() < cls.until


def count(limit: Limit, client: str) -> Count | None:
    """Counts one more request. None when the cache does not answer: then every request is allowed."""
    return ask_cache(add_one, limit, client)


def current_count(limit: Limit, client: str) -> Count | None:
    """The count without this request. None when there is none, or the cache does not answer."""
    return ask_cache(look_up, limit, client)


def ask_cache(question: Callable[[Limit, str], Count | None], limit: Limit, client: str) -> Count | None:
    if Pause.is_on():
        return None
    try:
        return question(limit, client)
    except Exception as error:  # noqa: BLE001  each kind of cache has its own errors
        Pause.begin(error)
        return None


def cache_key(limit: Limit, client: str) -> str:
    return f"limit:{limit.purpose}:{limit.window}:{client}"


def add_one(limit: Limit, client: str) -> Count:
    key = cache_key(limit, client)
    for _ in range(3):
        try:
            value = cache.incr(key)
        except ValueError:  # no window yet, or it has just ended
            cache.add(key, math.ceil(time.time() + limit.window) * MAX_COUNT, limit.window)
            continue
        if value < MAX_COUNT:
            # The window ended between the two commands of Django's incr on Redis, which then made a key without end.
            cache.touch(key, limit.window)
        return count_from(limit, value)
    raise RuntimeError("The cache does not keep what is stored in it.")


def look_up(limit: Limit, client: str) -> Count | None:
    value = cache.get(cache_key(limit, client))
    return None if value is None else count_from(limit, value)


def count_from(limit: Limit, value: int) -> Count:
    end, used = divmod(value, MAX_COUNT)
    left = end - time.time() if end else limit.window
    return Count(limit, used, min(max(1, math.ceil(left)), limit.window))
