"""The worker's steps for the feed itself."""

from django.utils import timezone

from config.outbox.publishing import publish, purge
from config.outbox.worker import Step, register


def purge_changes() -> int:
    return purge(timezone.now(), limit=10_000)


register(Step("publish-changes", publish, every=0.5))
register(Step("purge-changes", purge_changes, every=3600))
