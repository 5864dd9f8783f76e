import datetime as dt

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from standardwebhooks import WebhookVerificationError

from config.history.models import Change
from config.tests.harness import receiver as harness
from config.webhooks.delivering import PAUSES, next_batch, pause, store
from config.webhooks.models import WebhookDelivery, WebhookEndpoint
from config.webhooks.problems import EndpointInactive
from config.webhooks.routing import route
from config.webhooks.tests.conftest import deliver, last_position, pass_webhook_time

pytestmark = pytest.mark.both
State = WebhookDelivery.State


def states():
    return list(WebhookDelivery.objects.order_by("pk").values_list("object_key", "state", "attempts"))


def test_change_is_delivered_signed_and_as_the_feed_shows_it(endpoint, receiver, tell):
    change = tell()
    assert deliver(endpoint) == 1
    (message,) = receiver.messages
    message.verify(endpoint.secret)
    assert message.id == message.data["id"] == str(change.key)
    assert (message.data["type"], message.data["object"], message.data["data"]) == (
        "event.changed", {"type": "event", "id": "1"}, {"id": "1", "name": "Zoë"})  # fmt: skip
    assert message.headers["user-agent"].startswith("ticket-booking-system/")
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.status, delivery.error) == (State.DELIVERED, 1, 204, "")
    assert delivery.duration_ms is not None
    assert delivery.next_attempt_at is None
    endpoint.refresh_from_db()
    assert endpoint.last_success_at is not None
    assert endpoint.failing_since is None


def test_endpoint_gets_changes_since_it_was_added_and_of_its_types(tell, receiver):
    tell()
    every = WebhookEndpoint.add(url=receiver.url)
    some = WebhookEndpoint.add(url=receiver.url, types=["venue.created"])
    assert route() == 0
    tell()
    tell("7", "venue.created")
    assert route() == 3
    assert [it.type for it in every.deliveries.order_by("pk")] == ["event.changed", "venue.created"]
    assert [it.type for it in some.deliveries.all()] == ["venue.created"]
    assert set(WebhookEndpoint.objects.values_list("position", flat=True)) == {last_position()}
    assert route() == 0


def test_change_is_routed_once_even_if_the_position_is_lost(endpoint, tell):
    tell()
    assert route() == 1
    WebhookEndpoint.objects.update(position=0)
    assert route() == 0
    assert WebhookDelivery.objects.count() == 1


def test_failure_is_repeated_with_growing_pauses(endpoint, receiver, tell):
    receiver.behaviour = harness.answers(500, b"sorry")
    tell()
    assert deliver(endpoint) == 1
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.status, delivery.response) == (State.PENDING, 500, "sorry")
    assert delivery.next_attempt_at - delivery.last_attempt_at < dt.timedelta(seconds=3)
    assert deliver(endpoint) == 0
    for number in range(3):
        pass_webhook_time(seconds=PAUSES[number] + 1)
        assert deliver(endpoint) == 1
    receiver.behaviour = harness.accepts
    pass_webhook_time(seconds=PAUSES[3] + 1)
    assert deliver(endpoint) == 1
    assert states() == [("event 1", State.DELIVERED, 5)]
    assert {message.id for message in receiver.messages} == {str(delivery.webhook_id)}
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since, endpoint.retry_at) == (0, None, None)


def test_pauses_grow_up_to_an_hour():
    seconds = [pause(number).total_seconds() for number in range(1, 100)]
    assert seconds == sorted(seconds)
    assert (seconds[0], seconds[-1]) == (1, 3600)
    assert pause(10**6) == dt.timedelta(hours=1)


def test_outage_keeps_the_order_of_all_deliveries(endpoint, receiver, tell):
    """The receiver is off while three bookings are made: one attempt at a time, and then all three in order."""
    receiver.behaviour = harness.drops
    for object_id in "123":
        tell(object_id)
        deliver(endpoint)
    pass_webhook_time(seconds=2)
    deliver(endpoint)
    assert [attempts for _, _, attempts in states()] == [2, 0, 0]
    receiver.behaviour, receiver.messages[:] = harness.accepts, []
    pass_webhook_time(seconds=3)
    assert deliver(endpoint) == 3
    assert [message.data["object"]["id"] for message in receiver.messages] == ["1", "2", "3"]


def test_later_change_of_an_object_waits_for_the_earlier_one(endpoint, receiver, tell):
    def refuses_first(handler):
        refuse = receiver.messages[-1].data["object"]["id"] == "1"
        handler.answer(500 if refuse else 204)

    receiver.behaviour = refuses_first
    for object_id in "1112":
        tell(object_id)
    deliver(endpoint)
    WebhookEndpoint.objects.update(retry_at=None, failures=0)
    deliver(endpoint)
    assert states() == [("event 1", State.PENDING, 1), ("event 1", State.PENDING, 0), ("event 1", State.PENDING, 0),
                        ("event 2", State.DELIVERED, 1)]  # fmt: skip
    receiver.behaviour, receiver.messages[:] = harness.accepts, []
    pass_webhook_time(seconds=5)
    assert deliver(endpoint) == 3
    assert [message.data["cursor"] for message in receiver.messages] == ["1", "2", "3"]


def test_delivery_is_given_up_after_three_days_and_the_next_one_follows(endpoint, receiver, tell):
    receiver.behaviour = harness.answers(500)
    tell()
    tell()
    deliver(endpoint)
    pass_webhook_time(days=3)
    deliver(endpoint)
    assert states() == [("event 1", State.FAILED, 2), ("event 1", State.PENDING, 0)]
    receiver.behaviour = harness.accepts
    pass_webhook_time(hours=1)
    deliver(endpoint)
    assert states() == [("event 1", State.FAILED, 2), ("event 1", State.DELIVERED, 1)]


def test_410_switches_the_endpoint_off(endpoint, receiver, tell):
    receiver.behaviour = harness.answers(410)
    tell()
    tell()
    deliver(endpoint)
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.disabled_reason) == (False, "The receiver answered 410 Gone.")
    assert states() == [("event 1", State.CANCELLED, 1), ("event 1", State.CANCELLED, 0)]
    entry = Change.objects.of(endpoint).latest("pk")
    assert (entry.by_name, entry.details) == ("system", {"is_active": [True, False]})
    tell()
    assert deliver(endpoint) == 0


def test_five_days_of_failure_switch_the_endpoint_off(endpoint, receiver, tell):
    receiver.behaviour = harness.answers(503)
    for days in (0, 4):
        pass_webhook_time(days=days)
        tell()
        deliver(endpoint)
    endpoint.refresh_from_db()
    assert endpoint.is_active
    pass_webhook_time(days=1, hours=1)
    deliver(endpoint)
    endpoint.refresh_from_db()
    assert not endpoint.is_active
    assert "since" in endpoint.disabled_reason


def test_endpoint_that_is_switched_on_gets_the_changes_from_now_on(endpoint, receiver, tell):
    endpoint.revise(is_active=False)
    tell("1")
    WebhookEndpoint.objects.update(failures=9, failing_since=timezone.now(), disabled_reason="It failed.")
    endpoint.refresh_from_db()
    endpoint.revise(is_active=True)
    tell("2")
    assert deliver(endpoint) == 1
    assert [message.data["object"]["id"] for message in receiver.messages] == ["2"]
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since, endpoint.disabled_reason) == (0, None, "")


def test_endpoint_that_is_switched_off_during_a_call_stays_off(endpoint, tell):
    tell()
    route()
    batch = next_batch(endpoint)
    answers = batch.send()
    endpoint.revise(is_active=False)
    store(batch, answers)
    assert states() == [("event 1", State.CANCELLED, 0)]


def test_endpoint_that_is_deleted_during_a_call_is_forgotten(endpoint, tell):
    tell()
    route()
    batch = next_batch(endpoint)
    answers = batch.send()
    WebhookEndpoint.objects.get(pk=endpoint.pk).remove()
    store(batch, answers)
    assert states() == []


def test_both_secrets_sign_for_a_day(endpoint, receiver, tell):
    old = endpoint.secret
    new = endpoint.rotate_secret(at=timezone.now()).secret
    assert new != old
    tell()
    deliver(endpoint)
    receiver.messages[-1].verify(old)
    receiver.messages[-1].verify(new)
    pass_webhook_time(hours=24, minutes=1)
    tell()
    deliver(endpoint)
    receiver.messages[-1].verify(new)
    with pytest.raises(WebhookVerificationError):
        receiver.messages[-1].verify(old)


def test_redelivery_has_the_same_id(endpoint, receiver, tell):
    tell()
    deliver(endpoint)
    WebhookDelivery.objects.get().redeliver(at=timezone.now())
    assert deliver(endpoint) == 1
    assert len({message.id for message in receiver.messages}) == 1
    assert states() == [("event 1", State.DELIVERED, 2)]


def test_test_shows_the_endpoint(endpoint, receiver):
    endpoint.test(at=timezone.now())
    deliver(endpoint)
    (message,) = receiver.messages
    message.verify(endpoint.secret)
    assert (message.data["type"], message.data["cursor"]) == ("webhook_endpoint.tested", None)
    assert message.data["data"]["url"] == receiver.url
    assert "secret" not in message.data["data"]


def test_inactive_endpoint_refuses_tests_and_redelivery(endpoint, tell):
    tell()
    deliver(endpoint)
    endpoint.revise(is_active=False)
    with pytest.raises(EndpointInactive):
        endpoint.test(at=timezone.now())
    with pytest.raises(EndpointInactive):
        WebhookDelivery.objects.get().redeliver(at=timezone.now())
    assert states() == [("event 1", State.DELIVERED, 1)]


def test_history_of_an_endpoint_has_no_secret(endpoint):
    secret = endpoint.secret
    endpoint.rotate_secret(at=timezone.now())
    new = endpoint.secret
    endpoint.revise(url="https://shop.example.com")
    endpoint.remove()
    text = str(list(Change.objects.filter(kind="webhooks.webhookendpoint").values()))
    assert [it.verb for it in Change.objects.filter(kind="webhooks.webhookendpoint")] == [
        "create", "rotate-secret", "change", "delete"]  # fmt: skip
    assert secret not in text
    assert new not in text


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("webhook_endpoint_url_has_1_to_500_characters", {"url": ""}),
        ("webhook_endpoint_has_a_secret", {"secret": "broken"}),
        ("webhook_endpoint_disabled_is_not_active", {"disabled_reason": "It failed."}),
    ],
)
def test_endpoint_that_breaks_a_constraint_is_refused_by_the_database(endpoint, name, change):
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(**change)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("webhook_delivery_state_is_known", {"state": "lost"}),
        ("webhook_delivery_pending_has_a_next_attempt", {"next_attempt_at": None}),
    ],
)
def test_delivery_that_breaks_a_constraint_is_refused_by_the_database(endpoint, tell, name, change):
    tell()
    route()
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        WebhookDelivery.objects.update(**change)
