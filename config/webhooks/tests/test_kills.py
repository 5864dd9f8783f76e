"""A receiver that fails in every way, workers killed every half second, the database restarted: nothing is lost."""

import contextlib
import random
import subprocess
import sys
import threading
import time
from collections import defaultdict

import pytest
from django.conf import settings
from django.db import connection

from config.tests.harness import receiver as harness
from config.tests.harness.postgres import postgres
from config.tests.harness.server import environment_for, fresh_database, manage

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("webhooks under kills")]

STEPS = "publish-changes,route-webhooks,send-webhooks"
HALLS, ROUNDS = 5, 6
SET_UP = """
from config.webhooks.models import WebhookEndpoint
from venues.models import Venue
for number in range({halls}):
    Venue.open(name=f"Hall {{number}}", address="1 Main Street", capacity=100)
for name in ("one", "two"):
    print(WebhookEndpoint.add(url="{url}/" + name, types=["venue.changed"]).secret)
"""
SELL = """
import time
from django.db import DatabaseError, InterfaceError, connection
from venues.models import Venue
for number in range({rounds}):
    for pk in list(range(1, {halls} + 1)):
        while True:
            try:
                Venue.objects.get(pk=pk).revise(capacity=1000 + number)
                break
            except (DatabaseError, InterfaceError):
                connection.close()
                time.sleep(0.2)
    time.sleep(0.4)
"""


class Troubles:
    """A receiver that accepts about half of what it gets. Notes what it accepted, in the order of arrival."""

    def __init__(self):
        self.random, self.lock = random.Random(7), threading.Lock()
        self.accepted = defaultdict(list)  # the cursors by path and object
        self.too_early = []
        self.is_well = False

    def __call__(self, handler):
        message = next(it for it in reversed(handler.server.receiver.received(handler.path))
                       if it.id == handler.headers["webhook-id"])  # fmt: skip
        key, cursor = (handler.path, message.data["object"]["id"]), int(message.data["cursor"])
        with self.lock:
            self.too_early += [(key, cursor)] if self.misses(key, cursor, message) else []
            trouble = None if self.is_well else self.random.choice([*TROUBLES, *[None] * 6])
            if trouble is None:
                self.accepted[key].append(cursor)
        (trouble or harness.accepts)(handler)

    def misses(self, key, cursor, message):
        """Whether an earlier change of the object has not been accepted yet: each sets another capacity."""
        expected = message.data["data"]["capacity"]
        return len(set(self.accepted[key]) - {cursor}) < expected - 1000


def slow_then_accept(handler):
    time.sleep(0.3)
    harness.accepts(handler)


def redirect(handler):
    handler.answer(302, Location=f"{handler.server.receiver.url}/elsewhere")


TROUBLES = [harness.answers(500), harness.answers(429), harness.drops, redirect, lambda handler: time.sleep(0.2)]


@contextlib.contextmanager
def dying_workers(environment, sabotage=""):
    command = [
        sys.executable,
        "-m",
        "config.tests.harness.dying_workers",
        "0.5",
        STEPS,
        *([sabotage] if sabotage else []),
    ]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def run(url, seconds, *, sabotage="", disturb=lambda: None):
    """What the receiver saw: messages, what it accepted, and the secrets."""
    troubles = Troubles()
    environment = environment_for(url)
    manage(environment, "migrate", "--verbosity", "0")
    with harness.receiver(troubles) as receiver:
        script = SET_UP.format(halls=HALLS, url=receiver.url)
        secrets = manage(environment, "shell", "--no-imports", "-c", script).split()
        selling = threading.Thread(
            target=manage, args=[environment, "shell", "--no-imports", "-c", SELL.format(rounds=ROUNDS, halls=HALLS)]
        )
        selling.start()
        with dying_workers(environment, sabotage):
            time.sleep(seconds / 2)
            disturb()
            time.sleep(seconds / 2)
            selling.join()
            end = time.monotonic() + 30
            while sabotage and not troubles.too_early and time.monotonic() < end:
                time.sleep(0.2)
        if not sabotage:
            troubles.is_well = True
            steady = subprocess.Popen(
                [sys.executable, "manage.py", "worker", "--steps", STEPS],
                cwd=settings.BASE_DIR, env=environment, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            end = time.monotonic() + 60
            while not is_complete(troubles) and time.monotonic() < end:
                time.sleep(0.2)
            steady.terminate()
            steady.wait()
        return receiver, troubles, dict(zip(("/one", "/two"), secrets, strict=True))


def is_complete(troubles):
    return len(troubles.accepted) == 2 * HALLS and all(
        len(set(cursors)) == ROUNDS for cursors in troubles.accepted.values()
    )


def check(receiver, troubles, secrets):
    assert is_complete(troubles), {key: len(set(cursors)) for key, cursors in troubles.accepted.items()}
    assert troubles.too_early == []
    for message in receiver.messages:
        message.verify(secrets[message.path])
    for cursors in troubles.accepted.values():
        first = list(dict.fromkeys(cursors))
        assert first == sorted(first)
    assert not receiver.received("/elsewhere")


def test_every_change_is_delivered_in_order_whatever_dies():
    if connection.vendor == "sqlite":
        with fresh_database() as url:
            check(*run(url, 8))
        return
    with postgres() as server:
        url = server.create_database("kills")

        def restart():
            server.crash()
            server.start()

        check(*run(url, 12, disturb=restart))


@pytest.mark.parametrize("sabotage", ["order", "failures"])
def test_negative_control(sabotage):
    """The same with a plausible bug is found."""
    with fresh_database() as url:
        _, troubles, _ = run(url, 6, sabotage=sabotage)
    assert troubles.too_early != []
