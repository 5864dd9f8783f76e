"""The environment of a scenario: a server with a database, many clients, and the history of their calls."""

import contextlib
import datetime as dt
import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.torture.clients import PATIENCE, Crowd, Plan
from benchmarks.torture.databases import Connection
from benchmarks.torture.history import API, Call, Request
from benchmarks.torture.keeper import Keeper
from benchmarks.torture.servers import Server

DELAY = 0.03  # seconds in which every process gets its plan before the clients start


@dataclass
class Show:
    """An event, and what the harness knows about it."""

    id: int
    types: list[int]
    capacities: dict[str, int | None]  # of the event and of each type: the lowest that was ever set
    prices: dict[int, set[str]]  # of each type: all that were ever set

    @property
    def event(self) -> str:
        return f"event {self.id}"


@dataclass
class Stage:
    database: Any
    name: str  # the database's name on its server
    server: Server
    crowd: Crowd
    keeper: Keeper
    folder: Path
    token: str
    random: random.Random
    is_quick: bool
    shows: list[Show] = field(default_factory=list)
    history: list[Call] = field(default_factory=list)
    released: dict[str, float] = field(default_factory=dict)  # bookings, with a moment by which they reserve nothing
    faults: int = 0
    is_under_fire: bool = False  # the harness kills workers and crashes the database
    notes: list[str] = field(default_factory=list)  # other violations, found by a scenario
    remarks: list[str] = field(default_factory=list)
    keys: int = 0

    def __post_init__(self) -> None:
        self.log_begins = len(self.server.logged())

    # The catalogue

    def make_show(self, capacity: int, *types: dict[str, Any]) -> Show:
        """Publishes an event with ticket types, through the API."""
        venue = self.make("/venues", name="Hall", address="1 Main Street", capacity=1_000_000, timezone="Europe/Vienna")
        starts_at = dt.datetime.now(dt.UTC) + dt.timedelta(days=30)
        times = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + dt.timedelta(hours=3)).isoformat()}
        event = self.make("/events", venue=venue["id"], name="Concert", currency="EUR", capacity=capacity, **times)
        made = [
            self.make("/ticket-types", event=event["id"], **self.type_data(n, data)) for n, data in enumerate(types)
        ]
        self.make(f"/events/{event['id']}/publish")
        limits = {f"type {each['id']}": each["quantity"] for each in made} | {f"event {event['id']}": capacity}
        show = Show(event["id"], [each["id"] for each in made], limits, {each["id"]: {each["price"]} for each in made})
        self.shows.append(show)
        return show

    def type_data(self, number: int, data: dict[str, Any]) -> dict[str, Any]:
        return {"name": f"Type {number}", "price": f"{10 * number + 20}.50", "max_per_booking": 100, **data}

    def make(self, path: str, **data: Any) -> Any:
        call = self.send(Request("make", "POST", API + path, json.dumps(data) if data else None, token=self.token))
        if call.status not in (200, 201):
            raise RuntimeError(f"POST {path} answered {call.status}: {call.answer}")
        return call.answer

    def send(self, request: Request) -> Call:
        """Sends one request from one client. Returns its last call."""
        return self.perform([[request]])[-1]

    # Requests

    def booking(self, show: Show, lines: dict[int, int], **more: Any) -> Request:
        """A request that books `lines` (a quantity for each ticket type) under a new idempotency key."""
        self.keys += 1
        key = more.pop("key", None) or f"{show.id}-{self.keys}".zfill(22)  # as long as anonymous keys must be
        body = {
            "customer_name": f"Customer {self.keys}",
            "customer_email": f"customer{self.keys}@example.com",
            "items": [{"ticket_type": each, "quantity": quantity} for each, quantity in lines.items()],
            "metadata": {"attempt": key},
            "hold_minutes": more.pop("hold_minutes", 60),
        }
        return Request("book", "POST", f"{API}/bookings", json.dumps(body), key, subject=str(show.id), **more)

    def verb(self, verb: str, booking: str, **more: Any) -> Request:
        body = {"confirm": {"payment_reference": f"paid-{booking}"}, "cancel": {"reason": "changed my mind"}}[verb]
        path = f"{API}/bookings/{booking}/{verb}"
        return Request(verb, "POST", path, json.dumps(body), token=self.token, subject=booking, **more)

    # Running

    def perform(self, clients: Sequence[Sequence[Request]], *, again: bool = False) -> list[Call]:
        """Runs all clients at the same time, and adds their calls to the history."""
        calls = self.crowd.wait(self.begin(clients, again=again))
        self.history += calls
        return calls

    def begin(
        self, clients: Sequence[Sequence[Request]], *, again: bool = False, patience: float = PATIENCE
    ) -> list[Future]:
        start_at = time.monotonic() + (DELAY if len(clients) > 1 else 0)
        plans = [Plan(tuple(requests), start_at, again, patience) for requests in clients]
        return self.crowd.begin(self.server.port, plans)

    def finish(self, futures: list[Future]) -> None:
        """Ends clients that start over again and again."""
        self.crowd.enough.set()
        self.history += self.crowd.wait(futures)

    def connect(self) -> Connection:
        return self.database.connect(self.name)

    @contextlib.contextmanager
    def meanwhile(self, act: Callable[[threading.Event], None]) -> Iterator[None]:
        """Runs `act` in a thread beside the block, whose end sets its event. Raises what `act` raises."""
        ended = threading.Event()
        errors: list[BaseException] = []

        def run() -> None:
            try:
                act(ended)
            except BaseException as error:  # noqa: BLE001  raised again below
                errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
        if errors:
            raise errors[0]

    def make_due(self, bookings: Sequence[str]) -> None:
        """Ends the holds of these bookings now, without releasing them."""
        now = dt.datetime.now(dt.UTC)
        placeholders = ", ".join("%s" for _ in bookings)
        with self.connect() as connection:
            connection.run(
                f"UPDATE bookings_booking SET created_at = %s, expires_at = %s WHERE id IN ({placeholders})",
                [now - dt.timedelta(hours=2), now - dt.timedelta(hours=1), *bookings],
            )
