"""The server is killed between every two steps of a payment. No event is lost, and none is counted twice."""

from contextlib import contextmanager

import pytest

from bookings.payments.tests.served import Shop, variables
from config.tests.harness import stripe as harness
from config.tests.harness.dying_wsgi import POINTS
from config.tests.harness.server import migrated_database, served

# One process makes what all tests of this module share.
pytestmark = pytest.mark.xdist_group("killed payments")

START_POINTS, EVENT_POINTS, REFUND_POINTS = list(POINTS)[:4], list(POINTS)[4:9], list(POINTS)[9:]
PAID = ("confirmed", 2, "99.80", "0.00", "0.00")
REFUNDED = ("cancelled", 2, "99.80", "99.80", "0.00")


@pytest.fixture(scope="module")
def shop():
    with harness.stripe_server() as stripe, migrated_database() as url, served(url, **variables(stripe)) as server:
        yield Shop.open(server, stripe)
        assert server.manage("reconcile") == "Every counter equals its rows.\n"


@contextmanager
def dying(shop, point):
    """The address of another server of the same database, which dies at the point."""
    environment = {**variables(shop.stripe), "DIE_AT": point}
    application = "config.tests.harness.dying_wsgi:application"
    how = {"is_production": True, "application": application, "workers": 1}
    with served(shop.server.environment["DATABASE_URL"], **how, **environment) as server:
        yield server.url


def kill_at_each(shop, points, send):
    """Sends a request for a new booking to a server that dies at each point; returns the bookings by point."""
    bookings = {point: shop.book() for point in points}
    for point, booking in bookings.items():
        with dying(shop, point) as url:
            assert send(point, booking, url) == (0, None), point
    shop.settle()
    return bookings


def test_payment_that_is_started_by_a_dying_server_is_started_once(shop):
    bookings = kill_at_each(shop, START_POINTS, lambda point, booking, url: shop.start(booking, url=url))
    for point, booking in bookings.items():
        status, payment = shop.start(booking)
        (intent,) = shop.intents(booking)
        assert (status, len(shop.payments(booking)), payment["reference"]) == (201, 1, intent["id"]), point
        shop.tell("payment_intent.succeeded", shop.stripe.pay(intent["id"]))
        assert shop.state(booking) == PAID, point


def test_event_that_kills_the_server_is_counted_once(shop):
    events = {}

    def tell(point, booking, url):
        intent = shop.stripe.pay(shop.start(booking)[1]["reference"])
        number = 10_000 + len(events)
        events[point] = {"kind": "payment_intent.succeeded", "subject": intent, "number": number}
        return shop.tell(**events[point], url=url)

    bookings = kill_at_each(shop, EVENT_POINTS, tell)
    assert {point: shop.state(booking) for point, booking in bookings.items()} == dict.fromkeys(EVENT_POINTS, PAID)
    for point, booking in bookings.items():
        for _ in range(2):  # the provider repeats what was not answered
            assert shop.tell(**events[point])[0] == 200
        assert (shop.state(booking), len(shop.payments(booking))) == (PAID, 1), point


def test_refund_of_a_dying_server_is_made_once(shop):
    def refund(point, booking, url=""):
        return shop.staff("POST", f"/bookings/{booking['id']}/refunds", {}, url=url)

    def pay_and_refund(point, booking, url):
        shop.tell("payment_intent.succeeded", shop.stripe.pay(shop.start(booking)[1]["reference"]))
        shop.staff("POST", f"/bookings/{booking['id']}/cancel", {})
        return refund(point, booking, url)

    bookings = kill_at_each(shop, REFUND_POINTS, pay_and_refund)
    for point, booking in bookings.items():
        assert refund(point, booking)[0] == (201 if point == "refund asked for" else 409), point
        assert shop.state(booking) == REFUNDED, point
        (payment,) = shop.payments(booking)
        (row,) = payment["refunds"]
        made = [it["id"] for it in shop.refunds(payment["reference"])]
        assert (row["status"], made) == ("succeeded", [row["reference"]]), point
