"""A receiver of webhooks on the loopback interface, which answers as it is told to."""

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


@dataclass(frozen=True)
class Message:
    """A request that arrived. `path` tells endpoints apart."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.body)
        return data

    def verify(self, secret: str) -> None:
        """Raises WebhookVerificationError."""
        Webhook(secret).verify(self.body, self.headers)


Behaviour = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    server: "Server"
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        message = Message(self.path, headers, body, time.monotonic())
        with self.server.receiver.lock:
            self.server.receiver.messages.append(message)
        with contextlib.suppress(OSError):
            self.server.receiver.behaviour(self)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


def answers(status: int, body: bytes = b"", **headers: str) -> Behaviour:
    return lambda handler: handler.answer(status, body, **headers)


accepts = answers(204)


def hangs(handler: Handler) -> None:
    handler.server.receiver.closing.wait(60)
    handler.close_connection = True


def drops(handler: Handler) -> None:
    """Resets the connection."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def drips_head(handler: Handler) -> None:
    drip(handler, b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 1000)


def drips_body(handler: Handler) -> None:
    drip(handler, b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"a" * 1000)


def drip(handler: Handler, *parts: bytes) -> None:
    *whole, slow = parts
    for part in whole:
        handler.wfile.write(part)
    for number in slow:
        handler.wfile.write(bytes([number]))
        if handler.server.receiver.closing.wait(0.1):
            break
    handler.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    receiver: "Receiver"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@dataclass
class Receiver:
    url: str = ""
    behaviour: Behaviour = accepts
    messages: list[Message] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    closing: threading.Event = field(default_factory=threading.Event)

    def received(self, path: str = "") -> list[Message]:
        with self.lock:
            return [it for it in self.messages if it.path.startswith(path)]

    def wait_for(self, count: int, path: str = "", seconds: float = 10) -> list[Message]:
        """Raises AssertionError when fewer messages arrive in time."""
        end = time.monotonic() + seconds
        while len(found := self.received(path)) < count:
            assert time.monotonic() < end, f"{len(found)} of {count} messages arrived at {path or '/'}"
            time.sleep(0.02)
        return found


@contextlib.contextmanager
def receiver(behaviour: Behaviour = accepts, port: int = 0) -> Iterator[Receiver]:
    found = Receiver(behaviour=behaviour)
    with Server(("127.0.0.1", port), Handler) as server:
        server.receiver = found
        found.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            found.closing.set()
            server.shutdown()
            thread.join()
