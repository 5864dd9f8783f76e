"""Gives each active endpoint a delivery for each change that it wants, in the order of the feed."""

from django.db import connection, transaction
from django.utils import timezone

from config.outbox.publishing import bounds
from config.webhooks.models import WebhookEndpoint

BATCH = 1000  # positions of the feed in one transaction

# PostgreSQL and SQLite read it alike.
ROUTE = """
INSERT INTO webhooks_webhookdelivery
       (endpoint_id, change_id, webhook_id, type, object_key, state, attempts, next_attempt_at, response, error,
        created_at)
SELECT %s, id, key, type, object_type || ' ' || object_id, 'pending', 0, %s, '', '', %s
  FROM outbox_feedchange
 WHERE position > %s AND position <= %s{types}
 ORDER BY position
    ON CONFLICT DO NOTHING
"""


def route() -> int:
    """Returns how many deliveries were created."""
    last = bounds()[1]
    behind = WebhookEndpoint.objects.filter(is_active=True, position__lt=last).order_by("position", "pk")
    return sum(route_to(pk, last) for pk in list(behind.values_list("pk", flat=True)))


def route_to(pk: int, last: int) -> int:
    """The next changes of one endpoint, whose row is locked, so that another worker leaves it out."""
    with transaction.atomic():
        rows = WebhookEndpoint.objects.select_for_update(skip_locked=True, no_key=True)
        endpoint = rows.filter(pk=pk, is_active=True, position__lt=last).first()
        if endpoint is None:
            return 0
        end = min(endpoint.position + BATCH, last)
        count = insert(endpoint, end)
        WebhookEndpoint.objects.filter(pk=pk).update(position=end)
    return count


def insert(endpoint: WebhookEndpoint, end: int) -> int:
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    types = f" AND type IN ({', '.join(['%s'] * len(endpoint.types))})" if endpoint.types else ""
    with connection.cursor() as cursor:
        cursor.execute(ROUTE.format(types=types), [endpoint.pk, now, now, endpoint.position, end, *endpoint.types])
        count: int = cursor.rowcount
    return count
