"""Retention, erasure, the doctor, and the worker."""

import datetime as dt

import pytest
from django.core.management import call_command
from django.utils import timezone

from bookings import checkup
from bookings.personal_data import erase_customer
from config.outbox.models import FeedChange
from config.outbox.publishing import publish, purge
from config.outbox.worker import Worker
from config.tests.harness import receiver as harness
from config.webhooks.models import WebhookDelivery, WebhookEndpoint
from config.webhooks.tests.conftest import deliver, pass_webhook_time
from config.webhooks.upkeep import purge_tests

pytestmark = pytest.mark.both


def test_deliveries_are_deleted_with_their_changes(endpoint, tell, settings):
    tell()
    deliver(endpoint)
    FeedChange.objects.update(created_at=timezone.now() - dt.timedelta(days=91))
    tell()
    deliver(endpoint)
    assert purge(timezone.now()) == 1
    assert WebhookDelivery.objects.count() == 1


def test_tests_are_deleted_after_the_same_time(endpoint):
    endpoint.test(at=timezone.now())
    assert purge_tests() == 0
    pass_webhook_time(days=91)
    assert purge_tests() == 1
    assert not WebhookDelivery.objects.exists()


def test_erasure_takes_what_receivers_answered(endpoint, receiver, book):
    receiver.behaviour = harness.answers(200, b"Hello Ann Lee")
    booking = book()
    booking.cancel()
    publish()
    assert deliver(endpoint) > 1
    assert WebhookDelivery.objects.filter(response="Hello Ann Lee").count() > 1
    erase_customer(booking.customer_email, by="system", with_payments=True)
    told = WebhookDelivery.objects.filter(type__startswith="booking.")
    assert set(told.values_list("response", flat=True)) == {""}


def finding():
    return checkup.run_check("webhooks", checkup.check_webhooks)


def test_doctor_names_endpoints_that_fail(endpoint):
    assert (finding().state, finding().says) == ("ok", "1 active endpoint, and none fails.")
    WebhookEndpoint.objects.update(failing_since=timezone.now() - dt.timedelta(hours=2))
    assert (finding().state, finding().says) == ("look", "Shop fails since 2 hours.")
    WebhookEndpoint.objects.update(is_active=False, disabled_reason="The receiver answered 410 Gone.")
    assert finding().says == "Shop was switched off: The receiver answered 410 Gone."
    WebhookEndpoint.add(url="https://shop.example.com")
    WebhookEndpoint.objects.update(failing_since=timezone.now())
    assert finding().says.endswith("And 1 more.")


@pytest.mark.django_db(transaction=True)
def test_worker_delivers_what_is_due_when_it_runs_once(receiver, make_venue):
    WebhookEndpoint.add(url=receiver.url)
    venue = make_venue()
    venue.revise(capacity=venue.capacity + 1)
    call_command("worker", "--once", "--steps", "publish-changes,route-webhooks,send-webhooks")
    assert [message.data["type"] for message in receiver.messages] == ["venue.changed"]


@pytest.mark.django_db(transaction=True)
def test_worker_stops_after_the_requests_that_are_under_way(receiver, tell):
    endpoint = WebhookEndpoint.add(url=receiver.url)
    receiver.behaviour = lambda handler: (harness.time.sleep(1), harness.accepts(handler))
    for number in range(20):
        tell(str(number))
    worker = Worker.of(["route-webhooks", "send-webhooks"])
    worker.start()
    receiver.wait_for(1)
    assert worker.stop(8) == []
    states = list(endpoint.deliveries.values_list("state", flat=True))
    assert states.count("delivered") == len(receiver.messages) < 20
