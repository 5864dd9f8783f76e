"""Endpoints, changes and receivers."""

import datetime as dt
from collections.abc import Callable, Iterator

import pytest
from django.db.models import F
from django.utils import timezone

from config.outbox.models import Feed, FeedChange
from config.outbox.publishing import publish
from config.tests.harness import receiver as harness
from config.webhooks.delivering import next_batch, store
from config.webhooks.models import WebhookDelivery, WebhookEndpoint
from config.webhooks.routing import route


@pytest.fixture(autouse=True)
def _private(settings: object) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True  # type: ignore[attr-defined]


@pytest.fixture
def receiver() -> Iterator[harness.Receiver]:
    with harness.receiver() as found:
        yield found


@pytest.fixture
def endpoint(db: None, receiver: harness.Receiver) -> WebhookEndpoint:
    return WebhookEndpoint.add(url=receiver.url, description="Shop")


@pytest.fixture
def tell(db: None) -> Callable[..., FeedChange]:
    """Writes and publishes a change; by default of the event 1."""

    def write(object_id: str = "1", type_name: str = "event.changed") -> FeedChange:
        change = FeedChange.objects.create(
            type=type_name,
            object_type=type_name.partition(".")[0],
            object_id=object_id,
            data={"id": object_id, "name": "Zoë"},
            by="system",
            created_at=timezone.now(),
        )
        publish()
        change.refresh_from_db()
        return change

    return write


def deliver(endpoint: WebhookEndpoint) -> int:
    """Routes and sends what is due, as the worker does; returns how many attempts were made."""
    route()
    count = 0
    while True:
        endpoint.refresh_from_db()
        is_ready = endpoint.is_active and (endpoint.retry_at is None or endpoint.retry_at <= timezone.now())
        batch = next_batch(endpoint) if is_ready else None
        if batch is None:
            return count
        store(batch, batch.send())
        count += len(batch.deliveries)


def pass_webhook_time(**by: float) -> None:
    """Moves what webhooks have stored into the past."""
    delta = dt.timedelta(**by)
    for model, names in {
        WebhookEndpoint: ["retry_at", "failing_since", "last_success_at", "previous_secret_until", "leased_until"],
        WebhookDelivery: ["next_attempt_at", "last_attempt_at", "created_at"],
    }.items():
        model.objects.update(**{name: F(name) - delta for name in names})


def last_position() -> int:
    return Feed.objects.get().last_position
