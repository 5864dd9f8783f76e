"""Gives each active endpoint a delivery for each change that it wants, in the order of the feed."""

from collections.abc import Sequence

from django.db import connection, transaction
from django.utils import timezone

from config.outbox.publishing import bounds
from config.webhooks.models import WebhookEndpoint

BATCH = 1000  # positions of the feed that an endpoint gets in one transaction
AT_ONCE = 25  # endpoints in one transaction

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
    pks = list(behind.values_list("pk", flat=True))
    return sum(route_to(pks[start : start + AT_ONCE], last) for start in range(0, len(pks), AT_ONCE))


def route_to(pks: Sequence[int], last: int) -> int:
    """The next changes of some endpoints, whose rows are locked, so that another worker leaves them out."""
    count = 0
    with transaction.atomic():
        rows = WebhookEndpoint.objects.select_for_update(skip_locked=True, no_key=True).order_by("pk")
        for endpoint in rows.filter(pk__in=pks, is_active=True, position__lt=last):
            end = min(endpoint.position + BATCH, last)
            count += insert(endpoint, end)
            WebhookEndpoint.objects.filter(pk=endpoint.pk).update(position=end)
    return count


def insert(endpoint: WebhookEndpoint, end: int) -> int:
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    types = f" AND type IN ({', '.join(['%s'] * len(endpoint.types))})" if endpoint.types else ""
    with connection.cursor() as cursor:
        cursor.execute(ROUTE.format(types=types), [endpoint.pk, now, now, endpoint.position, end, *endpoint.types])
        count: int = cursor.rowcount
    return count
