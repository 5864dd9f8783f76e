"""Checks the promises under load and faults: `make torture`."""

import argparse
import json
import random
import signal
import sys
import time
from pathlib import Path

from benchmarks.torture.databases import BY_DEFAULT, DATABASES, machine
from benchmarks.torture.report import Result, table
from benchmarks.torture.run import CONTROL_NAMES, QUICK, SCENARIOS, run_at_once, run_one
from config.tests.harness import nginx


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.torture", description=__doc__)
    parser.add_argument("--only", choices=[*SCENARIOS, *CONTROL_NAMES], action="append", help="may be repeated")
    parser.add_argument("--database", choices=list(DATABASES), help="sqlite and postgresql by default")
    parser.add_argument("--proxy", action="store_true", help="run the scenarios through nginx, without the controls")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there, too")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="repeats the choices of another run")
    parser.epilog = "QUICK=1 in the environment makes it short, with both databases at the same time."
    options = parser.parse_args()
    if options.proxy and nginx.program() is None:
        parser.error("nginx is not installed (Debian: apt-get install nginx-light).")
    return options


def report(options: argparse.Namespace, found: list[tuple[str, list[Result]]], seconds: float) -> list[Result]:
    versions = [version for version, _ in found]
    results = [result for _, each in found for result in each]
    form = "short form" if QUICK else "long form"
    proxy = ", through nginx" if options.proxy else ""
    heading = f"{machine()}, {', '.join(versions)}{proxy}; {form}, {seconds:.0f} s, seed {options.seed}"
    print(f"\n{heading}\n\n{table(results)}\n", flush=True)
    if options.json:
        rows = [result.as_dict() for result in results]
        options.json.write_text(json.dumps({"heading": heading, "results": rows}, indent=2) + "\n")
    return results


def end(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    options = arguments()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    began = time.monotonic()
    names = (options.database,) if options.database else BY_DEFAULT
    is_parallel = QUICK and len(names) > 1
    found = run_at_once(options, names) if is_parallel else [run_one(options, name) for name in names]
    results = report(options, found, time.monotonic() - began)
    return 0 if results and all(result.is_good for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
