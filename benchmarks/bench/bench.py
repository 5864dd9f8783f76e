"""The steps of the measurement, and the bounds that they are held to."""

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from benchmarks.bench import flash, machine, pgbench, report, wrk
from benchmarks.bench.fill import booking_body
from benchmarks.bench.original import BOOKING as ORIGINAL_BOOKING
from benchmarks.bench.original import Original
from benchmarks.bench.report import Bound, Row, at_least, at_most
from benchmarks.bench.system import API, System
from benchmarks.torture.databases import Postgresql
from benchmarks.torture.keeper import Keeper


@dataclass(frozen=True)
class Read:
    title: str
    path: str  # may name the id of a venue or an event
    original: str  # the path on the original system
    uncached: float  # the bound for the ratio to the original system, with nothing cached


VENUES = f"{API}/venues"
EVENTS = f"{API}/events"
READS = (
    Read("one venue", f"{VENUES}/{{venue}}", f"{VENUES}/7", 1.3),
    Read("100 venues", VENUES, f"{VENUES}/", 1.3),
    Read("100 events", EVENTS, f"{EVENTS}/", 0.9),
    Read("100 events, upcoming and available", f"{EVENTS}?upcoming=true&available=true", f"{EVENTS}/", 0),
)
CACHED, PROXIED = 3, 20
FEW, MANY = 10_000, 100_000  # bookings
LISTS = ("venues/venue", "events/event", "ticket_types/tickettype", "bookings/booking", "bookings/ticket")
LOCKS = ("INSERT", "UPDATE", "DELETE", "FOR SHARE", "FOR NO KEY", "FOR KEY")


class Bench:
    STEPS: ClassVar[tuple[str, ...]] = ("uncached", "cached", "proxy", "cpu", "flash", "booking", "growth")

    def __init__(self, options: argparse.Namespace, keeper: Keeper, folder: Path) -> None:
        self.options, self.keeper, self.folder = options, keeper, folder
        self.rows: list[Row] = []
        self.bounds: list[Bound] = []
        self.remarks: list[str] = []
        self.others: list[float] = []  # the share of the machine that other processes used, for each slice
        self.database = Postgresql(folder, keeper)
        self.original: Original | None = None

    def run(self) -> None:
        self.database.start()
        self.say(
            f"{machine.describe()}, {self.database.version}; {self.options.workers} workers of "
            f"{self.options.threads} threads, {self.options.clients} clients"
        )
        if set(self.options.steps) - {"growth"}:
            self.start()
        for step in self.STEPS:
            if step in self.options.steps:
                print(f"\n{step}", flush=True)
                getattr(self, step)()
        self.database.stop()

    def start(self) -> None:
        self.system = self.new_system("bench")
        self.system.fill(FEW)
        if self.options.original:
            log = self.folder / "original.log"
            self.original = Original(self.options.original, self.database, self.keeper, log)
            self.original.fill(FEW)

    def new_system(self, name: str) -> System:
        how = {"workers": self.options.workers, "threads": self.options.threads}
        return System(self.database, name, self.folder, self.keeper, **how)

    # The steps

    def uncached(self) -> None:
        """Anonymous reads from the server alone, which asks the database each time."""
        self.system.serve(CATALOGUE_CACHE="false")
        for read in READS:
            self.compare(read, f"{read.title}, nothing cached", read.uncached)

    def cached(self) -> None:
        """Anonymous reads from the server alone, with Django's cache."""
        self.system.serve(CATALOGUE_CACHE="true")
        for read in READS:
            self.compare(read, f"{read.title}, Django's cache", CACHED)

    def proxy(self) -> None:
        """Anonymous reads through nginx."""
        self.system.serve(through_proxy=True)
        for read in READS:
            self.compare(read, f"{read.title}, through nginx", PROXIED)

    def cpu(self) -> None:
        """The server's CPU time for each request of one client."""
        self.system.serve(CATALOGUE_CACHE="false")
        token = {"Authorization": f"Bearer {self.system.token}"}
        session = {"Cookie": f"sessionid={self.system.session}"}
        for title, path, headers, wanted in (
            ("100 events, upcoming", f"{EVENTS}?upcoming=true", {}, 5.8),
            ("staff: 100 bookings", f"{API}/bookings", token, 12),
            ("the admin's list of bookings", "/admin/bookings/booking/", session, 60),
        ):
            row = Row(f"{title}, one client")
            run = self.getter(path, headers, clients=1)
            run()  # warm
            for _ in range(self.options.slices):
                self.measure(row, run)
            self.add(row, at_most(f"{title}: CPU of the server", wanted, statistics.median(row.server) * 1e3, " ms"))

    def flash(self) -> None:
        """10,000 buyers for 500 places, through nginx."""
        self.system.serve(through_proxy=True)
        buyers, seconds = (2_000, 2) if self.options.is_quick else (10_000, 10)
        with self.watched():
            sale = asyncio.run(flash.run(self.system.port, self.system.catalogue.free, buyers=buyers, seconds=seconds))
        self.say(f"flash sale, {buyers:,} buyers within {seconds} s: {sale}")
        self.bounds += [
            Bound("flash sale: places sold", "500", str(sale.sold), sale.sold == 500),
            Bound("flash sale: 5xx and broken connections", "0", str(sale.failures), sale.failures == 0),
            at_most("flash sale: p99 of a response", 2, sale.percentile(0.99), " s"),
        ]

    def booking(self) -> None:
        """One hot ticket type, against the original system and pgbench; refusals of a sold-out one."""
        self.system.serve()
        catalogue = self.system.catalogue
        book, refuse = self.booker("book", catalogue.hot), self.booker("refuse", catalogue.sold_out, with_key=False)
        self.check_locks(catalogue.sold_out)
        script = self.pgbench_script(catalogue.hot)
        few, many, refused = Row("booking"), Row("booking, 100,000 bookings"), Row("sold out")
        database, of_booking = Row("booking, compared with pgbench"), []
        book(), refuse()
        for _ in range(self.options.slices):
            load = self.measure(few, book, self.original_booking)
            of_booking.append(self.measure(refused, refuse, expected=409).rate / load.rate)
            database.others.append(self.pgbench(script))
        database.loads, database.server, database.database = few.loads, few.server, few.database
        self.add(few, *self.bound_of_original(few, "booking, 10,000 bookings, of the original system", 1.9))
        self.add(database, at_least("booking, of pgbench with the same statements", 0.5, database.ratios))
        self.add(refused, at_least("sold out, of the booking rate", 1.5, of_booking))
        self.system.add_bookings(MANY)
        if self.original:
            self.original.fill(MANY)
        book()
        for _ in range(self.options.slices):
            self.measure(many, book, self.original_booking)
        self.add(many, *self.bound_of_original(many, "booking, 100,000 bookings, of the original system", 4.5))

    def growth(self) -> None:
        """The p50 with a million bookings, against that with about 10,000."""
        first, last = (self.medians(scale) for scale in self.options.scales)
        for title, before in first.items():
            after = last[title]
            self.say(f"{title}: p50 {before * 1e3:.1f} ms, then {after * 1e3:.1f} ms")
            self.bounds.append(at_most(f"p50 after growth: {title}", 1.5, after / before))

    def medians(self, scale: int) -> dict[str, float]:
        system = self.system = self.new_system(f"growth{scale}")
        seconds = system.load_demo(scale)
        system.fill(1)
        with self.database.connect(system.name) as connection:
            bookings = connection.run("SELECT COUNT(*) FROM bookings_booking").fetchone()[0]
        self.say(f"load_demo --scale {scale}: {bookings:,} bookings in {seconds / 60:.1f} minutes")
        system.serve(CATALOGUE_CACHE="false")
        token = {"Authorization": f"Bearer {system.token}"}
        session = {"Cookie": f"sessionid={system.session}"}
        workloads: dict[str, Callable[[], wrk.Load]] = {read.title: self.getter(self.path(read)) for read in READS}
        workloads["booking"] = self.booker("book", system.catalogue.hot)
        workloads["staff: 100 bookings"] = self.getter(f"{API}/bookings", token)
        for name in LISTS:
            workloads[f"admin: {name}"] = self.getter(f"/admin/{name}/", session, clients=2)
        found = {}
        for title, run in workloads.items():
            run()  # warm
            row = Row(title)
            for _ in range(3):
                self.measure(row, run, expected=201 if title == "booking" else 200)
            found[title] = row.p50
        system.stop()
        return found

    # Loads

    def path(self, read: Read) -> str:
        return read.path.format(venue=self.system.catalogue.venue)

    def compare(self, read: Read, title: str, wanted: float) -> None:
        row = Row(title)
        run = self.getter(self.path(read))
        other = self.getter_of_original(read.original)
        run()  # warm
        for _ in range(self.options.slices):
            self.measure(row, run, other)
        self.add(row, *(self.bound_of_original(row, title, wanted) if wanted else ()))

    def bound_of_original(self, row: Row, what: str, wanted: float) -> list[Bound]:
        return [at_least(what, wanted, row.ratios)] if row.ratios else []

    def getter(self, path: str, headers: dict[str, str] | None = None, clients: int = 0) -> Callable[[], wrk.Load]:
        how = {"clients": clients or self.options.clients, "seconds": self.options.seconds, "headers": headers}
        return lambda: wrk.run(self.system.address + path, **how)

    def getter_of_original(self, path: str) -> Callable[[], wrk.Load] | None:
        if (original := self.original) is None:
            return None
        return lambda: wrk.run(original.address + path, clients=self.options.clients, seconds=self.options.seconds)

    def booker(self, name: str, ticket_type: int, *, with_key: bool = True) -> Callable[[], wrk.Load]:
        text = wrk.booking_script(f"{API}/bookings", booking_body(ticket_type), with_key=with_key)
        return self.poster(self.system.address, self.write(f"{name}.lua", text))

    @property
    def original_booking(self) -> Callable[[], wrk.Load] | None:
        if self.original is None:
            return None
        text = wrk.booking_script(f"{API}/bookings/", ORIGINAL_BOOKING, with_key=False)
        return self.poster(self.original.address, self.write("original.lua", text))

    def poster(self, address: str, script: Path) -> Callable[[], wrk.Load]:
        how = {"clients": self.options.clients, "seconds": self.options.seconds}
        return lambda: wrk.run(address, script=script, **how)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def pgbench_script(self, ticket_type: int) -> Path:
        return self.write("booking.sql", pgbench.script(*self.system.statements_of_booking(ticket_type)))

    def pgbench(self, script: Path) -> float:
        with self.watched():
            return pgbench.run(
                self.database, self.system.name, script, clients=self.options.clients, seconds=self.options.seconds
            )

    def check_locks(self, ticket_type: int) -> None:
        found, _ = self.system.statements_of_booking(ticket_type)
        locking = [it.sql for it in found if any(word in it.sql.upper() for word in LOCKS)]
        self.bounds.append(Bound("sold out: statements that lock rows", "0", str(len(locking)), not locking))

    # Slices

    def measure(
        self, row: Row, run: Callable[[], wrk.Load], other: Callable[[], wrk.Load] | None = None, *, expected: int = 200
    ) -> wrk.Load:
        """One slice of a workload, and one of what it is compared with."""
        before = self.system.server_seconds(), self.system.database_seconds()
        with self.watched():
            load = run()
        used = self.system.server_seconds() - before[0], self.system.database_seconds() - before[1]
        row.loads.append(load)
        row.server.append(used[0] / load.requests)
        row.database.append(used[1] / load.requests)
        row.errors += load.broken + (load.refused if expected < 400 else load.requests - load.refused)
        if other is not None:
            with self.watched():
                row.others.append(other().rate)
        return load

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Notes the share of the machine that other processes used meanwhile."""

        def others() -> float:
            return machine.busy_seconds() - machine.cpu_seconds(os.getpid()) - self.system.database_seconds()

        began, before = time.monotonic(), others()
        yield
        self.others.append(max(others() - before, 0) / (time.monotonic() - began) / machine.CORES)

    # Results

    def add(self, row: Row, *bounds: Bound) -> None:
        self.rows.append(row)
        self.bounds += bounds
        print(" | ".join(row.cells()), flush=True)

    def say(self, line: str) -> None:
        self.remarks.append(line)
        print(line, flush=True)

    def markdown(self) -> str:
        noise = (
            f"Other processes used {statistics.median(self.others):.0%} of the machine, at most {max(self.others):.0%}."
        )
        rows = report.table(report.TITLES, [row.cells() for row in self.rows])
        bounds = report.table(("bound", "wanted", "found", ""), [bound.cells() for bound in self.bounds])
        return "\n\n".join([*self.remarks, noise, rows, bounds]) + "\n"
