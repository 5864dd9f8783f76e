"""The threads of one worker that send webhooks: a lane for each endpoint that has something due.

A lane belongs to one worker at a time, by a lease that is renewed while the lane runs, and ends soon after the worker
was killed. Endpoints that fail or are slow have threads of their own, so that they delay no other.
"""

import datetime as dt
import logging
import threading
import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from django.db import DatabaseError, InterfaceError, close_old_connections, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from config.webhooks.calling import Answer
from config.webhooks.delivering import next_batch, store
from config.webhooks.models import WebhookDelivery, WebhookEndpoint

logger = logging.getLogger(__name__)

LEASE = dt.timedelta(seconds=5)
RENEW_EVERY = 1.0  # seconds
TURN = 2.0  # seconds, after which a lane makes way for others
LANES = 16  # for endpoints that answer at once, and as many for those that are slow or fail
SLOW = 1.0  # seconds for an answer
MOST = 60.0  # seconds that `run_all` starts lanes


def free(at: dt.datetime, lease: uuid.UUID) -> Q:
    """No other worker has the lane."""
    return Q(lease=None) | Q(lease=lease) | Q(leased_until=None) | Q(leased_until__lte=at)


def waiting(at: dt.datetime) -> QuerySet[WebhookEndpoint]:
    """The endpoints with something to send; the one that was served longest ago first."""
    due = WebhookDelivery.objects.due(at).filter(endpoint=OuterRef("pk"))
    ready = Q(retry_at=None) | Q(retry_at__lte=at)
    found = WebhookEndpoint.objects.filter(ready, Exists(due), is_active=True)
    return found.order_by(F("leased_until").asc(nulls_first=True), "pk")


@dataclass
class Lanes:
    """Those of one process."""

    running: dict[int, bool] = field(default_factory=dict)  # by endpoint; whether it counts as slow
    slow: set[int] = field(default_factory=set)  # endpoints that were slow last time
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopping: threading.Event = field(default_factory=threading.Event)
    renewed_at: float = 0.0
    sent: int = 0

    @cached_property
    def lease(self) -> uuid.UUID:
        """Tells this process from others. Made when it is used, so that forks differ."""
        return uuid.uuid4()

    def run(self) -> int:
        """Starts lanes for what is due, and returns how many deliveries were sent since the last time."""
        self.stopping.clear()
        self.renew()
        self.dispatch()
        return self.take_count()

    def run_all(self) -> int:
        """Sends what is due, for up to a minute, and returns how many deliveries were sent."""
        end, count = time.monotonic() + MOST, self.run()
        while self.running or (time.monotonic() < end and self.is_waiting()):
            time.sleep(0.05)
            self.renew()
            if time.monotonic() < end:
                self.dispatch()
        self.release()
        return count + self.take_count()

    def is_waiting(self) -> bool:
        at = timezone.now()
        return waiting(at).filter(free(at, self.lease)).exists()

    def take_count(self) -> int:
        with self.lock:
            count, self.sent = self.sent, 0
        return count

    def renew(self) -> None:
        if self.running and time.monotonic() - self.renewed_at >= RENEW_EVERY:
            rows = WebhookEndpoint.objects.filter(pk__in=list(self.running), lease=self.lease)
            rows.update(leased_until=timezone.now() + LEASE)
            self.renewed_at = time.monotonic()

    def dispatch(self) -> None:
        """Starts a lane for each endpoint that waits, as far as there are threads."""
        at, chosen = timezone.now(), dict[int, bool]()
        with self.lock:
            running = dict(self.running)
        room = {is_slow: LANES - list(running.values()).count(is_slow) for is_slow in (False, True)}
        for endpoint in waiting(at).filter(free(at, self.lease)).exclude(pk__in=running).only("pk", "failures"):
            is_slow = endpoint.failures > 0 or endpoint.pk in self.slow
            if room[is_slow] > 0:
                room[is_slow] -= 1
                chosen[endpoint.pk] = is_slow
        for pk in self.claim(chosen) if chosen else ():
            with self.lock:
                self.running[pk] = chosen[pk]
            threading.Thread(target=self.drive, args=[pk], daemon=True).start()

    def claim(self, pks: Collection[int]) -> list[int]:
        """Leases endpoints, and returns those that no other worker has. One commit for all of them."""
        at = timezone.now()
        with transaction.atomic():
            rows = WebhookEndpoint.objects.filter(free(at, self.lease), pk__in=pks, is_active=True).order_by("pk")
            mine = list(rows.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True))
            WebhookEndpoint.objects.filter(pk__in=mine).update(lease=self.lease, leased_until=at + LEASE)
        return mine

    def release(self) -> None:
        """Until then a lane that has ended keeps its lease for some seconds, which saves a commit for each delivery."""
        WebhookEndpoint.objects.filter(lease=self.lease).exclude(pk__in=list(self.running)).update(lease=None)

    def drive(self, pk: int) -> None:
        """A lane: sends until nothing is due, or its turn is over."""
        try:
            self.send_all(pk)
        except (DatabaseError, InterfaceError) as error:  # the lease ends by itself, and what was sent is sent again
            logger.warning("Webhooks to the endpoint %s stopped: %s", pk, error)
        except Exception:
            logger.exception("Webhooks to the endpoint %s failed.", pk)
        finally:
            close_old_connections()
            with self.lock:
                self.running.pop(pk, None)

    def send_all(self, pk: int) -> None:
        end = time.monotonic() + TURN
        while time.monotonic() < end and not self.stopping.is_set():
            at = timezone.now()
            ready = Q(retry_at=None) | Q(retry_at__lte=at)
            mine = WebhookEndpoint.objects.filter(ready, pk=pk, is_active=True, lease=self.lease, leased_until__gt=at)
            endpoint = mine.first()
            batch = next_batch(endpoint) if endpoint else None
            if batch is None:
                return
            close_old_connections()  # a receiver may be slow: meanwhile others use the connection
            answers = batch.send()
            store(batch, answers)
            self.note(pk, answers)

    def note(self, pk: int, answers: Sequence[Answer]) -> None:
        is_slow = max(answer.duration for answer in answers) >= SLOW
        with self.lock:
            self.sent += sum(answer.is_success for answer in answers)
            (self.slow.add if is_slow else self.slow.discard)(pk)

    def finish(self, seconds: float) -> None:
        """Waits up to so many seconds for the lanes, which end after the requests that are under way."""
        self.stopping.set()
        end = time.monotonic() + seconds
        while self.running and time.monotonic() < end:
            self.renew()
            time.sleep(0.05)
        self.release()


lanes = Lanes()
