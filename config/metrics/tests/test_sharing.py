"""Counts of several processes, which are killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from django.conf import settings

from config.metrics.tests.conftest import samples_of
from config.tests.harness.server import fresh_database, served

COUNT = """
import os, sys, time
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
import django; django.setup()
from config.metrics import requests, sharing
sharing.share(sys.argv[1])
for _ in range(5):
    requests.count_of("/x", "GET", 200).inc()
print(sharing.slot(), flush=True)
time.sleep(60)
"""


def counting(folder):
    process = subprocess.Popen(
        [sys.executable, "-c", COUNT, str(folder)], cwd=settings.BASE_DIR, stdout=subprocess.PIPE
    )
    return process, int(process.stdout.readline())


def total(folder):
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))
    return sum(samples_of(generate_latest(registry).decode()).values())


def test_slot_of_a_killed_process_is_taken_over_with_its_counts(tmp_path):
    (one, first), (two, second) = counting(tmp_path), counting(tmp_path)
    three = None
    try:
        assert (first, second) == (0, 1)
        one.kill()
        one.wait()
        assert total(tmp_path) == 10
        three, third = counting(tmp_path)
        assert third == 0
        assert total(tmp_path) == 15
        assert sorted(it.name for it in tmp_path.iterdir()) == ["0.lock", "1.lock", "counter_0.db", "counter_1.db"]
    finally:
        for process in filter(None, (one, two, three)):
            process.kill()
            process.communicate()


def workers_of(process):
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds workers in /proc")
def test_killed_workers_lose_no_counts_and_leave_no_files(tmp_path):
    variables = {"TMPDIR": str(tmp_path), "METRICS_ALLOW": "127.0.0.1"}
    with fresh_database() as url, served(url, is_production=True, workers=2, **variables) as server:
        (folder,) = tmp_path.glob("tickets-metrics-*")
        asked = 0
        for _ in range(2):
            for _ in range(40):
                asked += requests.get(f"{server.url}/problems", timeout=20).status_code == 200
            before = workers_of(server.process)
            time.sleep(6)  # a worker that dies within five seconds of the one before it ends the server
            os.kill(before[0], signal.SIGKILL)
            wait_for(lambda before=before: len(set(workers_of(server.process)) - set(before)) == 1)
        wait_for(lambda: requests.get(f"{server.url}/health", timeout=20).status_code == 200)
        key = ("http_requests_total", ("method", "GET"), ("route", "/problems"), ("status", "200"))
        answers = [requests.get(f"{server.url}/metrics", timeout=20).text for _ in range(10)]
        assert [samples_of(text)[key] for text in answers] == [asked] * 10
        assert asked == 80
        assert len(list(folder.glob("*.db"))) <= 2 * 2
    assert list(tmp_path.glob("tickets-metrics-*")) == []
