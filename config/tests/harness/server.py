"""The project as a user runs it: in a process of its own, on a database of its own."""

import atexit
import contextlib
import functools
import os
import secrets
import shutil
import signal
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
    if is_sqlite():
        with tempfile.TemporaryDirectory(prefix="tbs-served-") as folder:
            yield f"sqlite:///{folder}/served.db"
        return
    with created_database() as url:
        yield url


@contextlib.contextmanager
def migrated_database() -> Iterator[str]:
    """The URL of a migrated database without rows; it is gone after the block.

    A copy of one that this process migrated once, because a migration takes seconds.
    """
    if is_sqlite():
        with fresh_database() as url:
            shutil.copy(migrated_template().removeprefix("sqlite:///"), url.removeprefix("sqlite:///"))
            yield url
        return
    with created_database(template=migrated_template()) as url:
        yield url


@functools.cache
def migrated_template() -> str:
    """The URL of a migrated database that nothing is connected to. It is gone when this process ends."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    url = stack.enter_context(fresh_database())
    manage(environment_for(url), "migrate", "--verbosity", "0")
    return url


def is_sqlite() -> bool:
    return settings.DATABASES["default"]["ENGINE"] == SQLITE


@contextlib.contextmanager
def created_database(template: str = "") -> Iterator[str]:
    here: dict[str, Any] = settings.DATABASES["default"]
    user = ":".join(quote(part, safe="") for part in (here["USER"], here["PASSWORD"]) if part)
    server = f"postgresql://{user}@{here['HOST']}:{here['PORT'] or 5432}"
    name = f"served_{secrets.token_hex(6)}"
    copied = f' TEMPLATE "{template.rpartition("/")[2]}"' if template else ""
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"{copied}')  # type: ignore[arg-type]
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
    **variables: str,
) -> Iterator[Server]:
    """Serves a migrated database on a free port until the block ends.

    Uses `manage.py runserver`, or the production server when `is_production`, whose `application` may be a sabotaged
    one. `variables` are added to the environment.
    """
    environment = {**environment_for(database_url), **variables}
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
            start_new_session=True,
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
    """Ends the server, and the workers that it leaves behind when it is stopped while it starts one."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=10)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
