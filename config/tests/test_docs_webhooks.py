"""docs/webhooks.md: its commands lead to a delivery, its receivers verify, and its tables are so."""

import contextlib
import datetime as dt
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest
from django.conf import settings
from django.utils import timezone

from config.tests.harness.postgres import free_port
from config.tests.harness.server import migrated_database, served
from config.webhooks.delivering import AT_ONCE, GIVE_UP_AFTER, PAUSES, SWITCH_OFF_AFTER
from config.webhooks.models import WebhookDelivery
from config.webhooks.signing import new_secret, signed_headers

# One process makes what all tests of this module share.
pytestmark = pytest.mark.xdist_group("webhooks guide")

GUIDE = (settings.BASE_DIR / "docs" / "webhooks.md").read_text()
PRINTED, RECEIVER = "http://127.0.0.1:8000", "http://127.0.0.1:9000"
SECRET = new_secret()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def server():
    with migrated_database() as url, served(url) as found:
        worker = subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=settings.BASE_DIR, env=found.environment, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield found
        finally:
            worker.terminate()
            worker.wait()


class Program:
    """A receiver of the guide, with what it has printed."""

    def __init__(self, process, url):
        self.process, self.url, self.lines = process, url, []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append((time.monotonic(), line.strip()))

    def wait_for(self, text, seconds):
        """When a line with the text was printed. Raises AssertionError."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := [at for at, line in self.lines if text in line]:
                return found[0]
            time.sleep(0.02)
        raise AssertionError(f"no {text} in {self.lines}")


@contextlib.contextmanager
def program(path, *command):
    port = free_port()
    process = subprocess.Popen(
        [*command, str(path), str(port)],
        env={**os.environ, "WEBHOOK_SECRET": SECRET}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    found = Program(process, f"http://127.0.0.1:{port}")
    try:
        for _ in range(200):
            if is_listening(port):
                break
            time.sleep(0.05)
        yield found
    finally:
        process.kill()
        process.wait()
        found.reader.join()
        process.stdout.close()


def is_listening(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def receiver_of(language, folder):
    if language == "python":
        file = folder / "receiver.py"
        file.write_text(blocks("python")[0])
        command = [sys.executable, "-u"]
    else:
        if shutil.which("node") is None:
            pytest.skip("node is not installed")
        file = folder / "receiver.mjs"
        file.write_text(blocks("js")[0])
        command = ["node"]
    with program(file, *command) as found:
        yield found


def run_shell(server, receiver):
    script = "\n".join(blocks("sh")).replace(PRINTED, server.url).replace(RECEIVER, receiver.url)
    done = subprocess.run(
        ["sh", "-e", "-c", script],
        check=False, cwd=settings.BASE_DIR, env={**server.environment, "WEBHOOK_SECRET": SECRET},
        text=True, capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("language", ["python", "js"])
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_commands_of_the_guide_lead_to_deliveries(server, tmp_path, language):
    with receiver_of(language, tmp_path) as receiver:
        assert run_shell(server, receiver).startswith("pending")
        ended = time.monotonic()
        assert receiver.wait_for("webhook_endpoint.tested", 5) < ended + 2
        assert receiver.wait_for("venue.created", 5) < ended + 2


def post(url, body, headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize("language", ["python", "js"])
def test_receivers_of_the_guide_refuse_what_is_not_signed(tmp_path, language):
    body = json.dumps({"id": "1", "type": "event.changed", "object": {"id": "Zoë"}}).encode()
    now = timezone.now()
    good = signed_headers("1", body, [SECRET], at=now)
    both = signed_headers("1", body, [new_secret(), SECRET], at=now)
    old = signed_headers("1", body, [SECRET], at=now - 2 * dt.timedelta(minutes=5))
    other = signed_headers("1", body, [new_secret()], at=now)
    with receiver_of(language, tmp_path) as receiver:
        for headers in (good, both):
            assert post(receiver.url, body, headers) == 204
        for headers in (old, other, {**good, "webhook-id": "2"}, {**good, "webhook-signature": "v1,"}, {}):
            assert post(receiver.url, body, headers) == 400
        assert post(receiver.url, body + b" ", good) == 400
        receiver.wait_for("event.changed Zoë", 5)


def test_feed_is_read_as_the_guide_reads_it(server):
    token = server.manage("create_api_token", "reader", "--role", "auditor").strip()
    names = {}
    exec(blocks("python")[1], names)
    changes, cursor = names["read_changes"](f"{server.url}/api/v1", token, "0")
    assert [int(it["cursor"]) for it in changes] == list(range(1, len(changes) + 1))
    assert names["read_changes"](f"{server.url}/api/v1", token, cursor)[0] == []


def test_figures_of_the_guide_are_those_of_the_code():
    assert (AT_ONCE, GIVE_UP_AFTER.days, SWITCH_OFF_AFTER.days) == (8, 3, 5)
    assert PAUSES == (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
    states = re.findall(r"^\| `([a-z]+)` \| ", GUIDE.partition("## Deliveries")[2], re.MULTILINE)
    assert states == WebhookDelivery.State.values


def test_links_inside_the_guide_lead_somewhere():
    headings = {it.lower().replace(" ", "-") for it in re.findall(r"^## (.*)$", GUIDE, re.MULTILINE)}
    assert set(re.findall(r"\(#([a-z-]+)\)", GUIDE)) == headings
