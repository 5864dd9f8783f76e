"""A locked or unreachable database is 503 with Retry-After, never 500."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager

import psycopg
import pytest
from django.db import connection

from config.tests.harness.answers import refused
from config.tests.harness.postgres import postgres
from venues.models import Venue

pytestmark = pytest.mark.both

HALL = {"name": "Hall", "address": "Street", "capacity": 10}


@contextmanager
def locked():
    """Another connection holds the lock that a write needs; the lock timeout is 100 ms."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(settings["NAME"])) as other, connection.cursor() as cursor:
            (patience,) = cursor.execute("PRAGMA busy_timeout").fetchone()
            cursor.execute("PRAGMA busy_timeout = 100")
            other.execute("BEGIN IMMEDIATE")
            yield
            cursor.execute(f"PRAGMA busy_timeout = {patience}")
        return
    place = {"host": settings["HOST"], "port": settings["PORT"], "user": settings["USER"], "dbname": settings["NAME"]}
    with psycopg.connect(**place, password=settings["PASSWORD"] or None) as other, connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
        other.execute("LOCK TABLE venues_venue IN SHARE MODE")
        yield
        other.rollback()
        cursor.execute("RESET lock_timeout")


@pytest.mark.django_db(transaction=True)
def test_lock_timeout_is_503(manager, anonymous, make_venue):
    make_venue()
    with locked():
        answer = manager.post("/venues", HALL)
        assert refused(answer, 503, "unavailable")
        assert answer["Retry-After"] == "1"
        assert anonymous.get("/venues").json()["count"] == 1
    assert manager.post("/venues", HALL).status_code == 201
    assert Venue.objects.count() == 2


# Sends the requests that it reads from stdin; the parent stops the database in between.
ASK = """
import json, sys
import django
django.setup()
from django.core.management import call_command
from django.db import close_old_connections
from django.test import Client
call_command("migrate", verbosity=0)
client = Client(raise_request_exception=False)
print("ready", flush=True)
for line in sys.stdin:
    method, path, headers, body = json.loads(line)
    answer = client.generic(method, path, body, content_type="application/json", headers=headers)
    close_old_connections()  # as Django does after each request outside of tests
    said = [answer.status_code, answer["Content-Type"], answer.get("Retry-After"), json.loads(answer.content)]
    print(json.dumps(said), flush=True)
"""


@contextmanager
def asking(url):
    # Without a pool, which would wait ten seconds for the database before each response.
    environment = {**os.environ, "DATABASE_URL": url, "DATABASE_POOL_SIZE": "0"}
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
    with subprocess.Popen(
        [sys.executable, "-c", ASK],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:

        def ask(method, path, body="", **headers):
            process.stdin.write(json.dumps([method, path, headers, body]) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        assert process.stdout.readline() == "ready\n"
        yield ask
        process.stdin.close()


BOOKING = {"customer_name": "Ann", "customer_email": "ann@example.com", "items": [{"ticket_type": 1, "quantity": 1}]}


def test_unreachable_database_is_503():
    with postgres(durable=False) as server, asking(server.url()) as ask:
        assert ask("GET", "/api/v1/venues")[0] == 200
        server.crash()
        asked = [
            ask("GET", "/api/v1/venues"),
            ask("POST", "/api/v1/bookings", json.dumps(BOOKING)),
            ask("GET", "/api/v1/bookings", Authorization="Bearer tbs_x"),
        ]
        for status, content_type, retry_after, problem in asked:
            assert (status, content_type, retry_after) == (503, "application/problem+json", "1")
            assert problem["code"] == "unavailable"
            assert problem["detail"] == "The database did not answer in time."
        assert ask("GET", "/health")[0] == 200
        assert ask("GET", "/health/ready")[0] == 503
        server.start()
        give_up_at = time.monotonic() + 30  # recovery can take long on a busy machine
        while (status := ask("GET", "/api/v1/venues")[0]) == 503 and time.monotonic() < give_up_at:
            time.sleep(0.5)
        assert status == 200
