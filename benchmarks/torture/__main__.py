"""The box office under load and faults: `python -m benchmarks.torture`, or `make torture`."""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.torture import staff
from benchmarks.torture.clients import Crowd
from benchmarks.torture.controls import CONTROLS, MAX_ROUNDS, Control
from benchmarks.torture.databases import DATABASES, WITHOUT_BEING_ASKED, machine
from benchmarks.torture.keeper import Keeper
from benchmarks.torture.report import Progress, Result, table
from benchmarks.torture.scenarios import SCENARIOS
from benchmarks.torture.servers import Server, managed
from benchmarks.torture.stage import Stage
from benchmarks.torture.verify import Findings, verify

TEMPLATE = "template_torture"  # the database that all others are copied from
CONTROL_NAMES = [control.sabotage.replace("_", "-") for control in CONTROLS]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.torture", description=__doc__)
    parser.add_argument(
        "--only", choices=[*SCENARIOS, *CONTROL_NAMES], action="append", help="may be given several times"
    )
    parser.add_argument("--database", choices=list(DATABASES), help="one of them; pgbouncer is tried when it is named")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="the same choices as in another run")
    parser.epilog = "QUICK=1 in the environment makes it short: under three minutes."
    return parser.parse_args()


class Run:
    """One run: its folder, its clients, and its results."""

    def __init__(self, options: argparse.Namespace, keeper: Keeper) -> None:
        self.options = options
        self.is_quick = os.environ.get("QUICK", "0").lower() not in ("", "0", "false", "no")
        self.keeper = keeper
        self.folder = Path(tempfile.mkdtemp(prefix="tbs-torture-"))
        keeper.keep("folder", self.folder)
        self.progress = Progress()
        self.crowd = Crowd(self.beat)
        self.results: list[Result] = []
        self.versions: list[str] = []

    def beat(self) -> None:
        self.progress.beat(self.crowd.asked.value)

    def is_wanted(self, name: str) -> bool:
        return not self.options.only or name in self.options.only

    def play_all(self) -> None:
        names = [self.options.database] if self.options.database else WITHOUT_BEING_ASKED
        for name in names:
            database = DATABASES[name](self.folder, self.keeper)
            try:
                database.start()
                self.versions.append(database.version)
                self.token = self.prepare(database)
                self.play_scenarios(database)
                if name in WITHOUT_BEING_ASKED:
                    self.play_controls(database)
            finally:
                database.stop()

    def prepare(self, database: Any) -> str:
        print(f"Preparing {database.version}", flush=True)
        url = database.make(TEMPLATE)
        managed(url, "migrate", "-v", "0")
        return staff.token(url)

    @contextmanager
    def server(self, database: Any, name: str, **how: str) -> Iterator[Server]:
        server = Server(database.url(name), self.folder / f"{name}-{database.name}.log", self.keeper, **how)
        try:
            yield server
        finally:
            server.stop()

    def stage(self, database: Any, name: str, server: Server) -> Stage:
        chance = random.Random(f"{self.options.seed} {database.name} {name} {len(self.results)}")
        return Stage(database, name, server, self.crowd, self.keeper, self.folder, self.token, chance, self.is_quick)

    def play_scenarios(self, database: Any) -> None:
        wanted = [name for name in SCENARIOS if self.is_wanted(name)]
        if not wanted:
            return
        database.copy(TEMPLATE, "sales")
        with self.server(database, "sales") as server:
            for name in wanted:
                self.progress.begin(f"{name} on {database.name}", self.crowd.asked.value)
                # Each `reconcile` takes a second, so the short form has one, at the end.
                self.play_scenario(name, database, server, reconcile=not self.is_quick or name == wanted[-1])

    def play_scenario(self, name: str, database: Any, server: Server, *, reconcile: bool) -> None:
        stage = self.stage(database, "sales", server)
        try:
            SCENARIOS[name](stage)
            if name == "rush" and hasattr(database, "shared"):
                stage.remarks.append(database.shared("sales"))
            findings = verify(stage, reconcile=reconcile)
            verdict = "kept" if findings.is_clean else "BROKEN"
        except Exception:  # noqa: BLE001  the other scenarios are still worth seeing
            traceback.print_exc()
            self.crowd.enough.set()
            findings, verdict = Findings(), "DID NOT END"
        self.add(name, database, verdict, verdict == "kept", stage, findings)

    def play_controls(self, database: Any) -> None:
        for number, (control, name) in enumerate(zip(CONTROLS, CONTROL_NAMES, strict=True)):
            if not self.is_wanted(name):
                continue
            self.progress.begin(f"without: {control.name} on {database.name}", self.crowd.asked.value)
            if control.only_on in ("", database.name):
                self.play_control(database, control, f"control_{number}")
            else:
                self.results.append(Result(f"control: {control.name}", database.name, control.otherwise, True))
                self.progress.end(self.results[-1])

    def play_control(self, database: Any, control: Control, name: str) -> None:
        database.copy(TEMPLATE, name)
        with database.connect(name) as connection:
            for statement in control.prepare.get(database.name, ()):
                connection.run(statement)
        if control.options:
            database.configure(**control.options)
        how = {"application": "config.tests.harness.torture_wsgi:application", "sabotage": control.sabotage}
        with self.server(database, name, **how) as server:
            self.play_rounds(database, control, name, server)
        if control.options:
            database.configure(**dict.fromkeys(control.options))

    def play_rounds(self, database: Any, control: Control, name: str, server: Server) -> None:
        for lap in range(1, MAX_ROUNDS + 1):
            stage = self.stage(database, name, server)
            control.play(stage)
            findings = verify(stage, reconcile=False)
            if any(getattr(findings, column) for column in control.finds):
                verdict = f"caught (round {lap})"
                break
        else:
            verdict = f"NOT CAUGHT in {MAX_ROUNDS} rounds"
        self.add(f"control: {control.name}", database, verdict, verdict.startswith("caught"), stage, findings)

    def add(self, name: str, database: Any, verdict: str, is_good: bool, stage: Stage, findings: Findings) -> None:
        requests = len(stage.history)
        result = Result(name, database.name, verdict, is_good, requests, stage.faults, findings, remarks=stage.remarks)
        self.results.append(result)
        self.progress.end(result)

    def report(self, seconds: float) -> None:
        kind = "short form" if self.is_quick else "long form"
        heading = f"{machine()}, {', '.join(self.versions)}; {kind}, {seconds:.0f} s, seed {self.options.seed}"
        print(f"\n{heading}\n\n{table(self.results)}\n", flush=True)
        if self.options.json:
            rows = [result.as_dict() for result in self.results]
            self.options.json.write_text(json.dumps({"heading": heading, "results": rows}, indent=2) + "\n")

    def close(self) -> None:
        self.crowd.close()


def give_in(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    options = arguments()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, give_in)
    keeper = Keeper()
    run = None
    began = time.monotonic()
    try:
        run = Run(options, keeper)
        run.play_all()
        run.report(time.monotonic() - began)
        return 0 if run.results and all(result.is_good for result in run.results) else 1
    finally:
        if run is not None:
            run.close()
        keeper.finish()


if __name__ == "__main__":
    sys.exit(main())
