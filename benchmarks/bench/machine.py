"""What the machine is, who used it, and how much of it a process took (Linux's /proc)."""

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count() or 1
QUIET = 0.15  # of the machine: what others may use before a measurement is called into doubt


def cpu_seconds(pid: int) -> float:
    """What a process and its children have used so far, with those that have ended and been waited for."""
    children: dict[int, list[tuple[int, float]]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append((int(entry.name), ticks(fields, 11, 13)))
    fields = stat(pid)
    total = ticks(fields, 11, 15) if fields else 0.0
    waiting = [pid]
    while waiting:
        for child, used in children.get(waiting.pop(), []):
            total += used
            waiting.append(child)
    return total


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name; none when the process has just ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def ticks(fields: list[str], first: int, end: int) -> float:
    return sum(map(int, fields[first:end])) / TICK


def resident(pid: int) -> float:
    """The memory of a process, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


@dataclass(frozen=True)
class Use:
    """How many seconds all cores have worked so far, and how many a hypervisor has given to others."""

    busy: float
    stolen: float

    @classmethod
    def now(cls) -> "Use":
        fields = [int(it) / TICK for it in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
        user, nice, system, _, _, irq, softirq, steal = fields[:8]
        return cls(user + nice + system + irq + softirq, steal)


def describe() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{CORES} cores ({processor()}), {memory:.0f} GB, Linux {platform.release()}, Python {sys.version.split()[0]}"
    )


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
