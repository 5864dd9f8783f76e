"""The scenario of the change feed: a reader follows it during sales, while workers and servers are killed and the
database restarts. Afterwards what it has read is compared with the feed and with the history of the bookings.
"""

import http.client
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event as Signal
from typing import Any

from benchmarks.torture.history import API
from benchmarks.torture.scenarios import CLIENTS, endless, fire, pause
from benchmarks.torture.servers import Running, environment
from benchmarks.torture.stage import Show, Stage

TYPES = {
    "place": "booking.placed",
    "confirm": "booking.confirmed",
    "confirm late": "booking.confirmed",
    "cancel": "booking.cancelled",
    "expire": "booking.expired",
}  # of the verbs of this scenario
HISTORY = """
SELECT c.booking_id, c.verb FROM bookings_bookingchange c JOIN bookings_booking b ON b.id = c.booking_id
 WHERE b.event_id = %s ORDER BY c.id
"""
FEED = "SELECT position, key FROM outbox_feedchange WHERE position > %s OR position IS NULL ORDER BY position"


@dataclass
class Reader:
    """Reads the feed from a cursor, page by page, whatever fails in between."""

    stage: Stage
    cursor: str = "latest"
    rows: list[dict[str, Any]] = field(default_factory=list)

    def follow(self, ended: Signal) -> None:
        while not ended.wait(0.01):
            with suppress(OSError, http.client.HTTPException):
                self.read()

    def read(self) -> bool:
        """Reads a page; whether there are more."""
        connection = http.client.HTTPConnection("127.0.0.1", self.stage.server.port, timeout=10)
        try:
            headers = {"Authorization": f"Bearer {self.stage.token}"}
            connection.request("GET", f"{API}/changes?limit=100&after={self.cursor}", headers=headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status in (429, 503):
            return True
        if answer.status != 200:
            self.stage.notes.append(f"GET /changes?after={self.cursor} answered {answer.status}: {content[:300]!r}")
            return False
        page = json.loads(content)
        self.rows += page["results"]
        self.cursor = page["cursor"]
        return page["next"] is not None

    def read_all(self) -> None:
        while self.read():
            pass


def told(stage: Stage) -> None:
    """Clients book and confirm, a reader follows the feed, and everything is killed."""
    stage.is_under_fire = True
    show = stage.make_show(1_000_000, {}, {"quantity": 900_000})
    reader = Reader(stage)
    reader.read()
    start = reader.cursor
    with publishers(stage, 2), stage.meanwhile(reader.follow):
        futures = stage.begin([endless(stage, show, 1) for _ in range(CLIENTS)], again=True)
        fire(stage, *((3, 1, 60) if stage.is_quick else (40, 5, 1_500)))
        stage.finish(futures)
        pause(stage, 1.0)
    compare(stage, show, reader, start)
    stage.remarks.append(f"{len(reader.rows):,} changes")


def small_told(stage: Stage) -> None:
    """For the control: many clients want the places of one event, which hold their transactions open for each other."""
    show = stage.make_show(10_000, {}, {})
    reader = Reader(stage)
    reader.read()
    start = reader.cursor
    requests = [stage.booking(show, {stage.random.choice(show.types): 1}) for _ in range(6 * CLIENTS)]
    with stage.meanwhile(reader.follow):
        stage.perform([requests[first::CLIENTS] for first in range(CLIENTS)])
    compare(stage, show, reader, start)


@contextmanager
def publishers(stage: Stage, number: int) -> Iterator[None]:
    """Runs workers during the block. One of them is killed, and another one started, all the time."""
    command = [sys.executable, "manage.py", "worker", "--steps", "publish-changes,release-holds", "--interval", "0.02"]
    env = environment(stage.database.url(stage.name))
    log = stage.folder / f"{stage.database.name}-{stage.name}-publishers.log"
    running = [Running(command, env, log, stage.keeper) for _ in range(number)]

    def strike(ended: Signal) -> None:
        while not ended.wait(stage.random.uniform(1.0, 3.0)):  # a worker needs some time to start
            running.pop(0).stop()
            running.append(Running(command, env, log, stage.keeper))
            stage.faults += 1

    try:
        with stage.meanwhile(strike):
            yield
    finally:
        for each in running:
            each.stop()


def compare(stage: Stage, show: Show, reader: Reader, start: str) -> None:
    """The reader has each change once, without a gap, as the feed has it now, and as the history of the bookings."""
    reader.read_all()
    again = Reader(stage, start)
    again.read_all()
    cursors = [int(row["cursor"]) for row in reader.rows]
    if cursors != list(range(int(start) + 1, int(start) + 1 + len(cursors))):
        stage.notes.append("a reader of the feed found a gap, or a change twice")
    if reader.rows != again.rows:
        missed = {row["id"] for row in again.rows} - {row["id"] for row in reader.rows}
        stage.notes.append(f"a reader missed {len(missed)} changes, or saw others than the feed has now")
    with stage.connect() as connection:
        stored = connection.run(FEED, [int(start)]).fetchall()
        history = connection.run(HISTORY, [show.id]).fetchall()
    if None in [position for position, _ in stored] or len(stored) != len(again.rows):
        stage.notes.append(f"{len(stored)} changes are stored, and the feed has {len(again.rows)}")
    compare_history(stage, history, again.rows)


def compare_history(stage: Stage, history: list[Any], rows: list[dict[str, Any]]) -> None:
    """For each booking the same verbs in the same order."""
    wanted, found = defaultdict(list), defaultdict(list)
    for booking, verb in history:
        wanted[str(booking).replace("-", "")].append(TYPES.get(verb, verb))
    for row in rows:
        if row["object"]["type"] == "booking":
            found[row["object"]["id"].replace("-", "")].append(row["type"])
    others = [booking for booking in wanted if wanted[booking] != found[booking]]
    for booking in others[:3]:
        stage.notes.append(f"booking {booking}: its history is {wanted[booking]}, and told is {found[booking]}")
