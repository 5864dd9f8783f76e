"""Load from wrk, which takes 20 µs of a request that costs the server a thousand."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True)
class Load:
    """What came of some seconds of it. Times are in seconds; `refused` counts the answers of 400 and above."""

    requests: int
    rate: float
    p50: float
    p99: float
    refused: int
    broken: int  # connections and requests that came to nothing


def missing() -> str:
    return "" if shutil.which("wrk") else "wrk is not installed: apt-get install wrk (Debian), or brew install wrk."


def run(url: str, script: Path, *, clients: int, seconds: float, threads: int = 1) -> Load:
    command = [
        "wrk",
        f"-t{threads}",
        f"-c{clients}",
        f"-d{seconds:g}s",
        "--latency",
        "--timeout",
        "20s",
        "-s",
        str(script),
        url,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"wrk failed: {done.stdout[-500:]}{done.stderr[-500:]}")
    return read(done.stdout)


def read(said: str) -> Load:
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    return Load(
        requests=int(found(r"(\d+) requests in", said)),
        rate=float(found(r"Requests/sec:\s*([\d.]+)", said)),
        p50=duration(found(r"^ +50% +(\S+)", said)),
        p99=duration(found(r"^ +99% +(\S+)", said)),
        refused=int(refused[1]) if refused else 0,
        broken=sum(map(int, broken.groups())) if broken else 0,
    )


def found(pattern: str, said: str) -> str:
    match = re.search(pattern, said, re.MULTILINE)
    if match is None:
        raise RuntimeError(f"wrk said something else: {said[-1000:]}")
    return match[1]


def duration(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * UNITS[unit]
