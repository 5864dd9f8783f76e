"""The production server's worker: it gives a thread to a request when all of it is there.

gunicorn's own threads read a request as it comes, so as many half-sent requests as there are threads stop the service,
for as long as their senders like. Here the event loop collects what arrives; whoever sends nothing for the keep-alive
time is hung up on. What a request may be at most is what the API takes.
"""

import contextlib
import json
import os
import re
import socket
import uuid
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker

from config import problems
from config.redaction import Wrapped

LONGEST_LINE = 8_190  # bytes; a search for 200 characters of any script is a third of it
MOST_HEADERS = 65_536  # bytes; gunicorn refuses fewer
MOST_BODY = 262_144 + 1  # bytes; with one more than the API takes, it answers that this is too much
AT_ONCE = 65_536  # bytes
CHUNKED = re.compile(rb"\r\ntransfer-encoding[ \t]*:", re.IGNORECASE)
LENGTH = re.compile(rb"\r\ncontent-length[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
EXPECT = re.compile(rb"\r\nexpect[ \t]*:[ \t]*100-continue", re.IGNORECASE)
OUR_FAULTS = (errors.ConfigurationProblem, errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)
CHUNK = re.compile(rb"[0-9a-fA-F]+[;\r]")
LAST_CHUNK = re.compile(rb"(^|\r\n)0+(;[^\r\n]*)?\r\n([^\r\n]+\r\n)*\r\n")


class PatientWorker(ThreadWorker):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cfg.set("limit_request_line", LONGEST_LINE)

    def init_process(self) -> None:
        # However many were asked for on the command line: it decides whether a cache in each process can count callers.
        os.environ["WEB_CONCURRENCY"] = str(self.cfg.workers)
        # gunicorn logs broken requests, failing ones and, when asked to, all of them, through loggers of its own.
        for log in (self.log.error_log, self.log.access_log):
            for handler in log.handlers:
                handler.setFormatter(Wrapped(handler.formatter))
        super().init_process()

    def handle(self, conn: TConn) -> Any:
        if self.cfg.is_ssl or conn.is_http2:
            return super().handle(conn)
        if not self.collect(conn):
            return _DEFER
        collected, conn.collected = conn.collected, b""
        conn.is_large = len(collected) >= MOST_BODY
        conn.data_ready = True
        conn.init()
        conn.parser.unreader.unread(collected)
        return super().handle(conn)

    def collect(self, conn: TConn) -> bool:
        """Takes what has arrived; whether it is a whole request, or one that somebody must answer or end now."""
        collected = getattr(conn, "collected", b"")
        if conn.initialized:
            collected += conn.parser.unreader.take_buffered()
        is_open = True
        conn.sock.setblocking(False)
        while is_open and len(collected) < MOST_HEADERS + MOST_BODY:
            try:
                received = conn.sock.recv(AT_ONCE)
            except BlockingIOError:
                break
            except OSError:
                received = b""
            collected += received
            is_open = bool(received)
            if 0 < len(received) < AT_ONCE:
                break  # that was all: the event loop says when there is more
        conn.collected = collected
        if not is_open or is_whole(collected):
            return True
        if not hasattr(conn, "is_continued") and EXPECT.search(collected.partition(b"\r\n\r\n")[0]):
            conn.is_continued = True
            conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return False

    def handle_request(self, req: Any, conn: TConn) -> Any:
        if conn.is_large:
            req.force_close()  # the rest of it may still be on its way, and must not be taken for the next request
        with in_one_piece(conn.sock):
            return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answers what cannot be read as a request with a problem, as everything else is answered.

        The log names the kind of fault alone: what was sent may hold a token.
        """
        from config.api.errors import MEDIA_TYPE, as_dict  # needs the application, which a worker loads after this
        from config.api.requests import request_id

        request_id.set(str(uuid.uuid4()))
        problem = unreadable(exc)
        if problem.status < 500:
            self.log.warning("A request from %s cannot be read: %s", (addr or ["a socket"])[0], type(exc).__name__)
        else:
            self.log.error("A request could not be handled.", exc_info=exc)
        body = json.dumps(as_dict(problem)).encode()
        head = (
            f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}\r\nConnection: close\r\n"
            f"Content-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\nCache-Control: no-store\r\n"
            f"X-Request-ID: {request_id.get()}\r\n\r\n"
        )
        with contextlib.suppress(OSError):
            util.write_nonblock(client, head.encode() + body)


@contextlib.contextmanager
def in_one_piece(sock: Any) -> Iterator[None]:
    """Sends what is sent inside in as few packets as possible: gunicorn sends the headers and the body one by one, and
    each wakes the client. What is longer than a packet does not wait.
    """
    can_cork = sock.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_CORK")
    if can_cork:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    try:
        yield
    finally:
        if can_cork:
            with contextlib.suppress(OSError):  # it may be closed by now, which sends what there is
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)


def unreadable(error: Exception) -> problems.Problem:
    """The problem that gunicorn's exception amounts to."""
    if isinstance(error, errors.LimitRequestLine):
        return problems.AddressTooLong(f"The request line may have {LONGEST_LINE} bytes.")
    if isinstance(error, errors.LimitRequestHeaders):
        return problems.HeadersTooLarge()
    if isinstance(error, errors.ParseException) and not isinstance(error, OUR_FAULTS):
        return problems.Malformed("This is not HTTP/1.1 as RFC 9112 has it.")
    return problems.ServerError()


def is_whole(collected: bytes) -> bool:
    """Whether this is a request with all of its body, or nothing that more bytes could make one that is served."""
    headers, end, body = collected.partition(b"\r\n\r\n")
    if not end:
        return len(collected) > MOST_HEADERS
    if CHUNKED.search(headers):
        is_broken = b"\r\n" in body and not CHUNK.match(body)
        return is_broken or len(body) >= MOST_BODY or bool(LAST_CHUNK.search(body))
    lengths = LENGTH.findall(headers)
    if len(lengths) != 1 or not re.fullmatch(rb"[0-9]{1,100}", lengths[0].strip()):
        return True
    return len(body) >= min(int(lengths[0]), MOST_BODY)
