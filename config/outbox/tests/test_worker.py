"""manage.py worker: its steps, its failures, its end, and its sign of life."""

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from django.conf import settings as project
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from bookings.checkup import check_changes, check_worker
from config.outbox import heartbeat
from config.outbox import worker as module
from config.outbox.heartbeat import Heartbeat, status
from config.outbox.models import FeedChange, WorkerHeartbeat
from config.outbox.telling import tell
from config.outbox.worker import Runner, Step, Worker, register

pytestmark = [pytest.mark.both, pytest.mark.django_db]


def fail():
    raise RuntimeError("out of paper")


def test_once_runs_each_step(make_venue, capsys):
    tell("venue.created", make_venue().pk, by="system")
    call_command("worker", once=True)
    found = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert set(found) == set(module.steps)
    assert found.pop("publish-changes") == "1"
    assert set(found.values()) == {"0"}
    assert FeedChange.objects.get().position == 1


def test_failing_step_does_not_stop_the_others(steps, monkeypatch, capsys, caplog):
    monkeypatch.setattr("config.outbox.management.commands.worker.steps", steps)
    register(Step("print", fail))
    register(Step("count", lambda: 3))
    with pytest.raises(SystemExit) as stop:
        call_command("worker", once=True)
    assert stop.value.code == 1
    assert capsys.readouterr().out.split() == ["print", "RuntimeError:", "out", "of", "paper", "count", "3"]
    assert [it.levelname for it in caplog.records] == ["ERROR"]


@pytest.mark.parametrize("options", [{"steps": "nonsense"}, {"steps": ""}, {"interval": 0}, {"interval": 4000}])
def test_bad_options_are_refused(options):
    with pytest.raises(CommandError):
        call_command("worker", once=True, **options)


def test_pauses_grow_while_a_step_fails():
    runner = Runner(Step("print", fail, every=5))
    pauses = [runner.attempt() or runner.pause(None) for _ in range(6)]
    assert pauses == [5, 10, 20, 40, 60, 60]
    runner.step = Step("print", lambda: 1, every=5)
    assert (runner.attempt(), runner.pause(None), runner.failures) == (1, 5, 0)


def test_database_that_does_not_answer_is_a_warning(caplog):
    def lose():
        raise OperationalError("the connection is lost") from ConnectionError()

    caplog.set_level("WARNING")
    Runner(Step("read", lose)).attempt()
    assert [it.levelname for it in caplog.records] == ["WARNING"]


def test_slow_step_delays_no_other_and_does_not_hold_the_end(steps):
    ended, counted = threading.Event(), []
    register(Step("slow", lambda: int(ended.wait(30))))
    register(Step("quick", lambda: counted.append(1) or 1, every=0.01))
    worker = Worker.of(["slow", "quick"])
    worker.start()
    deadline = time.monotonic() + 10
    while len(counted) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    before = time.monotonic()
    assert worker.stop(0.2) == ["slow"]
    assert time.monotonic() - before < 5
    assert len(counted) >= 3
    ended.set()
    assert worker.stop(10) == []


# The sign of life


@pytest.fixture
def beat():
    def beat(names, failures=0, ago=0):
        worker = Worker.of(names)
        for runner in worker.runners:
            runner.failures, runner.error = failures, "no paper" if failures else ""
        found = Heartbeat.of(worker)
        found.beat()
        WorkerHeartbeat.objects.filter(pk=found.id).update(seen_at=timezone.now() - dt.timedelta(seconds=ago))
        return found

    return beat


@pytest.mark.parametrize(
    ("beats", "text", "state"),
    [
        ([], "none", "look"),
        ([{"ago": 40}], "none", "look"),
        ([{}], "ok", "ok"),
        ([{"failures": 1}], "failing: ", "bad"),
        ([{"failures": 1}, {}], "ok", "ok"),  # another worker does it
        ([{"names": ["publish-changes"]}], "not run: purge-changes, ", "look"),
    ],
)
def test_status_of_workers(beats, text, state, beat, anonymous):
    for each in beats:
        beat(each.pop("names", list(module.steps)), **each)
    assert str(status(timezone.now())).startswith(text)
    assert check_worker()[0] == state
    answer = anonymous.get("//health/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert answer.json()["checks"]["worker"].startswith(text)


def test_row_is_renewed_and_ends_with_the_worker(beat):
    first = beat(["publish-changes"])
    first.worker.run_once()
    first.beat()
    row = WorkerHeartbeat.objects.get()
    assert (row.pid, row.steps["publish-changes"]["failures"], row.error) == (os.getpid(), 0, "")
    first.end()
    assert not WorkerHeartbeat.objects.exists()


def test_row_of_a_killed_worker_is_forgotten(beat):
    beat(["publish-changes"], ago=2 * 86_400)
    beat(["publish-changes"])
    assert WorkerHeartbeat.objects.count() == 1


def test_last_error_is_kept(beat):
    found = beat(["publish-changes"], failures=1)
    found.worker.runners[0].error = ""
    found.beat()
    assert WorkerHeartbeat.objects.get().error == "publish-changes: no paper"


def test_doctor_finds_changes_that_wait(make_venue):
    assert check_changes()[0] == "ok"
    tell("venue.created", make_venue().pk, by="system")
    assert check_changes()[:2] == ("ok", "1 change waits to be published, the oldest for 0 minutes.")
    FeedChange.objects.update(created_at=timezone.now() - dt.timedelta(hours=3))
    assert check_changes()[0] == "look"


# A process of its own


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_worker_publishes_and_ends_at_a_signal(number, tmp_path):
    env = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path}/worker.db", "ENV_FILE": "",
           "DJANGO_SETTINGS_MODULE": "config.settings.test"}  # fmt: skip
    how = {"cwd": project.BASE_DIR, "env": env, "text": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], check=True, **how)
    process = subprocess.Popen([sys.executable, "-u", "manage.py", "worker", "--interval", "0.05"], **how)
    try:
        assert process.stdout.readline().startswith("The worker runs publish-changes, ")
        time.sleep(0.5)
        process.send_signal(number)
        before = time.monotonic()
        assert process.wait(timeout=15) == 0
        assert time.monotonic() - before < 10
        assert process.stdout.read() == "The worker stopped.\n"
    finally:
        process.kill()
        process.stdout.close()


def test_signs_of_life_are_frequent_enough():
    assert dt.timedelta(seconds=heartbeat.EVERY) * 3 < heartbeat.ALIVE
