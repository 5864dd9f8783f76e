"""Publishes changes: gives them gapless positions, in the order of the feed.

A change is written by any transaction, and gets its position only after that has committed, from one publisher at a
time, who holds the lock on the feed's row. So a transaction that commits late is later in the feed, and a reader that
goes on from its last position misses nothing. The changes of one object keep their order: the second one is written
after the lock on the object was free, and so has the higher id.
"""

import datetime as dt
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from config.outbox.models import Feed, FeedChange, FeedChangeQuerySet

BATCH = 1000  # changes in one transaction

# PostgreSQL and SQLite read it alike.
PUBLISH = """
UPDATE outbox_feedchange SET position = %s + due.number
  FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS number
          FROM outbox_feedchange WHERE position IS NULL ORDER BY id LIMIT %s) AS due
 WHERE outbox_feedchange.id = due.id RETURNING type
"""


def locked_feed() -> Feed:
    """The feed, locked until the end of the transaction."""
    feed, _ = Feed.objects.select_for_update(no_key=True).get_or_create(pk=1)
    return feed


def publish(*, limit: int = 10 * BATCH) -> int:
    """Publishes up to about `limit` changes; returns how many."""
    total = 0
    while total < limit:
        count = publish_batch() if FeedChange.objects.unpublished().exists() else 0
        total += count
        if count < BATCH:
            break
    return total


def publish_batch() -> int:
    with transaction.atomic():
        feed = locked_feed()
        with connection.cursor() as cursor:
            # A statement of its own, with a snapshot from after the lock.
            cursor.execute(PUBLISH, [feed.last_position, BATCH])
            types = [name for (name,) in cursor.fetchall()]
        if types:
            last = F("last_position") + len(types)
            Feed.objects.filter(pk=feed.pk).update(last_position=last, totals=feed.added(types))
    return len(types)


def bounds() -> tuple[int, int]:
    """The last position that was purged, and the last one that is published."""
    return Feed.objects.filter(pk=1).values_list("purged_position", "last_position").first() or (0, 0)


def outdated(at: dt.datetime) -> FeedChangeQuerySet:
    """Changes that are older than CHANGES_KEEP_DAYS."""
    return FeedChange.objects.filter(created_at__lt=at - dt.timedelta(days=settings.CHANGES_KEEP_DAYS))


def purge(at: dt.datetime, *, limit: int | None = None) -> int:
    """Deletes changes that are older than CHANGES_KEEP_DAYS, in batches; returns how many.

    It publishes what is not published yet, since only the beginning of the feed is deleted.
    """
    while publish():
        pass
    before = at - dt.timedelta(days=settings.CHANGES_KEEP_DAYS)
    total = 0
    while limit is None or total < limit:
        count = purge_batch(before)
        total += count
        if count < BATCH:
            break
    return total


def purge_batch(before: dt.datetime) -> int:
    """The oldest positions first, up to the first change that is kept."""
    oldest: Any = FeedChange.objects.published().values_list("position", "created_at")[:BATCH]
    positions = []
    for position, created_at in oldest:
        if created_at >= before:
            break
        positions.append(position)
    if not positions:
        return 0
    with transaction.atomic():
        feed = locked_feed()
        last = max(positions[-1], feed.purged_position)
        _, counts = FeedChange.objects.filter(position__lte=last).delete()  # with their deliveries to webhooks
        Feed.objects.filter(pk=feed.pk).update(purged_position=last)
    return counts.get(FeedChange._meta.label, 0)
