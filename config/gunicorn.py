"""The production server's worker: it gives a thread to a request when all of it is there.

gunicorn's own threads read a request as it comes, so as many half-sent requests as there are threads stop the service,
for as long as their senders like. Here the event loop collects what arrives; whoever sends nothing for the keep-alive
time is hung up on. What a request may be at most is what the API takes.

A connection stays in the event loop while a thread answers, and the thread tells the loop nothing when it has: with an
application that does nothing, the way there and back costs 0.3 of what gunicorn's pool and parser cost.
"""

import collections
import contextlib
import gc
import json
import os
import queue
import re
import selectors
import socket
import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn import util
from gunicorn.http import errors, wsgi
from gunicorn.workers.gthread import TConn, ThreadWorker

from config import plain_http, problems, rush
from config.logs import Wrapped

LONGEST_LINE = 8_190  # bytes; a search for 200 characters of any script is a third of it
MOST_HEADERS = 65_536  # bytes; gunicorn refuses fewer
MOST_BODY = 262_144 + 1  # bytes; with one more than the API takes, it answers that this is too much
AT_ONCE = 65_536  # bytes
GOODBYE = 2.0  # seconds for which a client that was told of the end may keep its side open
CHUNKED = re.compile(rb"\r\ntransfer-encoding[ \t]*:", re.IGNORECASE)
LENGTH = re.compile(rb"\r\ncontent-length[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
EXPECT = re.compile(rb"\r\nexpect[ \t]*:[ \t]*100-continue", re.IGNORECASE)
OUR_FAULTS = (errors.ConfigurationProblem, errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)
CHUNK = re.compile(rb"[0-9a-fA-F]+[;\r]")
LAST_CHUNK = re.compile(rb"(^|\r\n)0+(;[^\r\n]*)?\r\n([^\r\n]+\r\n)*\r\n")


class Connection(TConn):
    """Who may touch it: a thread while it is busy, else the event loop, which alone makes it busy."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.sock.setblocking(True)  # for who sends; the loop says with each call that it does not wait
        self.peer = plain_http.Peer(self)
        self.collected = b""
        self.plain: tuple[plain_http.Request, bytes] | None = None
        self.is_busy = False
        self.whole_at = 0.0  # when the request that is to be answered was there, by the monotonic clock
        self.waited = 0.0  # seconds from then until a thread took it
        self.is_watched = False  # by the event loop
        self.is_continued = False
        self.is_over = False  # nothing more will come
        self.is_leaving = False  # all was said, and the client has to hang up
        self.set_timeout()

    def has_request(self) -> bool:
        self.plain = self.peer.read(self.collected, MOST_BODY - 1)
        return self.plain is not None or is_whole(self.collected)


class Threads:
    """A pool for work whose result nobody asks for, so without ThreadPoolExecutor's futures and callbacks.

    For each connection that waits there is a call. Whose turn it is, is decided when a thread is free.
    """

    def __init__(self, number: int, work: Callable[[Connection], None]) -> None:
        self.number = number
        self.work = work
        self.calls: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self.first: collections.deque[Connection] = collections.deque()
        self.others: collections.deque[Connection] = collections.deque()
        for _ in range(number):
            threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        while self.calls.get():
            self.work(self.next())

    def next(self) -> Connection:
        while True:
            for waiting in (self.first, self.others):
                with contextlib.suppress(IndexError):
                    return waiting.popleft()

    def submit(self, conn: Connection) -> None:
        conn.whole_at = time.monotonic()
        (self.first if rush.comes_first(conn.collected) else self.others).append(conn)
        self.calls.put(True)

    def shutdown(self, wait: bool = False) -> None:
        for _ in range(self.number):
            self.calls.put(False)


class PatientWorker(ThreadWorker):
    alive: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cfg.set("limit_request_line", LONGEST_LINE)
        self.conns: set[Connection] = set()
        self.next_look = 0.0
        self.last_call = float("inf")

    def init_process(self) -> None:
        # However many were asked for on the command line: it decides whether a cache in each process can count callers.
        os.environ["WEB_CONCURRENCY"] = str(self.cfg.workers)
        # gunicorn logs broken requests, failing ones and, when asked to, all of them, through loggers of its own.
        for log in (self.log.error_log, self.log.access_log):
            for handler in log.handlers:
                handler.setFormatter(Wrapped(handler.formatter))
        super().init_process()

    def load_wsgi(self) -> None:
        super().load_wsgi()
        gc.freeze()  # the application stays: to walk its 110,000 objects stops all threads for 0.1 s

    def get_thread_pool(self) -> Any:
        return super().get_thread_pool() if self.cfg.is_ssl else Threads(self.cfg.threads, self.serve)

    def accept(self, listener: Any) -> None:
        if self.cfg.is_ssl:
            super().accept(listener)
            return
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
            sock, client = listener.accept()
            conn = Connection(self.cfg, sock, client, listener.getsockname())
            self.nr_conns += 1
            self.conns.add(conn)
            self.watch(conn)

    def watch(self, conn: Connection) -> None:
        if not conn.is_watched and conn in self.conns:
            conn.is_watched = True
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_readable, conn))

    def ignore(self, conn: Connection) -> None:
        if conn.is_watched:
            self.poller.unregister(conn.sock)
            conn.is_watched = False

    def on_readable(self, conn: Connection, _sock: Any) -> None:
        if conn.is_busy:
            # The next request came early; the thread sees that nobody watches, and asks for it.
            self.ignore(conn)
            if not conn.is_busy:  # unless it looked before that
                self.watch(conn)
            return
        received = self.receive(conn)
        if conn.is_leaving:
            if conn.is_over:
                self.drop(conn)
        elif received and conn.has_request():
            conn.is_busy = True
            self.tpool.submit(conn)
        elif conn.is_over:
            self.drop(conn)
        else:
            conn.set_timeout()
            self.encourage(conn)

    def receive(self, conn: Connection) -> bool:
        """Takes what has arrived; whether there is anything to look at."""
        if conn.is_leaving:
            conn.collected = b""
        while len(conn.collected) < MOST_HEADERS + MOST_BODY:
            try:
                received = conn.sock.recv(AT_ONCE, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError:
                received = b""
            conn.collected += received
            conn.is_over = not received
            if len(received) < AT_ONCE:
                break  # that was all: the event loop says when there is more
        return bool(conn.collected)

    def encourage(self, conn: Connection) -> None:
        if not conn.is_continued and EXPECT.search(conn.collected.partition(b"\r\n\r\n")[0]):
            conn.is_continued = True
            with contextlib.suppress(OSError):
                conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def serve(self, conn: Connection) -> None:
        """Runs in a thread. What the client sent behind its request waits its turn, as what others sent does."""
        conn.waited = time.monotonic() - conn.whole_at
        is_kept = self.answer(conn)
        if is_kept and conn.collected and conn.has_request():
            self.tpool.submit(conn)
        elif is_kept and not conn.is_over:
            conn.set_timeout()
            conn.is_busy = False
            if not conn.is_watched:
                self.method_queue.defer(self.watch, conn)
        else:
            self.method_queue.defer(self.leave, conn)

    def answer(self, conn: Connection) -> bool:
        """Whether another request may follow."""
        collected, conn.collected, conn.is_continued = conn.collected, b"", False
        request: Any = None
        try:
            if conn.plain:
                request, conn.collected = conn.plain
                return self.handle_request(request, conn)
            if is_endless(collected):
                raise problems.TooLarge
            conn.init()
            conn.parser.unreader.unread(collected)
            request = next(conn.parser)
            if len(collected) >= MOST_BODY:
                request.force_close()  # the rest may still be on its way, and must not be taken for the next request
            is_kept = self._keepalive_after(conn, self.handle_request(request, conn))
            conn.collected = conn.parser.unreader.take_buffered()
            return is_kept
        except (errors.NoMoreData, StopIteration, ConnectionError) as error:
            self.log.debug("A client left: %s", type(error).__name__)
        except OSError:
            self.log.exception("A connection failed.")
        except BaseException as error:  # noqa: BLE001 -- whatever the application raises, the thread is needed
            self.handle_error(request, conn.sock, conn.client, error)
        return False

    def handle_request(self, req: Any, conn: Any) -> bool:
        """As gunicorn's, for plain requests too, and with a response that leaves in one piece."""
        resp, environ = None, {}
        started = time.perf_counter()
        try:
            self.cfg.pre_request(self, req)
            if isinstance(req, plain_http.Request):
                resp, environ = plain_http.Response(req, conn.sock, self.cfg), conn.peer.environment(req)
            else:
                where = (conn.sock, conn.client, conn.server, self.cfg)
                resp, environ = wsgi.create(req, *where, response_class=plain_http.Response)
                environ["wsgi.multithread"] = True
            environ[rush.WAITED] = conn.waited
            self.nr += 1
            if self.nr >= self.max_requests and self.alive:
                self.log.info("Autorestarting worker after current request.")
                self.alive = False
            if not self.alive or not self.cfg.keepalive or self.nr_conns > self.max_keepalived:
                resp.force_close()
            self.send(resp, environ)
            return not resp.should_close()
        except Exception as error:
            if isinstance(error, OSError) or resp is None or not resp.headers_sent:
                raise
            self.log.exception("An answer broke off.")  # another one would be taken for its rest
            raise StopIteration from error
        finally:
            if resp is not None:
                self.log.access(resp, req, environ, timedelta(seconds=time.perf_counter() - started))
            try:
                self.cfg.post_request(self, req, environ, resp)
            except Exception:
                self.log.exception("Exception in post_request hook")

    def send(self, resp: plain_http.Response, environ: dict[str, Any]) -> None:
        answer = self.wsgi(environ, resp.start_response)
        try:
            if isinstance(answer, environ["wsgi.file_wrapper"]):
                resp.write_file(answer)
            else:
                for part in answer:
                    resp.write(part)
            resp.close()
        finally:
            if hasattr(answer, "close"):
                answer.close()

    def leave(self, conn: Connection) -> None:
        """Says that all is said, and lets the client hang up: what it has yet to read would be lost otherwise.

        gunicorn waits for that in the event loop, where one client that does not hang up stops the others.
        """
        conn.is_leaving = True
        conn.is_busy = False
        conn.timeout = time.monotonic() + GOODBYE
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            conn.is_over = True
        if conn.is_over:
            self.drop(conn)
        else:
            self.watch(conn)

    def drop(self, conn: Connection) -> None:
        self.ignore(conn)
        self.conns.discard(conn)
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """Hangs up on all from whom nothing came; gunicorn asks for it in each turn of its loop."""
        super().murder_pending()
        now = time.monotonic()
        if now < self.next_look:
            return
        self.next_look = now + 0.5
        for conn in [conn for conn in self.conns if not conn.is_busy and min(conn.timeout, self.last_call) <= now]:
            self.drop(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        self.last_call = deadline

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answers what cannot be read as a request with a problem, as everything else is answered.

        The log names the kind of fault alone: what was sent may hold a token.
        """
        from config.api.errors import MEDIA_TYPE, as_dict  # needs the application, which a worker loads after this
        from config.logs import request_id

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


def unreadable(error: BaseException) -> problems.Problem:
    """The problem that gunicorn's exception amounts to, or is."""
    if isinstance(error, problems.Problem):
        return error
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
        return is_broken(body) or len(body) >= MOST_BODY or bool(LAST_CHUNK.search(body))
    lengths = LENGTH.findall(headers)
    if len(lengths) != 1 or not re.fullmatch(rb"[0-9]{1,100}", lengths[0].strip()):
        return True
    return len(body) >= min(int(lengths[0]), MOST_BODY)


def is_endless(collected: bytes) -> bool:
    """Whether chunks go on after more bytes than are collected: who read them would wait for the sender."""
    headers, _, body = collected.partition(b"\r\n\r\n")
    return len(body) >= MOST_BODY and bool(CHUNKED.search(headers)) and not LAST_CHUNK.search(body)


def is_broken(chunks: bytes) -> bool:
    return b"\r\n" in chunks and not CHUNK.match(chunks)
