"""The production server, as it is started in production."""

import contextlib
import http.client
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.torture.keeper import Keeper
from config.tests.harness import nginx
from config.tests.harness.postgres import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
WORKERS, THREADS = 4, 64
SECRET_KEY = secrets.token_urlsafe(50)


def environment(url: str, **more: str) -> dict[str, str]:
    """The production settings with the database at a URL, and plain HTTP, since no proxy stands in front."""
    names = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "DATABASE_POOLER")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "config.settings.production",
        "ENV_FILE": "",
        "DATABASE_URL": url,
        "SECRET_KEY": SECRET_KEY,
        "ALLOWED_HOSTS": "127.0.0.1",
        "SECURE_SSL_REDIRECT": "false",
        "SECURE_COOKIES": "false",
        "LOG_LEVEL": "WARNING",
        "LOG_FORMAT": "text",
        # Thousands of anonymous clients share one address here, and hold their places during a whole run.
        "BOOKING_HOLD_MINUTES": "60",
        "ANONYMOUS_PLACES_PER_CLIENT": "0",
        "RATE_LIMIT_ANONYMOUS_BOOKINGS": "",
        "RATE_LIMIT_ANONYMOUS_PLACES": "",
        "RATE_LIMIT_ANONYMOUS_READS": "",
        "RATE_LIMIT_TOKENS": "",
        "RATE_LIMIT_LOGINS": "",
        "RATE_LIMIT_GUESSES": "",
        "RATE_LIMIT_DOOR": "",
        "RATE_LIMIT_MAILS": "",
        **more,
    }


def manage(url: str, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment(url, **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def managed(url: str, *arguments: str, **more: str) -> str:
    """The command's output. Raises RuntimeError with the end of its error output when it fails."""
    done = manage(url, *arguments, **more)
    if done.returncode:
        raise RuntimeError(f"manage.py {arguments[0]} failed with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


class Running:
    """A process with its own group, and a log."""

    def __init__(self, command: list[str], env: dict[str, str], log: Path, keeper: Keeper, *, cwd: Path = ROOT) -> None:
        self.keeper = keeper
        self.log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
            )
        keeper.keep("group", self.process.pid)

    def stop(self) -> None:
        """Kills the whole group: a graceful stop waits for requests, which no scenario needs."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.keeper.forget("group", self.process.pid)

    def logged(self) -> str:
        return self.log.read_text(errors="replace")


class Proxy(Running):
    """nginx with deploy/nginx.conf in front of a server."""

    def __init__(self, server_port: int, folder: Path, keeper: Keeper) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        self.port = free_port()
        command = nginx.command(folder, self.port, [f"127.0.0.1:{server_port}"])
        super().__init__(command, dict(os.environ), folder / "output", keeper)


class Server(Running):
    """granian, by default with four workers. `application` may be a sabotaged one.

    `port` is where clients connect: the server's, or the proxy's in front of it.
    """

    def __init__(
        self,
        url: str,
        log: Path,
        keeper: Keeper,
        *,
        application: str = "config.wsgi:application",
        sabotage: str = "",
        workers: int = WORKERS,
        threads: int = THREADS,
        through_proxy: bool = False,
        **variables: str,
    ) -> None:
        self.port = free_port()
        command = [
            sys.executable, "manage.py", "serve", "--port", str(self.port),
            "--workers", str(workers), "--threads", str(threads), "--application", application,
        ]  # fmt: skip
        if through_proxy:
            variables |= {"NUM_PROXIES": "1"}
        super().__init__(command, environment(url, TORTURE_SABOTAGE=sabotage, **variables), log, keeper)
        self.proxy: Proxy | None = None
        self.known: list[int] = []  # workers in the order in which they were first seen
        self.wait_until_ready()
        if through_proxy:
            self.proxy = Proxy(self.port, log.with_suffix(".nginx"), keeper)
            self.port = self.proxy.port
            self.wait_until_ready()

    def stop(self) -> None:
        if self.proxy is not None:
            self.proxy.stop()
        super().stop()

    def wait_until_ready(self) -> None:
        give_up = time.monotonic() + 60
        while not self.is_ready():
            if time.monotonic() > give_up or self.process.poll() is not None:
                raise RuntimeError(f"The server did not start: {self.logged()[-2000:]}")
            time.sleep(0.05)

    def is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def workers(self) -> list[int]:
        """The process ids of its workers, the youngest last. Ids start over, so they do not tell the age."""
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        pairs = [line.split() for line in listed.splitlines()]
        found = sorted(int(pid) for pid, parent in pairs if int(parent) == self.process.pid)
        self.known = [pid for pid in self.known if pid in found] + [pid for pid in found if pid not in self.known]
        return list(self.known)

    def kill_all_workers(self) -> None:
        for pid in self.workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def kill_a_worker(self, choose: Callable[[list[int]], int]) -> bool:
        """`kill -9` of one that `choose` picks; false when there is none to kill at this moment.

        Never the youngest: granian takes two deaths in a row of the same worker for a crash loop, and ends.
        """
        workers = self.workers()[:-1]
        if not workers:
            return False
        try:
            os.kill(choose(workers), signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True
