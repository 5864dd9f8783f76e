"""Real threads with a connection each, and killed processes. The negative control stores the key apart."""

import subprocess
import sys

import pytest
from django.db import connection, transaction

from bookings.tests.test_races import together
from config.idempotency import once
from config.idempotency.models import KeyedRequest
from config.idempotency.tests.creates import ROWS, content, send
from config.tests.harness import matrix
from config.tests.harness.project import ROOT
from config.tests.harness.server import environment_for, manage, migrated_database
from conftest import client_of, make_user
from venues.models import Venue

pytestmark = [pytest.mark.both, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sends_mail")]

TWINS = 16


@pytest.fixture
def world(make_venue, make_event, make_type, book):
    return matrix.make_world(make_venue, make_event, make_type, book)


@pytest.fixture
def clients(db):
    user = make_user(username="root", is_superuser=True)
    return [client_of(user) for _ in range(TWINS)]


def race(clients, path, world, key="the-key-of-all-these-twins"):
    return together(TWINS, lambda number: send(clients[number], path, world, key))


@pytest.mark.parametrize("path", ROWS)
def test_16_twins_create_once(path, clients, world):
    before = ROWS[path].objects.count()
    answers = race(clients, path, world)
    done = [it for it in answers if it.status_code == 201]
    assert {it.json()["code"] for it in answers if it not in done} <= {"request-in-progress"}
    assert [it.get("Idempotent-Replayed") for it in done].count(None) == 1
    assert all(content(it) == content(done[0]) for it in done)
    assert ROWS[path].objects.count() == before + 1


def test_the_same_with_the_key_stored_apart_creates_twice(clients, world, monkeypatch):
    """The negative control: the key has a transaction of its own, after that of what it created."""

    def store_apart(key, make):
        created = once.Created.of(make())
        with transaction.atomic():
            data = {"operation": key.operation, "fingerprint": key.fingerprint, "object_ids": created.ids}
            KeyedRequest.objects.create(client=key.client, key=key.key, **data)
        return created

    monkeypatch.setattr(once, "claim", store_apart)
    before = Venue.objects.count()
    for number in range(1, 21):
        race(clients, "/venues", world, f"the-key-of-round-{number}")
        if Venue.objects.count() > before + number:
            return
    pytest.fail("20 rounds, and nothing was created twice: this race finds nothing.")


def test_twin_of_a_slow_request_is_told_to_retry(clients, world):
    """On SQLite it waits for its turn to write."""
    if connection.vendor != "postgresql":
        pytest.skip("Locks of PostgreSQL.")
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() != ("0",)

    def act(number):
        if number:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '200ms'")
                cursor.execute("SELECT pg_sleep(0.5)")
            return send(clients[1], "/venues", world, "slow").json()["code"]
        key = once.RequestKey(f"user:{clients_user()}", "slow", "0" * 64, "venue-create")
        return once.create_once(key, lambda: [slow_venue()]).is_replay

    assert together(2, act) == [False, "request-in-progress"]


def clients_user():
    from django.contrib.auth import get_user_model

    return get_user_model().objects.get(username="root").pk


def slow_venue():
    venue = Venue.open(name="Slow", address="x", capacity=1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(1.5)")
    return venue


CREATE = """
import os, signal
from config.idempotency.keys import RequestKey
from config.idempotency.models import KeyedRequest
from config.idempotency.once import create_once
from venues.models import Venue
def make():
    venue = Venue.open(name="Hall", address="x", capacity=1)
    if {dies}:
        os.kill(os.getpid(), signal.SIGKILL)
    return [venue]
created = create_once(RequestKey("user:1", "k", "0" * 64, "venue-create"), make)
print(created.is_replay, Venue.objects.count(), KeyedRequest.objects.count())
"""


def test_process_that_is_killed_before_the_commit_leaves_nothing():
    with migrated_database() as url:
        environment = environment_for(url)
        shell = [sys.executable, "manage.py", "shell", "--no-imports", "-c"]
        dead = subprocess.run([*shell, CREATE.format(dies=True)], cwd=ROOT, env=environment, check=False)
        assert dead.returncode == -9
        said = [manage(environment, *shell[2:], CREATE.format(dies=False)).strip() for _ in range(2)]
    assert said == ["False 1 1", "True 1 1"]
