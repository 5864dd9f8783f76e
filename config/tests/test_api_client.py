"""A client generated from the OpenAPI document by openapi-python-client."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from config.tests.harness.server import migrated_database, served

PACKAGE = "ticket_booking_system_client"
HALL = {"name": "Hall", "address": "1 Main Street", "capacity": 100, "timezone": "UTC"}
SHOW = {"name": "Show", "starts_at": "2090-01-01T18:00:00Z", "ends_at": "2090-01-01T20:00:00Z"}
# The generator knows JSON, texts and this one; everything else is bytes only when it is told so.
BYTES = dict.fromkeys(["application/pdf", "image/png", "image/svg+xml"], "application/octet-stream")


@pytest.fixture(scope="module")
def server():
    with migrated_database() as url, served(url) as running:
        yield running


@pytest.fixture(scope="module")
def generated(server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("client")
    generator = Path(sys.executable).with_name("openapi-python-client")
    url = f"{server.url}/api/v1/openapi.json"
    config = folder / "config.json"
    config.write_text(json.dumps({"content_type_overrides": BYTES}))
    done = subprocess.run(
        [generator, "generate", "--url", url, "--config", config, "--output-path", folder / "out", "--meta", "none",
         "--fail-on-warning"], check=False, cwd=folder, text=True, capture_output=True, timeout=120,
        env={**server.environment, "PATH": str(Path(sys.executable).parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "out").rename(folder / PACKAGE)
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]


def part(name):
    return importlib.import_module(f"{PACKAGE}.{name}")


def call(operation, **arguments):
    """The generated function of an operation, which parses the response."""
    tag, _, name = operation.partition(".")
    return part(f"api.{tag}.{name}").sync_detailed(**arguments)


@pytest.fixture
def clients(generated, server):
    """An anonymous client and a manager; closed at the end."""
    token = server.manage("create_api_token", "client", "--role", "manager").strip()
    anonymous = part("client").Client(base_url=server.url)
    staff = part("client").AuthenticatedClient(base_url=server.url, token=token)
    with anonymous, staff:
        yield anonymous, staff


@pytest.mark.xdist_group("client")
def test_generated_client_makes_a_booking(clients):
    models = part("models")
    anonymous, staff = clients

    venue = call("venues.create_venue", client=staff, body=models.VenueRequest.from_dict(HALL)).parsed
    show = models.EventRequest.from_dict({**SHOW, "venue": venue.id})
    event = call("events.create_event", client=staff, body=show).parsed
    seat = models.TicketTypeRequest.from_dict({"event": event.id, "name": "Seat", "price": "49.90"})
    seat = call("ticket_types.create_ticket_type", client=staff, body=seat).parsed
    assert call("events.publish_event", id=event.id, client=staff).parsed.status == "published"

    assert [row.name for row in call("venues.list_venues", client=anonymous).parsed.results] == ["Hall"]
    expanded = call("events.get_event", id=event.id, client=anonymous, expand="venue,ticket_types").parsed
    assert (expanded.venue.name, expanded.ticket_types[0].price) == ("Hall", "49.90")

    wanted = {"customer_name": "Ann", "customer_email": "ann@example.com"}
    wanted["items"] = [{"ticket_type": seat.id, "quantity": 2}]
    body = models.PlaceBookingRequest.from_dict(wanted)
    quote = call("bookings.create_booking", client=anonymous, body=body, dry_run=True)
    assert (quote.status_code, quote.parsed.total_price) == (200, "99.80")
    first = call("bookings.create_booking", client=anonymous, body=body, idempotency_key="one-for-the-generated-client")
    again = call("bookings.create_booking", client=anonymous, body=body, idempotency_key="one-for-the-generated-client")
    assert (first.status_code, first.parsed.id) == (201, again.parsed.id)
    assert again.headers["Idempotent-Replayed"] == "true"

    read = call("bookings.get_booking", id=first.parsed.id, client=anonymous, booking_secret=first.parsed.secret)
    assert (read.status_code, read.parsed.id) == (200, first.parsed.id)
    assert call("bookings.get_booking", id=first.parsed.id, client=anonymous).status_code == 404
    paid = models.ConfirmBookingRequest.from_dict({"payment_reference": "pay_1"})
    confirmed = call("bookings.confirm_booking", id=first.parsed.id, client=staff, body=paid).parsed
    assert (confirmed.status, len(confirmed.tickets)) == ("confirmed", 2)
    ticket = call("tickets.check_in_ticket", code=confirmed.tickets[0].code, client=staff).parsed
    assert ticket.status == "checked_in"

    wanted["items"] = [{"ticket_type": seat.id, "quantity": 0}]
    refused = call("bookings.create_booking", client=anonymous, body=models.PlaceBookingRequest.from_dict(wanted))
    assert (refused.status_code, refused.parsed.code) == (400, "invalid-input")
    assert refused.parsed.errors[0].pointer == "/items/0/quantity"
