"""The steps of the measurement, and their bounds."""

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from benchmarks.bench import flash, machine, original, pgbench, report
from benchmarks.bench.fill import booking_body
from benchmarks.bench.report import Bound, Row, at_least, at_most
from benchmarks.bench.system import API, System
from benchmarks.bench.wrk import Load, Wrk
from benchmarks.torture.databases import Postgresql
from benchmarks.torture.keeper import Keeper

Run = Callable[[], Load]
FEW, MANY = 10_000, 100_000  # bookings
LOCKS = ("INSERT", "UPDATE", "DELETE", "FOR SHARE", "FOR NO KEY", "FOR KEY")
BOOKINGS = f"{API}/bookings"
LISTS = ("venues/venue", "events/event", "ticket_types/tickettype", "bookings/booking", "bookings/ticket")


@dataclass(frozen=True)
class Read:
    title: str
    path: str
    original: str  # the path on the original system
    uncached: float | None  # the bound of the ratio to the original system, with nothing cached


CACHED, PROXIED = 3, 20  # the same bound with Django's cache, and through nginx
READS = (
    Read("one venue", f"{API}/venues/{{venue}}", f"{API}/venues/7", 1.3),
    Read("100 venues", f"{API}/venues", f"{API}/venues/", 1.3),
    Read("100 events", f"{API}/events", f"{API}/events/", 0.9),
    Read("100 events, filtered", f"{API}/events?upcoming=true&available=true", f"{API}/events/", None),
)


class Bench:
    STEPS: ClassVar[tuple[str, ...]] = ("uncached", "cached", "proxy", "cpu", "flash", "booking", "growth")

    def __init__(self, options: argparse.Namespace, keeper: Keeper, folder: Path) -> None:
        self.options, self.keeper, self.folder = options, keeper, folder
        self.wrk = Wrk(options.clients, options.seconds, folder)
        self.database = Postgresql(folder, keeper)
        self.system: System | None = None
        self.original: original.Original | None = None
        self.rows: list[Row] = []
        self.bounds: list[Bound] = []
        self.remarks: list[str] = []
        self.others: list[float] = []  # the share of the machine that other processes used, for each slice

    def run(self) -> None:
        self.database.start()
        how = f"{self.options.workers} workers of {self.options.threads} threads, {self.options.clients} clients"
        self.say(f"{machine.describe()}, {self.database.version}; {how}")
        if self.options.original:
            self.original = original.Original(self.options.original, self.database, self.keeper, self.folder)
            self.original.fill(FEW)
        for step in self.STEPS:
            if step in self.options.steps:
                if self.system is None and step != "growth":
                    self.system = self.new_system("bench")
                    self.system.fill(FEW)
                print(f"\n{step}", flush=True)
                getattr(self, step)()
        self.database.stop()

    def new_system(self, name: str) -> System:
        how = {"workers": self.options.workers, "threads": self.options.threads}
        return System(self.database, name, self.folder, self.keeper, **how)

    # The steps

    def uncached(self) -> None:
        self.system.serve(CATALOGUE_CACHE="false")
        for read in READS:
            self.compare(read, f"{read.title}, nothing cached", read.uncached)

    def cached(self) -> None:
        self.system.serve(CATALOGUE_CACHE="true")
        for read in READS:
            self.compare(read, f"{read.title}, Django's cache", CACHED)

    def proxy(self) -> None:
        self.system.serve(through_proxy=True)
        for read in READS:
            self.compare(read, f"{read.title}, through nginx", PROXIED)

    def compare(self, read: Read, title: str, wanted: float | None) -> None:
        row = Row(title)
        run = partial(self.wrk.get, self.url(read))
        other = partial(self.wrk.get, self.original.address + read.original) if self.original else None
        run()  # warm
        for _ in range(self.options.slices):
            self.measure(row, run, other)
        self.add(row)
        self.hold_to_original(row, f"{title}, of the original system", wanted)

    def cpu(self) -> None:
        self.system.serve(CATALOGUE_CACHE="false")
        for title, path, headers, wanted in (
            ("100 events, upcoming", f"{API}/events?upcoming=true", {}, 5.8),
            ("staff: 100 bookings", BOOKINGS, self.system.as_manager, 12),
            ("the admin's list of bookings", "/admin/bookings/booking/", self.system.in_admin, 60),
        ):
            row = Row(f"{title}, one client")
            run = partial(self.wrk.get, self.system.address + path, headers, clients=1)
            run()  # warm
            for _ in range(self.options.slices):
                self.measure(row, run)
            self.add(row)
            used = statistics.median(row.server) * 1e3
            self.bounds.append(at_most(f"{title}: CPU of the server", wanted, used, " ms"))

    def flash(self) -> None:
        self.system.serve(through_proxy=True)
        buyers, seconds = (2_000, 2) if self.options.is_quick else (10_000, 10)
        ticket_type = self.system.fill_flash_sale()
        with self.watched():
            sale = asyncio.run(flash.run(self.system.port, ticket_type, buyers=buyers, seconds=seconds))
        self.say(f"Flash sale, {buyers:,} buyers within {seconds} s for 500 places: {sale}.")
        self.bounds += [
            Bound("flash sale: places sold", "500", str(sale.sold), sale.sold == 500),
            Bound("flash sale: 5xx and broken connections", "0", str(sale.failures), sale.failures == 0),
            at_most("flash sale: p99 of a response", 2, sale.percentile(0.99), " s"),
        ]

    def booking(self) -> None:
        self.system.serve()
        catalogue = self.system.catalogue
        book, refuse = self.booker(catalogue.hot), self.booker(catalogue.sold_out, with_key=False)
        self.check_locks(catalogue.sold_out)
        script = self.folder / "booking.sql"
        script.write_text(pgbench.script(*self.system.statements_of_booking(catalogue.hot)))
        few, many, refused, of_booking, of_pgbench = Row("booking"), Row("booking, 100,000"), Row("sold out"), [], []
        book(), refuse()  # warm
        for _ in range(self.options.slices):
            rate = self.measure(few, book, self.original_booker).rate
            of_booking.append(self.measure(refused, refuse, expected=409).rate / rate)
            of_pgbench.append(rate / self.pgbench(script))
        self.system.add_bookings(MANY)
        if self.original:
            self.original.fill(MANY)
        book()
        for _ in range(self.options.slices):
            self.measure(many, book, self.original_booker)
        self.add(few, many, refused)
        self.hold_to_original(few, "booking, 10,000 bookings, of the original system", 1.9)
        self.hold_to_original(many, "booking, 100,000 bookings, of the original system", 4.5)
        self.bounds.append(at_least("booking, of pgbench with the same statements", 0.5, of_pgbench))
        self.bounds.append(at_least("sold out, of the booking rate", 1.5, of_booking))

    def check_locks(self, ticket_type: int) -> None:
        found, _ = self.system.statements_of_booking(ticket_type)
        locking = [it.sql for it in found if any(word in it.sql.upper() for word in LOCKS)]
        self.bounds.append(Bound("sold out: statements that lock rows", "0", str(len(locking)), not locking))

    def growth(self) -> None:
        first, last = (self.medians(scale) for scale in self.options.scales)
        for title, before in first.items():
            self.say(f"{title}: p50 {before * 1e3:.1f} ms, then {last[title] * 1e3:.1f} ms")
            self.bounds.append(at_most(f"p50 after growth: {title}", 1.5, last[title] / before))

    def medians(self, scale: int) -> dict[str, float]:
        """The p50 of each workload, in seconds."""
        if self.system:
            self.system.stop()
        system = self.system = self.new_system(f"growth{scale}")
        seconds = system.load_demo(scale)
        system.fill(1)
        self.say(f"load_demo --scale {scale}: {system.count_bookings():,} bookings in {seconds / 60:.1f} minutes")
        system.serve(CATALOGUE_CACHE="false")
        workloads: dict[str, Run] = {read.title: partial(self.wrk.get, self.url(read)) for read in READS}
        workloads["booking"] = self.booker(system.catalogue.hot)
        workloads["staff: 100 bookings"] = partial(self.wrk.get, system.address + BOOKINGS, system.as_manager)
        for name in LISTS:
            url = f"{system.address}/admin/{name}/"
            workloads[f"admin: {name}"] = partial(self.wrk.get, url, system.in_admin, clients=2)
        found = {}
        for title, run in workloads.items():
            run()  # warm
            row = Row(title)
            for _ in range(3):
                self.measure(row, run)
            found[title] = row.p50
        return found

    # Loads

    def url(self, read: Read) -> str:
        return self.system.address + read.path.format(venue=self.system.catalogue.venue)

    def booker(self, ticket_type: int, *, with_key: bool = True) -> Run:
        url = self.system.address + BOOKINGS
        return partial(self.wrk.book, url, booking_body(ticket_type), with_key=with_key)

    @property
    def original_booker(self) -> Run | None:
        if self.original is None:
            return None
        url = f"{self.original.address}{BOOKINGS}/"
        return partial(self.wrk.book, url, original.BOOKING, with_key=False)

    def pgbench(self, script: Path) -> float:
        with self.watched():
            how = {"clients": self.options.clients, "seconds": self.options.seconds}
            return pgbench.run(self.database, self.system.name, script, **how)

    # Slices

    def measure(self, row: Row, run: Run, other: Run | None = None, *, expected: int = 200) -> Load:
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
            before = self.original.seconds() + self.system.database_seconds()
            with self.watched():
                compared = other()
            used = self.original.seconds() + self.system.database_seconds() - before
            row.others.append(compared.rate)
            row.others_cpu.append(used / compared.requests)
        return load

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Notes the share of the machine that other processes use during the block."""

        def others() -> float:
            return machine.busy_seconds() - machine.cpu_seconds(os.getpid()) - self.system.database_seconds()

        began, before = time.monotonic(), others()
        yield
        self.others.append(max(others() - before, 0) / (time.monotonic() - began) / machine.CORES)

    # Results

    def add(self, *rows: Row) -> None:
        self.rows += rows
        for row in rows:
            print(" | ".join(row.cells()), flush=True)

    def hold_to_original(self, row: Row, what: str, wanted: float | None) -> None:
        if row.ratios and wanted:
            self.bounds.append(at_least(what, wanted, row.ratios))

    def say(self, line: str) -> None:
        self.remarks.append(line)
        print(line, flush=True)

    def markdown(self) -> str:
        usual, most = statistics.median(self.others), max(self.others)
        noise = f"Other processes used {usual:.0%} of the machine, at most {most:.0%}."
        rows = report.table(report.TITLES, [row.cells() for row in self.rows])
        bounds = report.table(("bound", "wanted", "found", ""), [bound.cells() for bound in self.bounds])
        return "\n\n".join([*self.remarks, noise, rows, bounds]) + "\n"
