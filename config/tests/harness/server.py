"""The project as a user runs it: in a process of its own, on a database of its own."""

import contextlib
import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import psycopg
from django.conf import settings

from config.settings.database import SQLITE
from config.tests.harness.postgres import free_port

SECONDS_TO_START = 60
# All test clients share one address.
UNLIMITED = {"ANONYMOUS_PLACES_PER_CLIENT": "0"} | {
    f"RATE_LIMIT_{purpose.upper().replace('-', '_')}": "" for purpose in settings.RATE_LIMITS
}


@dataclass(frozen=True)
class Server:
    url: str  # without a slash at the end
    environment: dict[str, str]  # gives commands the same database
    log: Any = None  # the file that the server writes to
    process: Any = None
    is_production: bool = False

    def manage(self, *arguments: str) -> str:
        """Runs a management command beside the server and returns its stdout."""
        return manage(self.environment, *arguments)

    def logged(self) -> str:
        """What the server has written so far. Does not move the file position, which it shares with the server."""
        return os.pread(self.log.fileno(), 10_000_000, 0).decode()


def manage(environment: dict[str, str], *arguments: str) -> str:
    """Raises AssertionError with the command's output when it fails."""
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(
        command, check=False, cwd=settings.BASE_DIR, env=environment, text=True, capture_output=True, timeout=300
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def environment_for(database_url: str) -> dict[str, str]:
    """Local settings as they are without a `.env`, and without limits."""
    ours = {
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "ENV_FILE": "",
        "LOG_LEVEL": "INFO",
    }
    return {**os.environ, **ours, **UNLIMITED}


@contextlib.contextmanager
def fresh_database() -> Iterator[str]:
    """The URL of an empty database of the engine that the tests run on; it is gone after the block."""
    here: dict[str, Any] = settings.DATABASES["default"]
    if here["ENGINE"] == SQLITE:
        with tempfile.TemporaryDirectory(prefix="tbs-served-") as folder:
            yield f"sqlite:///{folder}/served.db"
        return
    user = ":".join(quote(part, safe="") for part in (here["USER"], here["PASSWORD"]) if part)
    server = f"postgresql://{user}@{here['HOST']}:{here['PORT'] or 5432}"
    name = f"served_{secrets.token_hex(6)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
        try:
            yield f"{server}/{name}"
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[arg-type]


@contextlib.contextmanager
def served(
    database_url: str,
    *,
    is_production: bool = False,
    application: str = "config.wsgi:application",
    workers: int = 2,
    threads: int = 64,
    arguments: Sequence[str] = (),
    is_migrated: bool = False,
    **variables: str,
) -> Iterator[Server]:
    """Migrates the database, unless it `is_migrated`, and serves it on a free port until the block ends.

    Uses `manage.py runserver`, or the production server when `is_production`, whose `application` may be a sabotaged
    one. `variables` are added to the environment.
    """
    environment = {**environment_for(database_url), **variables}
    if not is_migrated:
        manage(environment, "migrate", "--verbosity", "0")
    port = free_port()
    development = ["runserver", "--noreload", f"127.0.0.1:{port}"]
    production = ["serve", "--port", str(port), "--workers", str(workers), "--threads", str(threads)]
    production += ["--application", application, *arguments]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *(production if is_production else development)],
            cwd=settings.BASE_DIR,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_healthy(process, f"http://127.0.0.1:{port}", log)
            yield Server(f"http://127.0.0.1:{port}", environment, log, process, is_production)
        finally:
            end(process)


def wait_until_healthy(process: subprocess.Popen[bytes], url: str, log: Any) -> None:
    """Raises AssertionError with the server's log when it ends instead, or takes too long."""
    give_up_at = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < give_up_at:
        # Another process can have taken the port: it must be this one that answers, so it must still be there.
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=5):
            if process.poll() is None:
                return
        time.sleep(0.1)
    log.seek(0)
    raise AssertionError(f"The server did not start.\n{log.read()}")


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
