"""The original system, for comparison: a FastAPI application in a folder that has a `.venv` with its requirements."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import psycopg

from benchmarks.bench import machine
from benchmarks.torture.databases import Postgresql
from benchmarks.torture.keeper import Keeper
from benchmarks.torture.servers import Running
from config.tests.harness.postgres import free_port

NAME = "original"
HOT = 1  # its ticket type of a hundred million places
BOOKING = json.dumps(
    {"customer_name": "Ann Lee", "customer_email": "buyer%d@example.com", "ticket_type_id": HOT, "quantity": 1}
)
COPY = """
INSERT INTO bookings (ticket_type_id, customer_name, customer_email, quantity, total_price, status, confirmation_code,
                      created_at)
SELECT %s, 'Ann Lee', 'buyer' || number || '@example.com', 1, 49.90, 'confirmed', 'COPY' || number, now()
FROM generate_series((SELECT count(*) + 1 FROM bookings), %s) AS number
"""


class Original:
    """Runs on a database of its own on the same PostgreSQL server."""

    def __init__(self, folder: Path, database: Postgresql, keeper: Keeper, logs: Path) -> None:
        self.database = database
        url = database.make(NAME).replace("postgresql:", "postgresql+psycopg2:")
        environment = {**os.environ, "DATABASE_URL": url}
        python = str(folder.resolve() / ".venv" / "bin" / "python")
        subprocess.run([python, "seed_data.py"], cwd=folder, env=environment, check=True)
        self.address = f"http://127.0.0.1:{free_port()}"
        command = [python, "-m", "uvicorn", "app.main:app", "--workers", "2", "--loop", "uvloop", "--http", "httptools",
                   "--no-access-log", "--port", self.address.rpartition(":")[2]]  # fmt: skip
        self.running = Running(command, environment, logs / "original.log", keeper, cwd=folder)
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        give_up_at = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(f"{self.address}/health", timeout=5):
                    return
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > give_up_at:
                    raise RuntimeError(f"The original system did not start: {self.running.logged()[-2000:]}") from None
            time.sleep(0.1)

    def fill(self, bookings: int) -> None:
        """Adds bookings of the hot ticket type until there are so many."""
        with psycopg.connect(self.database.url(NAME), autocommit=True) as connection:
            connection.execute(COPY, [HOT, bookings])
            connection.execute("VACUUM ANALYZE")

    def seconds(self) -> float:
        """The CPU time of its processes."""
        return machine.cpu_seconds(self.running.process.pid)
