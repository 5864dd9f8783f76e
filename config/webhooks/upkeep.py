"""The worker's steps for webhooks."""

import datetime as dt

from django.conf import settings
from django.utils import timezone

from config.outbox.worker import Step, register
from config.webhooks.lanes import lanes
from config.webhooks.models import WebhookDelivery
from config.webhooks.routing import route


def purge_tests() -> int:
    """Deletes old tests. Other deliveries go with their changes."""
    before = timezone.now() - dt.timedelta(days=settings.CHANGES_KEEP_DAYS)
    return WebhookDelivery.objects.filter(change=None, created_at__lt=before).delete()[0]


register(Step("route-webhooks", route, every=0.25))
register(Step("send-webhooks", lanes.run, every=0.25, run_all=lanes.run_all, finish=lanes.finish))
register(Step("purge-webhook-tests", purge_tests, every=3600))
