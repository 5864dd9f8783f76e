"""deploy/nginx.conf in front of a server, on a free port of the loopback interface."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config.tests.harness.postgres import free_port

CONFIGURATION = Path(__file__).parents[3] / "deploy" / "nginx.conf"
# What a distribution's own nginx.conf has around the file, with the connections that the guide asks for.
AROUND = """
daemon off;
{user}
pid {folder}/pid;
error_log {folder}/start.log;
worker_processes 1;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/tickets.conf;
}}
"""


@dataclass(frozen=True)
class Proxy:
    url: str  # without a slash at the end
    folder: Path
    process: "subprocess.Popen[bytes]"

    def take_out(self, server_url: str) -> None:
        """Marks a server as `down`, and reloads: requests that have begun there finish, new ones go elsewhere."""
        file = self.folder / "tickets.conf"
        line = f"server {address(server_url)} "
        file.write_text(file.read_text().replace(line, f"{line}down "))
        self.process.send_signal(signal.SIGHUP)

    def logged(self) -> str:
        """The access log."""
        return (self.folder / "tickets.log").read_text()

    def errors(self) -> str:
        return (self.folder / "tickets-error.log").read_text()


def address(url: str) -> str:
    return re.sub(r"^https?://", "", url)


def program() -> str | None:
    """The path of nginx, or None where it is not installed."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def configuration(folder: Path, port: int, servers: list[str], changes: dict[str, str]) -> str:
    """deploy/nginx.conf with the ports and folders of a test. Raises ValueError for a change that finds no place."""
    text = CONFIGURATION.read_text()
    upstream = "\n".join(f"    server {server} fail_timeout=2s;" for server in servers)
    places = {
        "    server 127.0.0.1:8000 fail_timeout=2s;": upstream,
        "    listen 80;\n    listen [::]:80;\n": f"    listen 127.0.0.1:{port};\n",
        "/var/cache/nginx/tickets": f"{folder}/cache",
        "/var/log/nginx/": f"{folder}/",
        **changes,
    }
    for place, value in places.items():
        if place not in text:
            raise ValueError(f"deploy/nginx.conf has no {place!r}.")
        text = text.replace(place, value)
    return text


def command(folder: Path, port: int, servers: list[str], changes: dict[str, str] | None = None) -> list[str]:
    """Writes the configuration into a folder. Returns the command that runs nginx with it.

    Raises RuntimeError when nginx is not installed.
    """
    if (executable := program()) is None:
        raise RuntimeError("nginx is not installed (Debian: apt-get install nginx-light).")
    user = "user root;" if os.geteuid() == 0 else ""  # another user may not enter the folder
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, user=user))
    (folder / "tickets.conf").write_text(configuration(folder, port, servers, changes or {}))
    return [executable, "-p", str(folder), "-c", f"{folder}/nginx.conf", "-e", f"{folder}/start.log"]


@contextlib.contextmanager
def nginx(*server_urls: str, changes: dict[str, str] | None = None, scheme: str = "http") -> Iterator[Proxy]:
    """Runs nginx in front of the servers. `changes` are replacements in deploy/nginx.conf.

    Raises RuntimeError with nginx's output when it does not start.
    """
    port = free_port()
    servers = [address(url) for url in server_urls]
    with tempfile.TemporaryDirectory(prefix="tbs-nginx-") as name:
        folder = Path(name)
        arguments = command(folder, port, servers, changes)
        with (folder / "start.log").open("w") as log:
            process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until_listening(process, port, folder)
            yield Proxy(f"{scheme}://127.0.0.1:{port}", folder, process)
        finally:
            process.terminate()
            process.wait(timeout=10)


def wait_until_listening(process: "subprocess.Popen[bytes]", port: int, folder: Path) -> None:
    give_up_at = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < give_up_at:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"nginx did not start: {(folder / 'start.log').read_text()}")
