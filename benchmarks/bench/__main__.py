"""How fast the production server is, beside a peer and beside the database alone: `make bench`."""

import argparse
import asyncio
import dataclasses
import http.client
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.bench import flash, machine, pgbench, report, wrk
from benchmarks.bench.report import Row, Target
from benchmarks.bench.stage import Stage
from benchmarks.bench.workloads import WORKLOADS, Workload
from benchmarks.torture.databases import DATABASES
from benchmarks.torture.keeper import Keeper

SEED = "seed"  # the kind of peer that is known: the original system, with the bookings that it would have had
MANY = 100_000  # bookings, from which on a peer that adds them up each time has become slow
WRITES = ("INSERT", "UPDATE", "DELETE", "FOR UPDATE", "FOR NO KEY UPDATE")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", default=bool(os.environ.get("QUICK")))
    parser.add_argument("--database", choices=("postgresql", "sqlite"), help="postgresql, unless SQLITE is set")
    parser.add_argument("--only", action="append", metavar="NAME", help="of the workloads, as often as you like")
    parser.add_argument("--bookings", type=int, default=int(os.environ.get("BOOKINGS") or 10_000))
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--slices", type=int, help="of each workload (5; with --quick 1)")
    parser.add_argument("--seconds", type=int, help="of each slice, whole ones (2)")
    parser.add_argument("--workers", type=int, default=int(os.environ.get("WORKERS") or 4))
    parser.add_argument("--threads", type=int, default=int(os.environ.get("THREADS") or 4))
    parser.add_argument("--peer-url", default=os.environ.get("PEER_URL", ""))
    parser.add_argument("--peer-kind", choices=(SEED,), default=os.environ.get("PEER_KIND") or SEED)
    parser.add_argument("--growth", default=os.environ.get("GROWTH", "10,1031"), help="scales of the demo, or nothing")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="where bench.svg and bench.md go")
    options = parser.parse_args()
    options.database = options.database or ("sqlite" if os.environ.get("SQLITE") else "postgresql")
    options.slices = options.slices or (1 if options.quick else 5)
    options.seconds = options.seconds or 2
    names = {it.name for it in WORKLOADS} | {"flash", "sqlite", "growth", "memory"}
    if unknown := set(options.only or ()) - names:
        parser.error(f"There is no {', '.join(unknown)}; there are {', '.join(sorted(names))}.")
    return options


class Peer:
    """Another system, of which nothing is known but its URL and its kind."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        place = urlsplit(self.url)
        self.host, self.port = place.hostname, place.port
        types = [it["id"] for it in self.ask("GET", "/api/v1/ticket-types/?limit=100")]
        venue = self.ask("GET", "/api/v1/venues/?limit=10")[6]["id"]
        events = self.ask("GET", "/api/v1/events/?limit=1")
        full = self.ask("POST", "/api/v1/ticket-types/", {
            "name": "Sold out", "price": "49.90", "quantity": 1, "event_id": events[0]["id"],
        })["id"]  # fmt: skip
        self.holds = {"venue": venue, "hot": types[0], "types": types[:100], "sold_out": full}
        self.book(full)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        headers = {} if body is None else {"Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        if answer.status >= 400:
            raise RuntimeError(f"The peer answers {answer.status} to {method} {path}: {said[:300]!r}")
        return json.loads(said)

    def book(self, ticket_type: int) -> None:
        data = {"customer_name": "Ann Lee", "customer_email": "a@example.com", "quantity": 1}
        self.ask("POST", "/api/v1/bookings/", {**data, "ticket_type_id": ticket_type})

    def bookings(self) -> int:
        """How many it has, found out by asking for one behind so many others."""
        low, high = 0, 1
        while self.ask("GET", f"/api/v1/bookings/?skip={high}&limit=1"):
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.ask("GET", f"/api/v1/bookings/?skip={middle}&limit=1") else (low, middle)
        return high


class Bench:
    def __init__(self, options: argparse.Namespace, keeper: Keeper, folder: Path) -> None:
        self.options, self.keeper, self.folder = options, keeper, folder
        self.rows: dict[str, Row] = {}
        self.targets: list[Target] = []
        self.remarks: list[str] = []
        self.foreign: list[float] = []
        self.stolen: list[float] = []
        self.requests = 0
        self.most = 0  # bookings that both have
        self.peer = Peer(options.peer_url) if options.peer_url else None

    # One slice

    def load(self, stage: Stage, workload: Workload, row: Row) -> wrk.Load:
        if workload.name == "poll":
            tag = stage.ask("GET", f"/api/v1/events/{stage.prepared.event}")[1]["etag"]
            stage.prepared = dataclasses.replace(stage.prepared, tag=tag)
        path = self.file(workload.name, "lua", workload.script(stage.prepared))
        before = stage.server_seconds(), stage.database_seconds()
        with self.watched(stage):
            load = self.wrk(stage.address, path, threads=self.options.clients if workload.name == "confirm" else 1)
        used = stage.server_seconds() - before[0], stage.database_seconds() - before[1]
        done = max(load.requests // (2 if workload.name == "confirm" else 1), 1)
        row.errors += load.broken + (load.refused if workload.expected < 400 else load.requests - load.refused)
        row.rates.append(load.rate * done / max(load.requests, 1))
        row.p50.append(load.p50)
        row.p99.append(load.p99)
        row.server.append(used[0] / done)
        row.database.append(used[1] / done)
        self.requests += load.requests
        return load

    def wrk(self, address: str, script: Path, *, threads: int = 1) -> wrk.Load:
        return wrk.run(address, script, clients=self.options.clients, seconds=self.options.seconds, threads=threads)

    def file(self, name: str, kind: str, content: str) -> Path:
        path = self.folder / f"{name}.{kind}"
        path.write_text(content)
        return path

    @contextmanager
    def watched(self, stage: Stage) -> Iterator[None]:
        """Notes how much of the machine others used meanwhile, and how much a hypervisor took away."""
        began, before = time.monotonic(), machine.Use.now()
        ours = stage.server_seconds() + stage.database_seconds()
        children = os.times().children_user + os.times().children_system
        yield
        seconds, after = time.monotonic() - began, machine.Use.now()
        ours = stage.server_seconds() + stage.database_seconds() - ours
        ours += os.times().children_user + os.times().children_system - children
        whole = seconds * machine.CORES
        self.foreign.append(max(after.busy - before.busy - ours, 0) / whole)
        self.stolen.append((after.stolen - before.stolen) / whole)

    # All of it

    def run(self) -> None:
        options = self.options
        database = DATABASES[options.database](self.folder, self.keeper)
        database.start()
        self.heading = f"{machine.describe()}, {database.version}"
        how = {"workers": options.workers, "threads": options.threads}
        self.say(f"{self.heading}; {options.workers} workers of {options.threads} threads, {options.clients} clients")
        stage = Stage(database, "bench", self.folder, self.keeper, bookings=options.bookings, **how)
        self.say(
            f"{options.bookings:,} bookings of the hot ticket type; first answer after {stage.seconds_to_start:.1f} s"
        )
        if self.peer:
            self.most = min(self.peer.bookings(), options.bookings)
            self.say(f"The peer at {self.peer.url} has {self.peer.bookings():,} bookings.")
        self.target("start to first answer", "under 3 s", f"{stage.seconds_to_start:.1f} s", stage.seconds_to_start < 3)
        memory = stage.memory()
        for workload in WORKLOADS:
            if self.is_wanted(workload.name):
                self.measure(stage, workload)
        if self.is_wanted("sqlite") and options.database == "postgresql":
            self.compare_with_sqlite(stage, how)
        if self.is_wanted("flash"):
            self.sell_out(stage)
        if self.is_wanted("memory"):
            self.watch_memory(stage, memory)
        stage.stop()
        if self.is_wanted("growth") and not options.quick and options.growth:
            self.grow(database, how)
        database.stop()

    def is_wanted(self, name: str) -> bool:
        return not self.options.only or name in self.options.only

    def measure(self, stage: Stage, workload: Workload) -> None:
        row = self.rows[workload.name] = Row(workload.name, workload.title)
        script = None
        if self.options.database == "postgresql":
            if workload.name == "poll":
                tag = stage.ask("GET", f"/api/v1/events/{stage.prepared.event}")[1]["etag"]
                stage.prepared = dataclasses.replace(stage.prepared, tag=tag)
            row.queries, said = stage.statements(workload)
            self.check_locks(workload, said)
            if workload.name not in ("confirm", "admin"):
                script = self.file(workload.name, "sql", said)
        self.wrk(stage.address, self.file(workload.name, "lua", workload.script(stage.prepared)))  # warm
        for _ in range(self.options.slices):
            load = self.load(stage, workload, row)
            if script:
                with self.watched(stage):
                    rate, _ = self.pgbench(stage, script)
                row.pgbench_rates.append(rate)
                row.of_pgbench.append(row.rates[-1] / rate)
            if self.peer and workload.peer:
                lua = workload.peer(self.peer.holds)
                theirs = self.wrk(self.peer.url, self.file(f"{workload.name}-peer", "lua", lua))
                row.peer_rates.append(theirs.rate)
                row.of_peer.append(load.rate / theirs.rate)
        self.say(" | ".join(row.cells()))
        self.judge(workload, row)

    def pgbench(self, stage: Stage, script: Path) -> tuple[float, int]:
        how = {"clients": self.options.clients, "seconds": self.options.seconds}
        return pgbench.run(stage.database, stage.name, script, **how)

    def check_locks(self, workload: Workload, said: str) -> None:
        if workload.name == "refuse":
            is_free = not any(word in said.upper() for word in WRITES)
            self.target("sold out: row locks", "none", "none" if is_free else "some", is_free)

    def judge(self, workload: Workload, row: Row) -> None:
        if row.of_peer and workload.target:
            found = statistics.median(row.of_peer)
            wanted = workload.target if self.most < MANY else workload.target_of_many or workload.target
            self.target(f"{workload.title}, of the peer", f"≥ {wanted:g}", f"{found:.2f}", found >= wanted)
        if workload.name == "book" and row.of_pgbench:
            found = statistics.median(row.of_pgbench)
            self.target("booking, of pgbench", "≥ 0.35", f"{found:.2f}", found >= 0.35)
        if workload.name == "refuse" and "book" in self.rows:
            found = row.rate / self.rows["book"].rate
            self.target("sold out, of the booking rate", "≥ 1.3", f"{found:.2f}", found >= 1.3)

    def compare_with_sqlite(self, stage: Stage, how: dict[str, int]) -> None:
        book = next(it for it in WORKLOADS if it.name == "book")
        database = DATABASES["sqlite"](self.folder, self.keeper)
        other = Stage(database, "bench-sqlite", self.folder, self.keeper, bookings=self.options.bookings, **how)
        ours, theirs = Row("book", book.title), Row("book", book.title)
        for _ in range(min(self.options.slices, 3) + 1):
            self.load(stage, book, ours)
            self.load(other, book, theirs)
        other.stop()
        ratios = [a / b for a, b in zip(theirs.rates[1:], ours.rates[1:], strict=True)]
        found = statistics.median(ratios)
        self.target("SQLite, of PostgreSQL's booking rate", "≥ 0.5", f"{found:.2f}", found >= 0.5)
        self.say(f"SQLite: {statistics.median(theirs.rates[1:]):,.0f} bookings/s, {theirs.errors} errors")

    def sell_out(self, stage: Stage) -> None:
        buyers, seconds = (2_000, 2.0) if self.options.quick else (10_000, 10.0)
        ticket_type = stage.fill("flash")["ticket_type"]
        with self.watched(stage):
            sale = asyncio.run(flash.hold(stage.server.port, ticket_type, buyers=buyers, seconds=seconds))
        failures = sum(count for status, count in sale.statuses.items() if status >= 500) + sale.broken
        p99 = sale.percentile(0.99)
        took = sale.last_sold - sale.began
        self.say(
            f"flash sale: {buyers:,} buyers within {seconds:.0f} s for 500 places: {sale.sold} sold in {took:.1f} s, "
            f"all answered in {sale.ended - sale.began:.1f} s, {sale.retried:,} asked again; p50 "
            f"{sale.percentile(0.5) * 1e3:.0f} ms, p99 {p99 * 1e3:.0f} ms; {dict(sorted(sale.statuses.items()))}"
        )
        self.target("flash sale: sold", "exactly 500", str(sale.sold), sale.sold == 500)
        self.target("flash sale: 5xx and broken connections", "none", str(failures), failures == 0)
        self.target("flash sale: p99 of an answer", "under 2 s", f"{p99:.2f} s", p99 < 2)
        if "confirm" in self.rows:
            # 500 are booked and confirmed; as many of the crowd as come meanwhile are refused.
            rate = self.rows["confirm"].rate
            most = 1.5 * max(500 / rate, seconds * 500 / buyers)
            self.target(
                "flash sale: over in", f"1.5 times what the rates predict, {most:.1f} s", f"{took:.1f} s", took <= most
            )

    def watch_memory(self, stage: Stage, before: list[float]) -> None:
        venue = WORKLOADS[0]
        script = self.file("memory", "lua", venue.script(stage.prepared))
        middle = stage.memory()
        give_up = time.monotonic() + (5 if self.options.quick else 180)
        asked = self.requests
        while self.requests < 200_000 and time.monotonic() < give_up:
            self.requests += wrk.run(stage.address, script, clients=self.options.clients, seconds=5).requests
        after = stage.memory()
        most = max(after)
        self.say(
            f"Workers: {listed(before)} at first, {listed(middle)} after {asked:,} requests, "
            f"{listed(after)} after {self.requests:,}."
        )
        self.target("memory of a worker", "under 150 MB", f"{most:.0f} MB", most < 150)
        grown = statistics.mean(after) - statistics.mean(middle)
        self.target(
            f"its growth in the last {self.requests - asked:,} requests", "none (3 MB)", f"{grown:+.1f} MB", grown < 3
        )

    def grow(self, database: Any, how: dict[str, int]) -> None:
        """The same p50, at first and when there is a hundred times as much of everything."""
        found: list[tuple[int, dict[str, Row]]] = []
        for scale in map(int, self.options.growth.split(",")):
            stage = Stage(database, f"growth{scale}", self.folder, self.keeper, bookings=1, scale=scale, **how)
            rows = {}
            for workload in WORKLOADS:
                if workload.name != "sqlite":
                    row = rows[workload.name] = Row(workload.name, workload.title)
                    self.wrk(stage.address, self.file(workload.name, "lua", workload.script(stage.prepared)))  # warm
                    for _ in range(3):
                        self.load(stage, workload, row)
            with database.connect(stage.name) as connection:
                bookings = connection.run("SELECT COUNT(*) FROM bookings_booking").fetchone()[0]
                events = connection.run("SELECT COUNT(*) FROM events_event").fetchone()[0]
            self.say(
                f"load_demo --scale {scale}: {bookings:,} bookings, {events:,} events in {stage.seconds_to_load:.0f} s"
            )
            if scale >= 1000:
                seconds = stage.seconds_to_load
                self.target(
                    "load_demo: a million bookings", "under 10 minutes", f"{seconds / 60:.1f} minutes", seconds < 600
                )
            stage.stop()
            found.append((bookings, rows))
        (few, first), (many, last) = found[0], found[-1]
        lines = []
        for name, row in first.items():
            before, after = statistics.median(row.p50), statistics.median(last[name].p50)
            lines.append([row.title, f"{before * 1e3:.1f} ms", f"{after * 1e3:.1f} ms", f"{after / before:.2f}"])
            self.target(
                f"p50 of {row.title}, of that at first", "≤ 1.5", f"{after / before:.2f}", after / before <= 1.5
            )
        self.growth = report.table(("p50", f"{few:,} bookings", f"{many:,} bookings", "times"), lines)
        self.say(self.growth)

    # What is said

    growth = ""

    def say(self, line: str) -> None:
        self.remarks.append(line)
        print(line, flush=True)

    def target(self, what: str, wanted: str, found: str, is_met: bool) -> None:
        self.targets.append(Target(what, wanted, found, is_met))

    def quiet(self) -> str:
        foreign, stolen = max(self.foreign, default=0), max(self.stolen, default=0)
        middle = statistics.median(self.foreign) if self.foreign else 0
        load = (
            f"others used {middle:.0%} of the machine (at most {foreign:.0%}), a hypervisor took {stolen:.0%} at most"
        )
        if middle > machine.QUIET or stolen > 0.05:
            return f"NOT QUIET: {load}. Believe the ratios, not the rates."
        return f"Quiet: {load}."

    def finish(self, seconds: float) -> None:
        text = report.table(report.TITLES, [row.cells() for row in self.rows.values()])
        targets = "\n".join(map(str, self.targets))
        print(f"\n{self.heading}; {seconds:.0f} s. {self.quiet()}\n\n{text}\n\n{targets}\n", flush=True)
        if self.options.json:
            rows = [dataclasses.asdict(row) for row in self.rows.values()]
            told = {"heading": self.heading, "quiet": self.quiet(), "rows": rows, "remarks": self.remarks,
                    "targets": [dataclasses.asdict(it) for it in self.targets]}  # fmt: skip
            self.options.json.write_text(json.dumps(told, indent=2) + "\n")
        if self.options.write:
            self.options.write.mkdir(exist_ok=True)
            rows = [row for row in self.rows.values() if row.rates]
            name = "bench-sqlite" if self.options.database == "sqlite" else "bench"
            picture = report.picture(rows, f"Requests per second, {self.options.clients} clients")
            (self.options.write / f"{name}.svg").write_text(picture)
            said = "\n\n".join(filter(None, [f"{self.heading}; {self.quiet()}", text, self.growth, targets]))
            (self.options.write / f"{name}.md").write_text(f"{said}\n")


def listed(sizes: list[float]) -> str:
    return " ".join(f"{size:.0f}" for size in sizes) + " MB"


def give_in(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    options = arguments()
    if missing := wrk.missing():
        print(missing, file=sys.stderr)
        return 2
    if not Path("/proc/stat").exists():
        print("The measurements need Linux: they read /proc.", file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, give_in)
    keeper, began = Keeper(), time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="tbs-bench-"))
    keeper.keep("folder", folder)
    try:
        bench = Bench(options, keeper, folder)
        bench.run()
        bench.finish(time.monotonic() - began)
    finally:
        keeper.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
