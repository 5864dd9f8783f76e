"""schemathesis against the served project: every phase, check and operation, as several clients.

`FUZZ_EXAMPLES` is the number of examples for each operation: 2 by default, as a manager only; 400 in the long run.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from django.conf import settings

from config.tests.harness.server import migrated_database, served

EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "2")
ACTORS = ["manager", "anonymous", "box-office"][: 1 if int(EXAMPLES) < 10 else 3]
ST = Path(sys.executable).with_name("st")


@pytest.fixture(scope="module")
def server():
    with migrated_database() as url, served(url, is_production=True, DEBUG="False") as running:
        yield running


@pytest.fixture(scope="module")
def tokens(server):
    def make(role):
        return server.manage("create_api_token", role, "--role", role).strip().split()[-1]

    return {"anonymous": "", "box-office": make("box-office"), "manager": make("manager")}


@pytest.fixture(scope="module")
def api(server, tokens):
    """The base URL, with at least one object of each kind."""
    base = f"{server.url}/api/v1"

    def send(path, body):
        headers = {"Authorization": f"Bearer {tokens['manager']}"}
        answer = requests.post(f"{base}{path}", json=body, headers=headers, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    venue = send("/venues", {"name": "Hall", "address": "1 Main Street", "capacity": 1000000, "timezone": "UTC"})
    times = {"starts_at": "2090-01-01T00:00:00Z", "ends_at": "2090-01-02T00:00:00Z"}
    event = send("/events", {"venue": venue["id"], "name": "Show", **times})
    types = [{"event": event["id"], "name": f"Type {number}", "price": "10.00"} for number in range(20)]
    seat = send("/ticket-types/bulk", {"ticket_types": types})["ticket_types"][0]
    send(f"/events/{event['id']}/publish", {})
    for _ in range(3):
        items = [{"ticket_type": seat["id"], "quantity": 2}]
        booking = send("/bookings", {"customer_name": "Ann", "customer_email": "ann@example.com", "items": items})
        send(f"/bookings/{booking['id']}/confirm", {})
    return base


@pytest.mark.xdist_group("fuzz")
@pytest.mark.parametrize("actor", ACTORS)
def test_served_api_matches_its_document(actor, api, server, tokens, tmp_path):
    command = [ST, "run", f"{api}/openapi.json", "--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"]
    command += ["--max-examples", EXAMPLES, "--seed", "1", "--generation-deterministic", "--continue-on-failure"]
    command += ["--workers", "1", "--no-color"]
    if tokens[actor]:
        command += ["--header", f"Authorization: Bearer {tokens[actor]}"]
    environment = {
        **server.environment,
        "SCHEMATHESIS_HOOKS": "config.tests.harness.fuzzing",
        "PYTHONPATH": str(settings.BASE_DIR),
        "FUZZ_URL": api,
        "FUZZ_TOKEN": tokens["manager"],
    }
    done = subprocess.run(
        command, check=False, cwd=tmp_path, env=environment, text=True, capture_output=True, timeout=3600
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
