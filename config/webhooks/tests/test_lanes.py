"""Lanes: endpoints do not delay each other, and an endpoint has one worker at a time."""

import time
import uuid

import pytest
from django.utils import timezone

from config.tests.harness import receiver as harness
from config.webhooks import lanes as module
from config.webhooks.lanes import LEASE, Lanes
from config.webhooks.models import WebhookDelivery, WebhookEndpoint
from config.webhooks.routing import route

pytestmark = pytest.mark.django_db(transaction=True)
HANG = 4.0  # seconds that a call waits here, in the place of 15


@pytest.fixture
def lanes(monkeypatch):
    original = module.next_batch.__globals__["call"]
    monkeypatch.setitem(
        module.next_batch.__globals__, "call", lambda url, body, headers: original(url, body, headers, seconds=HANG)
    )
    found = Lanes()
    yield found
    found.finish(HANG + 1)


def run_until(lanes, condition, seconds):
    """Runs the step as a worker does. Raises AssertionError when the condition is not true in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        lanes.run()
        time.sleep(0.05)


def by_path(handler):
    """The receiver at /dead hangs, others accept."""
    (harness.hangs if handler.path.startswith("/dead") else harness.accepts)(handler)


def delivered(path=""):
    rows = WebhookDelivery.objects.filter(state="delivered", endpoint__url__contains=path)
    return rows.count()


def test_dead_endpoint_delays_no_other(lanes, receiver, tell):
    """50 endpoints, of which one hangs: the others have each change within 2 seconds, before and after it is known.

    On a busy machine, within twice the time that they need without it.
    """
    receiver.behaviour = by_path
    for number in range(49):
        WebhookEndpoint.add(url=f"{receiver.url}/live{number}")

    def seconds_of_round(number):
        tell(str(number))
        start = time.monotonic()
        route()
        run_until(lanes, lambda: len(receiver.received("/live")) >= 49 * number, 20)
        return time.monotonic() - start

    limit = max(2, 2 * seconds_of_round(1))
    WebhookEndpoint.add(url=f"{receiver.url}/dead")
    assert [number for number in (2, 3, 4) if seconds_of_round(number) > limit] == []
    run_until(lanes, lambda: delivered("/live") == 196, 20)
    assert delivered("/dead") == 0


def test_many_dead_endpoints_delay_no_other(lanes, receiver, tell):
    """More than there are threads for slow endpoints, once they are known to be slow."""
    receiver.behaviour = by_path
    for number in range(module.LANES + 4):
        WebhookEndpoint.add(url=f"{receiver.url}/dead{number}")
    WebhookEndpoint.objects.update(failures=1)
    live = WebhookEndpoint.add(url=f"{receiver.url}/live")
    tell()
    route()
    run_until(lanes, lambda: delivered("/live") == 1, 2)
    assert live.deliveries.get().state == "delivered"
    assert len(receiver.received("/dead")) <= module.LANES


def test_slow_endpoint_is_known_as_slow(lanes, receiver, tell):
    receiver.behaviour = lambda handler: (time.sleep(module.SLOW + 0.1), harness.accepts(handler))
    endpoint = WebhookEndpoint.add(url=receiver.url)
    tell()
    route()
    run_until(lanes, lambda: lanes.slow == {endpoint.pk}, 10)
    assert delivered() == 1


def test_endpoint_has_one_worker_at_a_time(lanes, receiver, tell):
    other = Lanes()
    endpoint = WebhookEndpoint.add(url=receiver.url)
    tell()
    route()
    assert lanes.claim([endpoint.pk]) == [endpoint.pk]
    assert other.claim([endpoint.pk]) == []
    other.run()
    assert not other.running
    assert receiver.messages == []
    WebhookEndpoint.objects.update(leased_until=timezone.now())  # the worker was killed
    run_until(other, lambda: delivered() == 1, 5)


def test_lane_that_lost_its_lease_sends_nothing(lanes, receiver, tell):
    endpoint = WebhookEndpoint.add(url=receiver.url)
    tell()
    route()
    WebhookEndpoint.objects.update(lease=uuid.uuid4(), leased_until=timezone.now() + LEASE)
    lanes.send_all(endpoint.pk)
    assert receiver.messages == []


def test_lease_is_renewed_while_a_call_lasts(lanes, receiver, tell, monkeypatch):
    monkeypatch.setattr(module, "RENEW_EVERY", 0.1)
    receiver.behaviour = harness.hangs
    endpoint = WebhookEndpoint.add(url=receiver.url)
    tell()
    route()
    run_until(lanes, receiver.received, 5)
    endpoint.refresh_from_db()
    before = endpoint.leased_until
    time.sleep(0.3)
    lanes.run()
    endpoint.refresh_from_db()
    assert endpoint.leased_until > before


def test_all_is_sent_where_the_step_runs_once(lanes, receiver, tell):
    WebhookEndpoint.add(url=receiver.url)
    for number in range(30):
        tell(str(number % 7))
    route()
    assert lanes.run_all() == 30
    assert (delivered(), lanes.running) == (30, {})
    orders = {}
    for message in receiver.messages:
        orders.setdefault(message.data["object"]["id"], []).append(int(message.data["cursor"]))
    assert all(order == sorted(order) for order in orders.values())
