"""A database with what the measurements need in it, the production server on it, and single requests to both."""

import http.client
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.bench import machine, pgbench
from benchmarks.bench.workloads import Prepared, Workload
from benchmarks.torture.databases import Postgresql
from benchmarks.torture.keeper import Keeper
from benchmarks.torture.servers import ROOT, Running, Server, environment, managed

WARM = 30  # requests, so that each worker has a connection and has compiled what it asks


class Stage:
    """One database, filled with so many bookings, and the server that answers from it."""

    def __init__(
        self, database: Any, name: str, folder: Path, keeper: Keeper, *, bookings: int, scale: int = 0,
        workers: int, threads: int,
    ) -> None:  # fmt: skip
        self.database, self.name, self.folder, self.keeper = database, name, folder, keeper
        self.url = database.make(name)
        managed(self.url, "migrate", "--verbosity", "0")
        managed(self.url, "collectstatic", "--no-input", "--verbosity", "0")  # the admin's pages name them
        self.seconds_to_load = 0.0
        if scale:
            began = time.monotonic()
            managed(self.url, "load_demo", "--scale", str(scale))
            self.seconds_to_load = time.monotonic() - began
        self.prepared = Prepared(**self.fill(str(bookings)))
        began = time.monotonic()
        self.server = Server(self.url, folder / f"{name}.log", keeper, workers=workers, threads=threads)
        self.ask("GET", "/api/v1/venues")
        self.seconds_to_start = time.monotonic() - began
        watch = [sys.executable, "manage.py", "expire_holds", "--watch", "30"]
        self.sweeper = Running(watch, environment(self.url), folder / f"{name}-sweeper.log", keeper)

    def fill(self, what: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "benchmarks.bench.fill", what]
        done = subprocess.run(command, cwd=ROOT, env=environment(self.url), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"The database could not be filled: {done.stderr[-2000:]}")
        return json.loads(done.stdout.splitlines()[-1])

    def stop(self) -> None:
        self.sweeper.stop()
        self.server.stop()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        try:
            sent = None if body is None else json.dumps(body)
            if sent is not None:
                headers["Content-Type"] = "application/json"
            connection.request(method, path, sent, headers)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def once(self, workload: Workload) -> tuple[int, dict[str, str], bytes, str]:
        """One request of a workload, as wrk makes them; and the key that it had."""
        it = self.prepared
        path = workload.path.format(venue=it.venue, event=it.event)
        key = f"bench-{time.monotonic_ns()}"
        if not workload.is_write and workload.name != "refuse":
            headers = {
                "poll": {"If-None-Match": it.tag},
                "staff": {"Authorization": f"Bearer {it.token}"},
                "admin": {"Cookie": f"sessionid={it.session}"},
            }.get(workload.name, {})
            return *self.ask("GET", path, **headers), key
        ticket_type = it.sold_out if workload.name == "refuse" else it.hot
        body = {
            "customer_name": "Ann Lee",
            "customer_email": "buyer1@example.com",
            "items": [{"ticket_type": ticket_type, "quantity": 1}],
        }
        headers = {} if workload.name == "refuse" else {"Idempotency-Key": key}
        return *self.ask("POST", path, body, **headers), key

    # What the server and its database used

    def server_seconds(self) -> float:
        return machine.cpu_seconds(self.server.process.pid)

    def database_seconds(self) -> float:
        if not isinstance(self.database, Postgresql):
            return 0.0
        pid = int((self.database.server.folder / "data" / "postmaster.pid").read_text().split()[0])
        return machine.cpu_seconds(pid)

    def memory(self) -> list[float]:
        """Of each worker, in MB."""
        return [machine.resident(pid) for pid in self.server.workers()]

    # What it asks the database

    def statements(self, workload: Workload) -> tuple[int, str]:
        """How many statements a request of a workload is, and the script with which pgbench runs the same."""
        log = self.database.server.folder / "log"
        self.sweeper.process.send_signal(signal.SIGSTOP)  # its statements would be taken for the request's
        try:
            for _ in range(WARM):
                self.once(workload)
            self.database.configure(log_statement="all")
            time.sleep(0.3)
            begin = log.stat().st_size
            status, _, content, key = self.once(workload)
            time.sleep(0.3)
            self.database.configure(log_statement=None)
            said = log.read_bytes()[begin:].decode(errors="replace")
        finally:
            self.sweeper.process.send_signal(signal.SIGCONT)
        if status != workload.expected:
            raise RuntimeError(f"{workload.name}: {status} {content[:300]!r}")
        said = without_ours(said)
        asked = len(pgbench.statements(said))
        if not asked:
            raise RuntimeError(f"{workload.name}: the server's log has none of its statements.")
        return asked, pgbench.script(said, differing(content, key))


def without_ours(said: str) -> str:
    """The log without the statements that turn the log on and off."""
    pieces = re.split(r"\n(?=\S+ \S+ \S+ \[\d+\] )", said)
    return "\n".join(it for it in pieces if "pg_reload_conf" not in it and "ALTER SYSTEM" not in it)


def differing(content: bytes, key: str) -> dict[str, str]:
    """What must be another value in each transaction, and an expression that makes one."""
    values = {key: f"({pgbench.A} || {pgbench.B} || {pgbench.C})"}
    try:
        answer = json.loads(content)
    except ValueError:
        return values
    if isinstance(answer, dict) and "confirmation_code" in answer:
        values[answer["id"]] = pgbench.UUID
        values[answer["confirmation_code"]] = f"upper({pgbench.A})"
    return values
