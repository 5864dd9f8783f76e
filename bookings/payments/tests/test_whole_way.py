"""From a booking to tickets and back, on a real server with a Stripe that sends its own signed events."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bookings.payments.tests.served import Shop, variables
from config.tests.harness import stripe as harness
from config.tests.harness.server import migrated_database, served

# One process makes what all tests of this module share.
pytestmark = pytest.mark.xdist_group("paid on a server")

CLIENTS = 12


@pytest.fixture(scope="module")
def shop():
    how = {"is_production": True, "workers": 2, "threads": 8}
    with (
        harness.stripe_server() as stripe,
        migrated_database() as url,
        served(url, **how, **variables(stripe)) as server,
    ):
        stripe.deliver_to(server.url, "payment_intent.succeeded", "payment_intent.payment_failed")
        yield Shop.open(server, stripe)
        assert server.manage("reconcile") == "Every counter equals its rows.\n"


@pytest.fixture
def booking(shop):
    return shop.book()


def wait_for(ask, expected):
    give_up_at = time.monotonic() + 30
    while (found := ask()) != expected and time.monotonic() < give_up_at:
        time.sleep(0.1)
    assert found == expected


def test_declined_card_and_then_a_good_one_lead_to_tickets_and_back(shop, booking):
    shop.stripe.pay(shop.start(booking)[1]["reference"], harness.DECLINED_CARD)
    wait_for(lambda: [it["status"] for it in shop.payments(booking)], ["failed"])
    shop.stripe.pay(shop.start(booking)[1]["reference"])
    wait_for(lambda: shop.state(booking), ("confirmed", 2, "99.80", "0.00", "0.00"))
    assert [it["status"] for it in shop.payments(booking)] == ["succeeded", "failed"]
    shop.staff("POST", f"/bookings/{booking['id']}/cancel", {"fee": "9.80"})
    status, answer = shop.staff("POST", f"/bookings/{booking['id']}/refunds", {})
    (payment,) = answer["payments"]
    assert (status, payment["amount_refunded"]) == (201, "90.00")
    assert shop.state(booking) == ("cancelled", 2, "99.80", "90.00", "0.00")
    assert [it["amount"] for it in shop.refunds(payment["reference"])] == [9000]


def at_once(calls):
    with ThreadPoolExecutor(CLIENTS) as pool:
        return [future.result()[0] for future in [pool.submit(call) for call in calls]]


def test_customer_who_starts_at_once_in_many_windows_has_one_payment(shop, booking):
    assert set(at_once([lambda: shop.start(booking)] * CLIENTS)) == {201}
    assert (len(shop.payments(booking)), len(shop.intents(booking))) == (1, 1)


def test_events_at_once_and_out_of_order_count_once(shop, booking):
    intent = shop.stripe.pay(shop.start(booking)[1]["reference"])
    refund = {
        "id": "re_by_hand",
        "payment_intent": intent["id"],
        "amount": 980,
        "currency": "eur",
        "status": "succeeded",
    }
    failed = {**intent, "last_payment_error": {"message": "Declined."}}
    calls = []
    for number in range(CLIENTS):
        late = 20_000 + number % 3  # each event several times
        calls += [
            lambda late=late: shop.tell("refund.created", refund, number=late + 10),
            lambda late=late: shop.tell("payment_intent.payment_failed", failed, number=late + 20),
            lambda late=late: shop.tell("payment_intent.succeeded", intent, number=late),
        ]
    assert set(at_once(calls)) == {200}
    shop.settle()
    assert shop.state(booking) == ("confirmed", 2, "99.80", "9.80", "0.00")
    (payment,) = shop.payments(booking)
    assert (payment["status"], len(payment["refunds"])) == ("succeeded", 1)


def test_provider_that_is_away_for_a_while_loses_nothing(shop, booking):
    shop.stripe.faults.extend(["unanswered", "500", "answer lost"])
    answers = [shop.start(booking) for _ in range(4)]
    assert [(status, answer.get("code")) for status, answer in answers] == [
        *[(503, "payment-unavailable")] * 3, (201, None)]  # fmt: skip
    assert len(shop.intents(booking)) == 1
    shop.stripe.pay(answers[-1][1]["reference"])
    wait_for(lambda: shop.state(booking), ("confirmed", 2, "99.80", "0.00", "0.00"))
    shop.staff("POST", f"/bookings/{booking['id']}/cancel", {})
    shop.stripe.faults.extend(["500", "answer lost"])
    (payment,) = shop.staff("POST", f"/bookings/{booking['id']}/refunds", {})[1]["payments"]
    assert payment["refunds"][0]["status"] == "pending"
    shop.settle()  # its answer is lost
    shop.settle()
    (refund,) = shop.payments(booking)[0]["refunds"]
    assert (refund["status"], len(shop.refunds(payment["reference"]))) == ("succeeded", 1)
