"""The worker's steps for the feed itself, and for what lies below it."""

from django.utils import timezone

from config.idempotency.models import KeyedRequest
from config.outbox.publishing import publish, purge
from config.outbox.worker import Step, register


def purge_changes() -> int:
    return purge(timezone.now(), limit=10_000)


def purge_keys() -> int:
    return KeyedRequest.objects.outdated(timezone.now()).delete()[0]


register(Step("publish-changes", publish, every=0.5))
register(Step("purge-changes", purge_changes, every=3600))
register(Step("purge-idempotency-keys", purge_keys, every=3600))
