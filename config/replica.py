"""A replica of the database, for readers of the catalogue (`DATABASE_REPLICA_URL`).

It is read only while it is known to answer and to be at most `DATABASE_REPLICA_MAX_LAG` seconds behind; otherwise the
primary is, and the log says since when and why. What a process knows of it is at most a second old.

How far it is behind cannot be asked of it: the time of the last transaction that it replayed says nothing on a quiet
evening. So each process notes where the primary's log ends, second by second, and looks how far the replica has come.
"""

import logging
import math
import time
from collections import deque
from threading import Lock

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections, transaction

logger = logging.getLogger(__name__)

ALIAS = "replica"
SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_AFTER_A_FAILURE = 5.0
END_OF_LOG = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"
REPLAYED = "SELECT CASE WHEN pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint END"


class Replica:
    """What this process knows of the replica. Safe to use from many threads: one looks, the others take its word."""

    def __init__(self) -> None:
        self.looking = Lock()
        self.look_at = -math.inf
        self.marks: deque[tuple[float, int]] = deque()  # when the primary's log was how long, oldest first
        self.trouble: str | None = "it was not asked yet"

    def database_for_reading(self) -> str:
        """The alias of the database that a reader of the catalogue may ask."""
        if ALIAS not in connections.databases or transaction.get_connection().in_atomic_block:
            return DEFAULT_DB_ALIAS
        return DEFAULT_DB_ALIAS if self.state() != "ok" else ALIAS

    def state(self) -> str:
        """“ok”, or why the primary is read instead."""
        if time.monotonic() >= self.look_at and self.looking.acquire(blocking=False):
            try:
                self.look()
            finally:
                self.looking.release()
        return "ok" if self.trouble is None else f"not read, because {self.trouble}"

    def look(self) -> None:
        pause = SECONDS_BETWEEN_LOOKS
        try:
            self.mark_end_of_log()
        except (DatabaseError, InterfaceError):
            pause = SECONDS_AFTER_A_FAILURE  # nothing new is known of the primary; the replica may be all there is
        try:
            behind = self.seconds_behind()
        except (DatabaseError, InterfaceError) as error:
            pause = SECONDS_AFTER_A_FAILURE
            self.note(f"it does not answer ({type(error).__name__})")
        else:
            self.note(None if behind <= settings.DATABASE_REPLICA_MAX_LAG else "it is too far behind")
        self.look_at = time.monotonic() + pause

    def mark_end_of_log(self) -> None:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(END_OF_LOG)
            (end,) = cursor.fetchone()
        self.marks.append((time.monotonic(), end))

    def seconds_behind(self) -> float:
        with connections[ALIAS].cursor() as cursor:
            cursor.execute(REPLAYED)
            (replayed,) = cursor.fetchone()
        return self.behind(replayed)

    def behind(self, replayed: int | None) -> float:
        """At most so many seconds; infinite when it has reached no known mark, or is no replica (any more)."""
        if replayed is None or not self.marks:
            return math.inf
        while len(self.marks) > 1 and (self.marks[1][1] <= replayed or self.is_old(self.marks[1][0])):
            self.marks.popleft()
        at, end = self.marks[0]
        return self.marks[-1][0] - at if end <= replayed else math.inf

    def is_old(self, at: float) -> bool:
        return time.monotonic() - at > settings.DATABASE_REPLICA_MAX_LAG

    def failed(self, error: Exception) -> None:
        """A reader could not be answered: the others read the primary until the next look."""
        self.note(f"it could not answer ({type(error).__name__})")

    def note(self, trouble: str | None) -> None:
        if trouble != self.trouble and trouble is not None:
            logger.warning("The catalogue is read from the primary, not the replica: %s.", trouble)
        elif trouble != self.trouble:
            logger.warning("The catalogue is read from the replica.")
        self.trouble = trouble


replica = Replica()
