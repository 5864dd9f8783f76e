"""The databases. Each has a template that every run starts from."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.torture.keeper import Keeper
from benchmarks.torture.servers import Running
from config.tests.harness.postgres import UNPRIVILEGED, PostgresServer, free_port


class Sqlite:
    """Files in a folder."""

    name = "SQLite"
    can_crash = False

    def __init__(self, folder: Path, keeper: Keeper) -> None:
        self.folder = folder
        self.version = f"SQLite {sqlite3.sqlite_version}"

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def url(self, name: str) -> str:
        return f"sqlite:///{self.folder}/{name}.db"

    def make(self, name: str) -> str:
        """A new empty database; returns its URL."""
        return self.url(name)

    def copy(self, source: str, name: str) -> str:
        with sqlite3.connect(self.folder / f"{source}.db") as old, sqlite3.connect(self.folder / f"{name}.db") as new:
            old.backup(new)
        return self.url(name)

    def connect(self, name: str) -> "Connection":
        connection = sqlite3.connect(self.folder / f"{name}.db", timeout=60, isolation_level=None)
        return Connection(connection, "?")

    def damage(self, name: str) -> str:
        """What is wrong with the file; empty when it is intact."""
        with self.connect(name) as connection:
            result = connection.run("PRAGMA integrity_check").fetchone()[0]
        return "" if result == "ok" else result

    def deadlocks(self, name: str) -> int:
        return 0  # there is only one writer at a time


class Postgresql:
    """A server of its own, which may be crashed."""

    name = "PostgreSQL"
    can_crash = True

    def __init__(self, folder: Path, keeper: Keeper) -> None:
        # After a crash it syncs every file, one by one, for seconds. Linux can sync all of them at once.
        options = "-c recovery_init_sync_method=syncfs" if sys.platform == "linux" else ""
        self.server = PostgresServer(durable=True, options=options)
        self.keeper = keeper
        keeper.keep("postgres", self.server.folder)

    def start(self) -> None:
        self.server.start()
        with psycopg.connect(self.server.url()) as connection:
            self.version = f"PostgreSQL {connection.info.parameter_status('server_version')}"

    def stop(self) -> None:
        self.server.stop()
        self.keeper.forget("postgres", self.server.folder)

    def restart(self) -> None:
        """As after a power cut."""
        self.server.crash()
        self.server.start()

    def url(self, name: str) -> str:
        return self.server.url(name)

    def make(self, name: str) -> str:
        return self.server.create_database(name)

    def copy(self, source: str, name: str) -> str:
        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
        return self.url(name)

    def connect(self, name: str) -> "Connection":
        return Connection(psycopg.connect(self.url(name), autocommit=True), "%s")

    def configure(self, **options: str | None) -> None:
        """Sets options of the running server; None sets one back."""
        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            for option, value in options.items():
                connection.execute(
                    f"ALTER SYSTEM RESET {option}" if value is None else f"ALTER SYSTEM SET {option} = '{value}'"
                )
            connection.execute("SELECT pg_reload_conf()")

    def damage(self, name: str) -> str:
        return ""  # the server checks its own files

    def deadlocks(self, name: str) -> int:
        """The higher count of two: the statistics are delayed and are lost in a crash, the log is not."""
        with psycopg.connect(self.server.url()) as connection:
            rows = connection.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = %s", [name]).fetchone()
        log = (self.server.folder / "log").read_text(errors="replace")
        return max(rows[0] if rows else 0, log.count("deadlock detected"))


class Pooled(Postgresql):
    """The same behind a PgBouncer in transaction mode, with fewer connections than the servers have threads.

    The harness itself connects directly.
    """

    name = "PgBouncer"
    CONNECTIONS = 6

    def __init__(self, folder: Path, keeper: Keeper) -> None:
        program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
        if program is None:
            sys.exit("PgBouncer is not installed. On Debian: apt-get install pgbouncer")
        self.program = program
        os.environ["DATABASE_POOLER"] = "true"  # for the servers and commands under test
        super().__init__(folder, keeper)

    def start(self) -> None:
        super().start()
        # Sessions cannot be configured through a pooler, so the role has the settings.
        sessions = {
            "lock_timeout": "5s",
            "statement_timeout": "30s",
            "idle_in_transaction_session_timeout": "30s",
            "synchronous_commit": "on",
        }
        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            for name, value in sessions.items():
                connection.execute(f"ALTER ROLE postgres SET {name} = '{value}'")
        self.port = free_port()
        folder = self.server.folder / "pgbouncer"
        folder.mkdir()
        (folder / "users").write_text('"postgres" ""\n')
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(PGBOUNCER.format(server=self.server.port, port=self.port, users=folder / "users",
                                                  connections=self.CONNECTIONS, user=UNPRIVILEGED))  # fmt: skip
        self.pooler = Running([self.program, str(configuration)], dict(os.environ), folder / "log", self.keeper)
        give_up_at = time.monotonic() + 10
        while not self.answers():
            if time.monotonic() > give_up_at:
                raise RuntimeError(f"PgBouncer does not start: {self.pooler.logged()[-2000:]}")
            time.sleep(0.05)
        self.version = f"{self.version} through {self.pooler_version()}"

    def answers(self) -> bool:
        try:
            with psycopg.connect(self.url("postgres")) as connection:
                return connection.execute("SELECT true").fetchone() == (True,)
        except psycopg.OperationalError:
            return False

    def pooler_version(self) -> str:
        output = subprocess.run([self.program, "--version"], capture_output=True, text=True, check=True).stdout
        return output.splitlines()[0]

    def stop(self) -> None:
        if hasattr(self, "pooler"):
            self.pooler.stop()
        super().stop()

    def url(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def connect(self, name: str) -> "Connection":
        return Connection(psycopg.connect(self.server.url(name), autocommit=True), "%s")

    def shared(self, name: str) -> str:
        """How many clients shared how many connections. Raises RuntimeError when there were too few to share any."""
        with psycopg.connect(self.url("pgbouncer"), autocommit=True) as connection:
            clients = connection.execute("SHOW CLIENTS").fetchall()
        with self.connect("postgres") as direct:
            sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
            (connections,) = direct.run(sessions, [name]).fetchone()
        waiting = sum(name in client for client in clients)
        if not waiting > self.CONNECTIONS >= connections > 0:
            raise RuntimeError(f"{waiting} clients had {connections} connections, so none was shared.")
        return f"{waiting} clients shared {connections} connections"


PGBOUNCER = """
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
user = {user}
auth_type = trust
auth_file = {users}
admin_users = postgres
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 500
server_login_retry = 1
"""

DATABASES = {"sqlite": Sqlite, "postgresql": Postgresql, "pgbouncer": Pooled}
BY_DEFAULT = ("sqlite", "postgresql")


class Connection:
    """Plain SQL, the same on all. The checks use none of the system's own code."""

    def __init__(self, connection: Any, placeholder: str) -> None:
        self.connection = connection
        self.placeholder = placeholder

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *error: object) -> None:
        self.connection.close()

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        return self.connection.execute(sql.replace("%s", self.placeholder), [self.value(each) for each in parameters])

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        cursor = self.run(sql, parameters)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def value(self, value: Any) -> Any:
        """SQLite stores datetimes as text and UUIDs as 32 digits."""
        if self.placeholder == "?" and hasattr(value, "isoformat"):
            return value.strftime("%Y-%m-%d %H:%M:%S.%f")
        if (
            self.placeholder == "?"
            and isinstance(value, str)
            and re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value)
        ):
            return value.replace("-", "")
        return value


def machine() -> str:
    return f"{os.cpu_count()} cores, Python {sys.version.split()[0]}"
