"""Counts the requests of each client, in the cache that all workers share.

A window begins with a client's first request. One number holds the end of the window and the count, because the only
thing that every cache does atomically is to increment a number. While the cache does not answer, each process counts
in its own memory.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache

from config.env import UNITS

logger = logging.getLogger(__name__)

MAX_COUNT = 2**30  # the count is below this; the end of the window, in seconds, is multiplied by it
PAUSE = 5.0  # seconds without the cache after it failed: each attempt may cost its timeout
IN_PROCESS = LocMemCache("rate-limits-in-process", {"OPTIONS": {"MAX_ENTRIES": 50_000}})


class Integers:
    """The serializer of the shared cache. Django's own reads pickles, which execute what an attacker stored there."""

    def dumps(self, value: object) -> int:
        if type(value) is not int:
            raise TypeError(f"The shared cache holds integers only, not {type(value).__name__}.")
        return value

    def loads(self, data: bytes) -> int:
        return int(data)


@dataclass(frozen=True)
class Limit:
    """At most `quota` requests, or places, of a client in a `window` of seconds, for one purpose."""

    purpose: str
    quota: int
    window: int
    unit: str = "request"

    def __str__(self) -> str:
        return f"{self.quota} {self.unit}{'s' if self.quota > 1 else ''} per {UNITS[self.window]}"


@dataclass(frozen=True)
class Count:
    limit: Limit
    used: int
    seconds_left: int  # until the window ends; at least 1
    end: int  # of the window

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
    """An outage of the cache, in this process. One request in PAUSE seconds finds out whether it is over."""

    until = 0.0  # 0: no outage
    lock = threading.Lock()

    @classmethod
    def begin(cls, error: Exception) -> None:
        with cls.lock:
            is_new, cls.until = not cls.until, time.monotonic() + PAUSE
        if is_new:
            logger.error("The cache does not answer: each process counts rate limits on its own. %r", error)

    @classmethod
    def is_on(cls) -> bool:
        if not cls.until:
            return False
        with cls.lock:
            if not cls.until or time.monotonic() < cls.until:
                return bool(cls.until)
            cls.until = time.monotonic() + PAUSE  # for all other requests, while this one tries
            return False

    @classmethod
    def end(cls) -> None:
        if cls.until:
            cls.until = 0.0
            logger.warning("The cache answers again: all processes count rate limits together.")


def count(limit: Limit, client: str, amount: int = 1) -> Count:
    """Counts one more request, or an amount."""
    return ask_cache(add, limit, client, amount)


def give_back(spent: Count, client: str, amount: int) -> Count:
    """Takes off what was counted, unless the window has ended since."""
    return ask_cache(take_off, spent, client, amount)


def current_count(limit: Limit, client: str) -> Count | None:
    """The count without this request. None when there is none."""
    return ask_cache(look_up, limit, client)


def ask_cache(question: Callable[..., Any], *arguments: Any) -> Any:
    if not Pause.is_on() and is_atomic(caches["default"]):
        try:
            answer = question(caches["default"], *arguments)
        except Exception as error:  # noqa: BLE001  each kind of cache has its own errors
            Pause.begin(error)
        else:
            Pause.end()
            return answer
    return question(IN_PROCESS, *arguments)


def is_atomic(cache: BaseCache) -> bool:
    """Whether it can count: the base class reads a number and then writes it."""
    return type(cache).incr is not BaseCache.incr


def cache_key(limit: Limit, client: str) -> str:
    return f"limit:{limit.purpose}:{limit.window}:{client}"


def add(cache: Any, limit: Limit, client: str, amount: int) -> Count:
    key = cache_key(limit, client)
    # Where few are allowed, most clients' first is their only one: then this is one command of Redis instead of two.
    if limit.quota <= limit.window and (first := begin_window(cache, key, limit, amount)):
        return first
    for _ in range(3):
        try:
            value = cache.incr(key, amount)
        except ValueError:  # no window yet, or it has just ended
            if first := begin_window(cache, key, limit, amount):
                return first
            continue
        if value < MAX_COUNT:
            # The window ended between the two commands of Django's incr on Redis, which then made a key without end.
            cache.touch(key, limit.window)
        return count_from(limit, value)
    raise RuntimeError("The cache does not keep what is stored in it.")


def begin_window(cache: Any, key: str, limit: Limit, amount: int) -> Count | None:
    """None when another request was first."""
    value = math.ceil(time.time() + limit.window) * MAX_COUNT + amount
    return count_from(limit, value) if cache.add(key, value, limit.window) else None


def take_off(cache: Any, spent: Count, client: str, amount: int) -> Count:
    current = look_up(cache, spent.limit, client)
    if current is not None and current.end == spent.end:
        with suppress(ValueError):  # it has ended in this moment
            return count_from(spent.limit, cache.decr(cache_key(spent.limit, client), amount))
    return spent


def look_up(cache: Any, limit: Limit, client: str) -> Count | None:
    value = cache.get(cache_key(limit, client))
    return None if value is None else count_from(limit, value)


def count_from(limit: Limit, value: int) -> Count:
    end, used = divmod(value + MAX_COUNT // 2, MAX_COUNT)  # a count below 0 borrows nothing from the end
    left = end - time.time() if end else limit.window
    return Count(limit, used - MAX_COUNT // 2, min(max(1, math.ceil(left)), limit.window), end)
