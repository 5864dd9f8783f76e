"""Sends what is due to one endpoint: `next_batch` reads it, `Batch.send` calls the receiver, `store` writes what came.

No transaction lasts while the receiver is called, and a worker that dies meanwhile leaves rows that are sent again.
"""

import datetime as dt
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from config.webhooks.bodies import body_of
from config.webhooks.calling import Answer, call
from config.webhooks.models import WebhookDelivery, WebhookEndpoint
from config.webhooks.signing import signed_headers

logger = logging.getLogger(__name__)

AT_ONCE = 8  # requests to one endpoint, for different objects, when so many are due
# Seconds until the next attempt after the first failure, the second one and so on; then the last one again and again.
PAUSES = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
GIVE_UP_AFTER = dt.timedelta(days=3)
SWITCH_OFF_AFTER = dt.timedelta(days=5)
GONE = 410


Request = tuple[str, bytes, dict[str, str]]  # URL, body, headers


@dataclass(frozen=True)
class Batch:
    """Deliveries to one endpoint, and the requests that they need."""

    endpoint: WebhookEndpoint
    deliveries: Sequence[WebhookDelivery]
    requests: Sequence[Request]
    at: dt.datetime

    def send(self) -> list[Answer]:
        """The answers, in the same order. Nothing here touches the database."""
        if len(self.requests) == 1:
            return [call(*self.requests[0])]
        with ThreadPoolExecutor(len(self.requests)) as pool:
            return list(pool.map(lambda request: call(*request), self.requests))


def next_batch(endpoint: WebhookEndpoint) -> Batch | None:
    """What is due; None when nothing is.

    Deliveries go out one by one, in the order of the feed. Those of different objects go out at once to a receiver that
    succeeds and has fallen behind.
    """
    at = timezone.now()
    due = endpoint.deliveries.due(at).select_related("change").order_by("pk")
    deliveries = list(due[:AT_ONCE])
    if endpoint.failures or len(deliveries) < AT_ONCE:
        deliveries = deliveries[:1]
    requests = [request_for(endpoint, delivery, at) for delivery in deliveries]
    return Batch(endpoint, deliveries, requests, at) if deliveries else None


def request_for(endpoint: WebhookEndpoint, delivery: WebhookDelivery, at: dt.datetime) -> Request:
    body = body_of(endpoint, delivery)
    headers = signed_headers(str(delivery.webhook_id), body, endpoint.secrets(at), at=at)
    agent = f"{slugify(settings.PROJECT_NAME) or 'tickets'}/{settings.VERSION}"
    return endpoint.url, body, {"Content-Type": "application/json", "User-Agent": agent, **headers}


def store(batch: Batch, answers: Sequence[Answer]) -> None:
    """Writes what came of a batch."""
    with transaction.atomic():
        stored = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=batch.endpoint.pk).first()
        if stored is None:  # deleted meanwhile
            return
        for delivery, answer in zip(batch.deliveries, answers, strict=True):
            store_delivery(delivery, answer, batch.at)
        store_health(stored, answers, batch.at)
        is_gone = any(answer.status == GONE for answer in answers)
        if stored.is_active and (reason := reason_to_switch_off(stored, batch.at, is_gone=is_gone)):
            stored.switch_off(reason)
            logger.warning("The webhook endpoint %s was switched off: %s", stored.pk, reason)


def store_delivery(delivery: WebhookDelivery, answer: Answer, at: dt.datetime) -> None:
    attempts = delivery.attempts + 1
    is_over = answer.is_success or timezone.now() - delivery.created_at >= GIVE_UP_AFTER
    state = WebhookDelivery.State.DELIVERED if answer.is_success else WebhookDelivery.State.FAILED
    again = {"next_attempt_at": timezone.now() + pause(attempts)}
    # Only if it is still to be sent: the endpoint may have been switched off meanwhile.
    WebhookDelivery.objects.pending().filter(pk=delivery.pk).update(
        attempts=attempts,
        last_attempt_at=at,
        status=answer.status,
        duration_ms=round(answer.duration * 1000),
        response=answer.body,
        error=answer.error,
        **({"state": state, "next_attempt_at": None} if is_over else again),
    )


def pause(failures: int) -> dt.timedelta:
    return dt.timedelta(seconds=PAUSES[min(failures, len(PAUSES)) - 1])


def store_health(endpoint: WebhookEndpoint, answers: Sequence[Answer], at: dt.datetime) -> None:
    """After a failure the whole endpoint pauses, so that an outage costs few attempts, and keeps the order."""
    succeeded = any(answer.is_success for answer in answers)
    failed = any(not answer.is_success for answer in answers)
    endpoint.failures = 0 if succeeded else endpoint.failures + 1
    changes = {
        "failures": endpoint.failures,
        "retry_at": timezone.now() + pause(endpoint.failures or 1) if failed else None,
        "failing_since": None if succeeded else endpoint.failing_since or at,
        "last_success_at": timezone.now() if succeeded else endpoint.last_success_at,
    }
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(**changes)  # not an edit: `updated_at` stays
    for name, value in changes.items():
        setattr(endpoint, name, value)


def reason_to_switch_off(endpoint: WebhookEndpoint, at: dt.datetime, *, is_gone: bool) -> str:
    if is_gone:
        return "The receiver answered 410 Gone."
    if endpoint.failing_since and at - endpoint.failing_since >= SWITCH_OFF_AFTER:
        return f"Every attempt has failed since {endpoint.failing_since:%Y-%m-%d %H:%M} UTC."
    return ""
