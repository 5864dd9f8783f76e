"""A run: the scenarios and the controls on one database, or on several at the same time."""

import argparse
import multiprocessing
import os
import random
import tempfile
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.torture import scenarios, staff
from benchmarks.torture.clients import Crowd, end_with_parent, kill_pool
from benchmarks.torture.controls import CONTROLS, MAX_ROUNDS, Control
from benchmarks.torture.databases import BY_DEFAULT, DATABASES
from benchmarks.torture.keeper import Keeper
from benchmarks.torture.payments import payments
from benchmarks.torture.report import Progress, Result
from benchmarks.torture.servers import Server, managed
from benchmarks.torture.stage import Stage
from benchmarks.torture.told import told
from benchmarks.torture.verify import Findings, verify

TEMPLATE = "template_torture"  # the database that all others are copied from
SCENARIOS: dict[str, Callable[[Stage], None]] = {
    "sellout": scenarios.sellout,
    "last-ticket": scenarios.last_ticket,
    "race": scenarios.race,
    "twins": scenarios.twins,
    "kills": scenarios.kills,
    "edits": scenarios.edits,
    "no-worker": scenarios.no_worker,
    "payments": payments,
    "told": told,
}
CONTROL_NAMES = [control.sabotage.replace("_", "-") for control in CONTROLS]
QUICK = os.environ.get("QUICK", "0").lower() not in ("", "0", "false", "no")


class Run:
    """One run on one database."""

    def __init__(self, options: argparse.Namespace, keeper: Keeper) -> None:
        self.options = options
        self.keeper = keeper
        self.folder = Path(tempfile.mkdtemp(prefix="tbs-torture-"))
        keeper.keep("folder", self.folder)
        self.progress = Progress()
        self.crowd = Crowd(self.beat)
        self.results: list[Result] = []

    def beat(self) -> None:
        self.progress.beat(self.crowd.sent.value)

    def is_wanted(self, name: str) -> bool:
        return not self.options.only or name in self.options.only

    def play_all(self, name: str) -> None:
        database = DATABASES[name](self.folder, self.keeper)
        try:
            database.start()
            self.version = database.version
            self.token = self.prepare(database)
            self.play_scenarios(database)
            if name in BY_DEFAULT and not self.options.proxy:
                self.play_controls(database)
        finally:
            database.stop()

    def prepare(self, database: Any) -> str:
        print(f"Preparing {database.version}", flush=True)
        url = database.make(TEMPLATE)
        managed(url, "migrate", "-v", "0")
        return staff.token(url)

    @contextmanager
    def server(self, database: Any, name: str, **how: Any) -> Iterator[Server]:
        server = Server(database.url(name), self.folder / f"{name}-{database.name}.log", self.keeper, **how)
        try:
            yield server
        finally:
            server.stop()

    def stage(self, database: Any, name: str, server: Server) -> Stage:
        chance = random.Random(f"{self.options.seed} {database.name} {name} {len(self.results)}")
        return Stage(database, name, server, self.crowd, self.keeper, self.folder, self.token, chance, QUICK)

    def play_scenarios(self, database: Any) -> None:
        wanted = [name for name in SCENARIOS if self.is_wanted(name)]
        if not wanted:
            return
        database.copy(TEMPLATE, "sales")
        with self.server(database, "sales", through_proxy=self.options.proxy) as server:
            for name in wanted:
                self.progress.begin(f"{name} on {database.name}", self.crowd.sent.value)
                # `reconcile` checks the whole database, so the short form runs it once, at the end.
                self.play_scenario(name, database, server, reconcile=not QUICK or name == wanted[-1])

    def play_scenario(self, name: str, database: Any, server: Server, *, reconcile: bool) -> None:
        stage = self.stage(database, "sales", server)
        try:
            SCENARIOS[name](stage)
            if name == "sellout" and hasattr(database, "shared"):
                stage.remarks.append(database.shared("sales"))
            findings = verify(stage, reconcile=reconcile)
            verdict = "kept" if findings.is_clean else "BROKEN"
        except Exception:  # noqa: BLE001  the other scenarios still run
            traceback.print_exc()
            self.crowd.enough.set()
            findings, verdict = Findings(), "DID NOT END"
        self.add(name, database, verdict, verdict == "kept", stage, findings)

    def play_controls(self, database: Any) -> None:
        for number, (control, name) in enumerate(zip(CONTROLS, CONTROL_NAMES, strict=True)):
            if not self.is_wanted(name):
                continue
            self.progress.begin(f"control: {control.name} on {database.name}", self.crowd.sent.value)
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
        self.play_rounds(database, control, name)
        if control.options:
            database.configure(**dict.fromkeys(control.options))

    def play_rounds(self, database: Any, control: Control, name: str) -> None:
        """Each round has a new server, because granian ends when its workers die too often."""
        how = {"application": "config.tests.harness.torture_wsgi:application", "sabotage": control.sabotage}
        for lap in range(1, MAX_ROUNDS + 1):
            with self.server(database, name, **how) as server:
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

    def close(self) -> None:
        self.crowd.close()


def run_one(options: argparse.Namespace, name: str) -> tuple[str, list[Result]]:
    """Runs on one database. Returns its version and the results."""
    keeper = Keeper()
    run = None
    try:
        run = Run(options, keeper)
        run.play_all(name)
        return run.version, run.results
    finally:
        if run is not None:
            run.close()
        keeper.finish()


def run_at_once(options: argparse.Namespace, names: tuple[str, ...]) -> list[tuple[str, list[Result]]]:
    """Runs on several databases at the same time, each in a process of its own."""
    pool = ProcessPoolExecutor(len(names), multiprocessing.get_context("spawn"), end_with_parent)
    try:
        found = list(pool.map(run_one, [options] * len(names), names))
    except BaseException:
        kill_pool(pool)
        raise
    pool.shutdown()
    return found
