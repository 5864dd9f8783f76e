"""HTTP load from wrk."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
SUMMARY = re.compile(r"(\d+) requests in")
RATE = re.compile(r"Requests/sec:\s*([\d.]+)")
PERCENTILE = r"^ +{}% +([\d.]+)(us|ms|s|m)"
REFUSED = re.compile(r"Non-2xx or 3xx responses: (\d+)")
SOCKET_ERRORS = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")

# Each booking is for another customer, and may have a new idempotency key.
BOOKING = """
local n, run = 0, 0
function init(args)
  math.randomseed(os.time())
  run = math.random(1, 1000000000)
end
function request()
  n = n + 1
  local headers = {["Content-Type"] = "application/json"}
  if %s then headers["Idempotency-Key"] = string.format("key-of-the-benchmark-%%d-%%d", run, n) end
  return wrk.format("POST", nil, headers, string.format([==[%s]==], n))
end
"""


def is_installed() -> bool:
    return shutil.which("wrk") is not None


@dataclass(frozen=True)
class Load:
    """The result of one run. Times are in seconds."""

    requests: int
    rate: float
    p50: float
    p99: float
    refused: int  # responses of 400 and above
    broken: int  # connections and requests without a response


@dataclass(frozen=True)
class Wrk:
    clients: int
    seconds: int
    folder: Path  # for its scripts

    def get(self, url: str, headers: dict[str, str] | None = None, *, clients: int | None = None) -> Load:
        options = [option for name, value in (headers or {}).items() for option in ("-H", f"{name}: {value}")]
        return self.run(url, options, clients or self.clients)

    def book(self, url: str, body: str, *, with_key: bool) -> Load:
        """Posts bookings. `body` has a %d, for the customer's number."""
        script = self.folder / "booking.lua"
        script.write_text(BOOKING % (str(with_key).lower(), body))
        return self.run(url, ["-s", str(script)], self.clients)

    def run(self, url: str, options: list[str], clients: int) -> Load:
        command = ["wrk", "-t1", f"-c{clients}", f"-d{self.seconds}s", "--latency", "--timeout", "20s", *options, url]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"wrk failed: {done.stdout[-500:]}{done.stderr[-500:]}")
        return parse(done.stdout)


def parse(output: str) -> Load:
    refused, broken = REFUSED.search(output), SOCKET_ERRORS.search(output)
    return Load(
        requests=int(found(SUMMARY, output)[0]),
        rate=float(found(RATE, output)[0]),
        p50=percentile(50, output),
        p99=percentile(99, output),
        refused=int(refused[1]) if refused else 0,
        broken=sum(map(int, broken.groups())) if broken else 0,
    )


def percentile(percent: int, output: str) -> float:
    number, unit = found(re.compile(PERCENTILE.format(percent), re.MULTILINE), output)
    return float(number) * UNITS[unit]


def found(pattern: re.Pattern[str], output: str) -> Any:
    match = pattern.search(output)
    if match is None:
        raise RuntimeError(f"wrk printed something unexpected: {output[-1000:]}")
    return match.groups()
