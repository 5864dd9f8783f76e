"""The machine, and the CPU time of processes (Linux's /proc)."""

import os
import platform
import sys
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count() or 1


def cpu_seconds(*pids: int) -> float:
    """The CPU time of these processes and their descendants, including children that ended and were waited for."""
    children: dict[int, list[int]] = {}
    fields = {int(it.name): stat(it) for it in Path("/proc").iterdir() if it.name.isdigit()}
    for pid, values in fields.items():
        if values:
            children.setdefault(int(values[1]), []).append(pid)
    total = sum(ticks(fields.get(pid), 11, 15) for pid in pids)
    waiting = list(pids)
    while waiting:
        for child in children.get(waiting.pop(), []):
            total += ticks(fields[child], 11, 13)
            waiting.append(child)
    return total


def stat(folder: Path) -> list[str]:
    """The fields of /proc/PID/stat after the name; empty when the process has just ended."""
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def ticks(fields: list[str] | None, first: int, end: int) -> float:
    return sum(map(int, (fields or [])[first:end])) / TICK


def busy_seconds() -> float:
    """How long all cores together have worked since the start, including time that a hypervisor gave to others."""
    user, nice, system, _, _, irq, softirq, steal = (
        int(it) / TICK for it in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    )
    return user + nice + system + irq + softirq + steal


def describe() -> str:
    return f"{CORES} cores ({processor()}), Linux {platform.release()}, Python {sys.version.split()[0]}"


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
