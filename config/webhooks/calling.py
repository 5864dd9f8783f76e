"""One request to a receiver, with one deadline over all of it: name, connection, TLS, request, answer."""

import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from config.webhooks.addresses import PrivateAddress, Target, read_url, resolve

SECONDS = 15.0
MAX_ANSWER = 1024  # bytes that are read and stored
CHUNK = 16_384  # bytes sent at once


@dataclass(frozen=True)
class Answer:
    """What came back: a status with the beginning of a body, or an error. `duration` is in seconds."""

    status: int | None = None
    body: str = ""
    error: str = ""
    duration: float = 0.0

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300 and not self.error


@cache
def tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def call(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float = SECONDS) -> Answer:
    """Sends a POST. Redirects are not followed, and no error is raised."""
    start = time.monotonic()
    status, said, error = None, "", ""
    try:
        target = read_url(url)
        connection = connect(target, start + seconds)
        try:
            connection.request("POST", target.path, body, {"Connection": "close", **headers, "Host": target.authority})
            response = connection.getresponse()
            status = response.status
            said = clean(response.read(MAX_ANSWER))
        finally:
            connection.close()
    except TimeoutError:
        error = f"No complete answer within {seconds:g} seconds."
    except PrivateAddress as refusal:
        error = str(refusal)
    except (OSError, ValueError, http.client.HTTPException) as failure:
        error = f"{type(failure).__name__}: {failure}"[:500]
    if status is not None and 300 <= status < 400 and not error:
        error = "Redirects are not followed. Change the URL of the endpoint."
    return Answer(status, said, error, time.monotonic() - start)


def connect(target: Target, deadline: float) -> http.client.HTTPConnection:
    """A connection to an address of the target that was checked. Raises OSError, TimeoutError, PrivateAddress."""
    connection = http.client.HTTPConnection(target.host, target.port)
    raw = open_socket(resolve(target, deadline), deadline)
    try:
        raw.settimeout(remaining(deadline))
        if target.is_secure:
            raw = tls().wrap_socket(raw, server_hostname=target.host)
    except BaseException:
        raw.close()
        raise
    connection.sock = DeadlineSocket(raw, deadline)
    return connection


def open_socket(addresses: list[tuple[Any, Any]], deadline: float) -> socket.socket:
    """The first address that accepts a connection; each gets its share of the time that is left."""
    last: OSError = OSError("The name has no address.")
    for number, (family, address) in enumerate(addresses):
        opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            opened.settimeout(remaining(deadline) / (len(addresses) - number))
            opened.connect(address)
        except OSError as error:
            opened.close()
            last = error
        else:
            return opened
    raise last


def remaining(deadline: float) -> float:
    """Raises TimeoutError."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


class DeadlineSocket:
    """What `http.client` needs of a socket. A receiver that drips bytes cannot outlast the deadline."""

    def __init__(self, raw: socket.socket, deadline: float) -> None:
        self.raw, self.deadline = raw, deadline

    def sendall(self, data: bytes) -> None:
        for start in range(0, len(data), CHUNK):
            self.raw.settimeout(remaining(self.deadline))
            self.raw.sendall(data[start : start + CHUNK])

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(DeadlineReader(self.raw, self.deadline))

    def close(self) -> None:
        self.raw.close()


class DeadlineReader(io.RawIOBase):
    def __init__(self, raw: socket.socket, deadline: float) -> None:
        self.raw, self.deadline = raw, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.raw.settimeout(remaining(self.deadline))
        return self.raw.recv_into(buffer)


def clean(data: bytes) -> str:
    """As text that can be stored and shown."""
    text = data.decode(errors="replace")
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
