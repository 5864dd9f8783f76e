"""Measures the production server beside the original system and the database alone: `make bench`."""

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.bench import machine, wrk
from benchmarks.bench.bench import Bench
from benchmarks.torture.keeper import Keeper
from config.tests.harness import nginx


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__)
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"{', '.join(Bench.STEPS)}; all of them by default")
    parser.add_argument("--original", type=Path, metavar="FOLDER", default=os.environ.get("ORIGINAL") or None,
                        help="the original system, with its requirements in FOLDER/.venv")  # fmt: skip
    parser.add_argument("--workers", type=int, default=int(os.environ.get("WORKERS") or 4))
    parser.add_argument("--threads", type=int, default=int(os.environ.get("THREADS") or 64))
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--slices", type=int, help="of each workload (5; with QUICK=1 one)")
    parser.add_argument("--seconds", type=int, default=2, help="of each slice")
    parser.add_argument("--scales", type=int, nargs=2, default=(10, 1031), help="of the demo, for the step growth")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there, too")
    parser.epilog = "QUICK=1 in the environment makes it short, and leaves growth out."
    options = parser.parse_args()
    options.is_quick = os.environ.get("QUICK", "0").lower() not in ("", "0", "false", "no")
    options.slices = options.slices or (1 if options.is_quick else 5)
    if unknown := set(options.steps) - set(Bench.STEPS):
        parser.error(f"Unknown step: {', '.join(sorted(unknown))}. Choose from {', '.join(Bench.STEPS)}.")
    if nginx.program() is None:
        print("The steps proxy and flash are left out: nginx is not installed (Debian: apt-get install nginx-light).")
        options.steps = [step for step in options.steps or Bench.STEPS if step not in ("proxy", "flash")]
    options.steps = options.steps or [step for step in Bench.STEPS if not (options.is_quick and step == "growth")]
    return options


def end(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    options = arguments()
    if not wrk.is_installed() or not Path("/proc/stat").exists():
        print("The measurements need Linux and wrk: apt-get install wrk", file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    keeper, began = Keeper(), time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="tbs-bench-"))
    keeper.keep("folder", folder)
    try:
        bench = Bench(options, keeper, folder)
        bench.run()
        print(f"\n{machine.CORES} cores, {time.monotonic() - began:.0f} s\n\n{bench.markdown()}", flush=True)
        if options.markdown:
            options.markdown.write_text(bench.markdown())
    finally:
        keeper.finish()
    return 0 if all(bound.is_met for bound in bench.bounds) else 1


if __name__ == "__main__":
    sys.exit(main())
