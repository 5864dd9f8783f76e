"""Counts of requests in files, so that one worker process answers for all, and a killed one loses none.

A process writes to the files of its slot, the lowest number that no running process has. The operating system frees a
slot when its process ends, however it ends; the next one goes on from its counts. So there are as many files as
processes ever ran at once.
"""

import fcntl
import os
from itertools import count
from pathlib import Path
from typing import IO

from prometheus_client import CollectorRegistry, values
from prometheus_client.multiprocess import MultiProcessCollector

from config.metrics import requests

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # the library's variable

held: dict[int, tuple[int, IO[bytes]]] = {}  # the slot of this process, and its lock; a fork has its parent's entry


def share(folder: str) -> None:
    """From now on, counts are in this folder. Call it before the first request."""
    os.environ[FOLDER] = folder
    values.ValueClass = values.MultiProcessValue(slot)


def slot() -> int:
    pid = os.getpid()
    if pid not in held:
        taken = take_slot(Path(os.environ[FOLDER]))
        held.clear()
        held[pid] = taken
    return held[pid][0]


def take_slot(folder: Path) -> tuple[int, IO[bytes]]:
    for number in count():
        file = open(folder / f"{number}.lock", "wb")  # noqa: SIM115  open as long as the process runs
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a fork does not inherit it
        except OSError:
            file.close()
        else:
            return number, file
    raise AssertionError  # pragma: no cover


def request_registry() -> CollectorRegistry:
    """The counts of all processes that share a folder, or of this one."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        return requests.registry
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=folder)
    return registry
