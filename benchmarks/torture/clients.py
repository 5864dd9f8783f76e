"""Many clients at once: several processes with several threads, and one connection for each thread."""

import contextlib
import http.client
import json
import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.torture.history import Call, Request

PROCESSES = 4
PATIENCE = 90.0  # seconds for which a client retries
IDLE = 1.0  # seconds after which a connection is not used again, because the server may be closing it

# Shared by the processes; `prepare` fills it in each of them.
shared: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Plan:
    """The requests of one client, in order, from a moment of the monotonic clock on.

    `again` makes it start over with new keys until the harness has enough.
    """

    requests: tuple[Request, ...]
    start_at: float = 0.0
    again: bool = False
    patience: float = PATIENCE


class Client:
    """Retries until it has a final response. All responses and their times are the history."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connection: http.client.HTTPConnection | None = None
        self.used_at = 0.0

    def settle(self, request: Request, patience: float) -> Iterator[Call]:
        """All calls that it took. The last one is final, or has `gave_up` set."""
        give_up = time.monotonic() + patience
        while True:
            call = self.send(request)
            if not call.is_final and time.monotonic() > give_up:
                yield replace(call, gave_up=True)
                return
            yield call
            if call.is_final:
                return
            time.sleep(random.uniform(0.05, 0.25))

    def send(self, request: Request) -> Call:
        began = time.monotonic()
        try:
            status, headers, answer = self.exchange(request)
        except (OSError, http.client.HTTPException):
            self.close()
            status, headers, answer = None, {}, None
        count("sent")
        return Call(request, began, time.monotonic(), status, answer, headers.get("Retry-After"))

    def exchange(self, request: Request) -> tuple[int, Any, Any]:
        connection = self.connect()
        body = None if request.body is None else request.body.encode()
        connection.request(request.method, request.path, body, request.headers())
        response = connection.getresponse()
        data = response.read()
        self.used_at = time.monotonic()
        if response.getheader("Connection", "").lower() == "close":
            self.close()
        is_json = "json" in response.getheader("Content-Type", "")
        return response.status, response.headers, json.loads(data) if is_json and data else None

    def connect(self) -> http.client.HTTPConnection:
        if self.connection is not None and time.monotonic() - self.used_at > IDLE:
            self.close()
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        return self.connection

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection = None


def prepare(sent: Any, settled: Any, enough: Any) -> None:
    """Runs in each process of clients. The harness handles Ctrl-C; the clients end with the harness."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    shared.update(sent=sent, settled=settled, enough=enough, threads=ThreadPoolExecutor(64), local=threading.local())
    end_with_parent()


def count(name: str) -> None:
    with shared[name].get_lock():
        shared[name].value += 1


def end_with_parent() -> None:
    """Ends this process when its parent has gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def client(port: int) -> Client:
    """The client of this thread."""
    found: Client | None = getattr(shared["local"], "client", None)
    if found is None or found.port != port:
        found = shared["local"].client = Client(port)
    return found


def follow(port: int, plan: Plan) -> list[Call]:
    time.sleep(max(plan.start_at - time.monotonic(), 0))
    calls: list[Call] = []
    lap = 0
    while True:
        for request in plan.requests:
            current = request.renewed(lap) if lap else request
            calls += carry_out(client(port), current, plan.patience)
            if plan.again and shared["enough"].is_set():
                return calls
        lap += 1
        if not plan.again:
            return calls


def carry_out(client: Client, request: Request, patience: float) -> list[Call]:
    if request.pause:
        time.sleep(request.pause)
    calls = list(client.settle(request, patience))
    if request.verb == "book":
        count("settled")
    if request.confirm_with and calls[-1].status == 201:
        calls += client.settle(request.confirmation(calls[-1].answer["id"]), patience)
    return calls


def follow_all(port: int, plans: Sequence[Plan]) -> list[Call]:
    """Runs the clients of one process."""
    futures = [shared["threads"].submit(follow, port, plan) for plan in plans]
    return [call for future in futures for call in future.result()]


@dataclass
class Crowd:
    """The processes of clients."""

    on_wait: Callable[[], None] = lambda: None
    context: Any = field(default_factory=lambda: multiprocessing.get_context("spawn"))

    def __post_init__(self) -> None:
        self.sent = self.context.Value("L", 0)  # requests
        self.settled = self.context.Value("L", 0)  # bookings with a final response
        self.enough = self.context.Event()
        self.pool = ProcessPoolExecutor(PROCESSES, self.context, prepare, (self.sent, self.settled, self.enough))

    def begin(self, port: int, plans: Sequence[Plan]) -> list[Future]:
        """Distributes the clients to the processes."""
        self.enough.clear()
        hands = [plans[start::PROCESSES] for start in range(PROCESSES)]
        return [self.pool.submit(follow_all, port, hand) for hand in hands if hand]

    def wait(self, futures: list[Future]) -> list[Call]:
        while not all(future.done() for future in futures):
            self.on_wait()
            time.sleep(0.01)
        return [call for future in futures for call in future.result()]

    def run(self, port: int, plans: Sequence[Plan]) -> list[Call]:
        return self.wait(self.begin(port, plans))

    def close(self) -> None:
        self.enough.set()
        kill_pool(self.pool)


def kill_pool(pool: ProcessPoolExecutor) -> None:
    """Ends the processes of a pool at once. `_processes`, because before Python 3.14 the pool has no method for it."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        with contextlib.suppress(OSError, ValueError):
            process.kill()
