"""The production application with a counter that reads, decides and then writes: the negative control of the limits."""

import math
import time

from django.core.cache import cache

from config.access import counter
from config.access.counter import ROOM, Count, Limit
from config.wsgi import application

__all__ = ["application"]


def read_then_write(limit: Limit, caller: str) -> Count:
    key = counter.key_of(limit, caller)
    value = cache.get(key) or math.ceil(time.time() + limit.window) * ROOM
    cache.set(key, value + 1, limit.window)
    return counter.read(limit, value + 1)


counter.add_one = read_then_write
