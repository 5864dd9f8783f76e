"""The production application with a counter that reads, decides and then writes: the negative control of the limits."""

import math
import time

from config.access import counter
from config.access.counter import MAX_COUNT, Count, Limit
from config.wsgi import application

__all__ = ["application"]


def read_then_write(cache, limit: Limit, client: str, amount: int) -> Count:
    key = counter.cache_key(limit, client)
    value = cache.get(key) or math.ceil(time.time() + limit.window) * MAX_COUNT
    cache.set(key, value + amount, limit.window)
    return counter.count_from(limit, value + amount)


counter.add = read_then_write
