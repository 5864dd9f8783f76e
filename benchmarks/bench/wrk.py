"""HTTP load from wrk."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
SUMMARY = re.compile(r"(\d+) requests in")
RATE = re.compile(r"Requests/sec:\s*([\d.]+)")
PERCENTILE = r"^ +{}% +([\d.]+)(us|ms|s|m)"
REFUSED = re.compile(r"Non-2xx or 3xx responses: (\d+)")
SOCKET_ERRORS = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")


@dataclass(frozen=True)
class Load:
    """The result of one run. Times are in seconds."""

    requests: int
    rate: float
    p50: float
    p99: float
    refused: int  # responses of 400 and above
    broken: int  # connections and requests without a response


def is_installed() -> bool:
    return shutil.which("wrk") is not None


def run(
    url: str, *, clients: int, seconds: int, headers: dict[str, str] | None = None, script: Path | None = None
) -> Load:
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--latency", "--timeout", "20s", url]
    for name, value in (headers or {}).items():
        command += ["-H", f"{name}: {value}"]
    if script:
        command += ["-s", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"wrk failed: {done.stdout[-500:]}{done.stderr[-500:]}")
    return parse(done.stdout)


def parse(output: str) -> Load:
    broken = SOCKET_ERRORS.search(output)
    refused = REFUSED.search(output)
    return Load(
        requests=int(SUMMARY.search(output)[1]),
        rate=float(RATE.search(output)[1]),
        p50=percentile(50, output),
        p99=percentile(99, output),
        refused=int(refused[1]) if refused else 0,
        broken=sum(map(int, broken.groups())) if broken else 0,
    )


def percentile(percent: int, output: str) -> float:
    number, unit = re.search(PERCENTILE.format(percent), output, re.MULTILINE).groups()
    return float(number) * UNITS[unit]


# A request of its own each time: another customer, and another idempotency key where there is one.
BOOKING = """
local n, run = 0, 0
function init(args)
  math.randomseed(os.time())
  run = math.random(1, 1000000000)
end
function request()
  n = n + 1
  local body = string.format([==[%(body)s]==], n)
  local headers = {["Content-Type"] = "application/json"%(key)s}
  return wrk.format("POST", "%(path)s", headers, body)
end
"""
KEY = ', ["Idempotency-Key"] = string.format("bench-%d-%d", run, n)'


def booking_script(path: str, body: str, *, with_key: bool) -> str:
    """Lua that posts bookings. `body` has a %d, for the customer's number."""
    return BOOKING % {"path": path, "body": body, "key": KEY if with_key else ""}
