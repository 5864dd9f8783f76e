"""The production application with a counter that reads, decides and then writes: the negative control of the limits."""

import math
import time

from django.core.cache import cache

from config.access import counter
from config.access.counter import MAX_COUNT, Count, Limit
from config.wsgi import application

__all__ = ["application"]


def read_then_write(limit: Limit, client: str) -> Count:
    key = counter.cache_key(limit, client)
    value = cache.get(key) or math.ceil(time.time() + limit.window) * MAX_COUNT
    cache.set(key, value + 1, limit.window)
    return counter.count_from(limit, value + 1)


counter.add_one = read_then_write
