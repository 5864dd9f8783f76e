"""The production server on a filled database, alone or behind nginx."""

import http.client
import json
import time
from pathlib import Path
from typing import Any

from benchmarks.bench import machine, pgbench
from benchmarks.bench.fill import Filler, booking_body, multiply
from benchmarks.torture import staff
from benchmarks.torture.databases import Postgresql
from benchmarks.torture.keeper import Keeper
from benchmarks.torture.servers import Server, managed

API = "/api/v1"


class System:
    """One database with a catalogue and bookings. `serve` starts the server on it, again with other settings."""

    def __init__(self, database: Postgresql, name: str, folder: Path, keeper: Keeper, **how: int) -> None:
        self.database, self.name, self.folder, self.keeper, self.how = database, name, folder, keeper, how
        self.url = database.make(name)
        self.server: Server | None = None
        managed(self.url, "migrate", "--verbosity", "0")
        managed(self.url, "collectstatic", "--no-input", "--verbosity", "0")  # for the admin's pages
        self.as_manager = {"Authorization": f"Bearer {staff.token(self.url)}"}
        self.in_admin = {"Cookie": f"sessionid={staff.session(self.url)}"}

    def load_demo(self, scale: int) -> float:
        """Returns the seconds that it took."""
        began = time.monotonic()
        managed(self.url, "load_demo", "--scale", str(scale))
        return time.monotonic() - began

    def fill(self, bookings: int) -> None:
        self.serve()
        self.catalogue = Filler(self.call_api).fill()
        self.add_bookings(bookings)

    def fill_flash_sale(self) -> int:
        return Filler(self.call_api).fill_flash_sale(self.catalogue.venue)

    def add_bookings(self, target: int) -> None:
        multiply(self.database, self.name, self.catalogue.template, target)

    def count_bookings(self) -> int:
        with self.database.connect(self.name) as connection:
            return connection.run("SELECT COUNT(*) FROM bookings_booking").fetchone()[0]

    def serve(self, *, through_proxy: bool = False, **variables: str) -> None:
        self.stop()
        log = self.folder / f"{self.name}.log"
        self.server = Server(self.url, log, self.keeper, through_proxy=through_proxy, **self.how, **variables)
        self.port = self.server.port

    def stop(self) -> None:
        if self.server is not None:
            self.server.stop()
            self.server = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # Requests

    def send(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json", **headers})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def call_api(self, method: str, path: str, data: Any = None) -> Any:
        """As a manager. Raises RuntimeError when the request is refused."""
        body = None if data is None else json.dumps(data)
        status, content = self.send(method, API + path, body, self.as_manager)
        if status >= 400:
            raise RuntimeError(f"{method} {path}: {status} {content[:300]!r}")
        return json.loads(content)

    # CPU time and statements

    def server_seconds(self) -> float:
        """Of the server, and of nginx in front of it."""
        proxy = self.server.proxy
        return machine.cpu_seconds(self.server.process.pid, *([proxy.process.pid] if proxy else []))

    def database_seconds(self) -> float:
        data = self.database.server.folder / "data"
        return machine.cpu_seconds(int((data / "postmaster.pid").read_text().split()[0]))

    def statements_of_booking(self, ticket_type: int) -> tuple[list[pgbench.Statement], dict[str, str]]:
        """The statements of one booking, and pgbench's expressions for the values that differ each time."""
        key = f"key-of-the-benchmark-{time.monotonic_ns()}"
        log = self.database.server.folder / "log"
        self.database.configure(log_statement="all")
        time.sleep(0.3)
        begin = log.stat().st_size
        _, content = self.send("POST", f"{API}/bookings", booking_body(ticket_type) % 1, {"Idempotency-Key": key})
        time.sleep(0.3)
        self.database.configure(log_statement=None)
        found = pgbench.statements(log.read_bytes()[begin:].decode(errors="replace"))
        expressions = {key: pgbench.KEY}
        booking = json.loads(content)
        if "confirmation_code" in booking:
            expressions |= {booking["id"]: pgbench.UUID, booking["confirmation_code"]: pgbench.CODE}
        return found, expressions
