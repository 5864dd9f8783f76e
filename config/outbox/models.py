"""The change feed: what happened, in the order in which it became visible to all."""

import json
import uuid
from collections import Counter
from collections.abc import Iterable
from typing import Any, Self

from django.db import models
from django.db.models import F, Q

from config.outbox.types import TYPES

BATCH = 1000  # objects in one statement


class RenderedField(models.TextField):
    """A JSON object that keeps the order of its keys; jsonb would not."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> str | None:
        return value if value is None or isinstance(value, str) else to_text(value)

    def value_to_string(self, obj: Any) -> str:
        return self.get_prep_value(self.value_from_object(obj)) or ""


ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def to_text(data: Any) -> str:
    return ENCODER.encode(data)


class FeedChangeQuerySet(models.QuerySet["FeedChange"]):
    def unpublished(self) -> Self:
        return self.filter(position=None)

    def published(self) -> Self:
        """In the order of the feed."""
        return self.filter(position__isnull=False).order_by("position")

    def of(self, resource: str, ids: Any) -> Self:
        """Of some objects, by the ids that the API shows."""
        return self.filter(object_type=resource, object_id__in=[str(pk) for pk in ids])

    def erase_data(self, resource: str, ids: Iterable[Any]) -> None:
        """Erases what the changes of some objects tell of them: only that they happened is kept."""
        rest = list(ids)
        while rest:
            rows = self.of(resource, rest[:BATCH])
            rows.unpublished().update(data=None)  # first: what is published meanwhile is found by the second
            rows.filter(position__isnull=False).update(data=None)
            del rest[:BATCH]


class FeedChange(models.Model):
    """A change of a resource, written in the transaction of the change.

    It has no `position` until it is published, which is when its transaction can be seen by all. `id` is the order in
    which changes of one object happened, `key` what clients know it by: it stays unique when a backup is restored.
    """

    id = models.BigAutoField(primary_key=True)
    key = models.UUIDField(default=uuid.uuid4, editable=False)
    position = models.BigIntegerField(null=True, editable=False, help_text="Its place in the feed, from 1.")
    type = models.CharField(max_length=40, editable=False)
    object_type = models.CharField(max_length=20, editable=False)
    object_id = models.CharField(max_length=40, editable=False)
    data = RenderedField(
        null=True, editable=False, help_text="The resource as the API showed it; null when it is deleted or erased."
    )
    by = models.CharField(max_length=150, editable=False, help_text="The account's name; anonymous, or system.")
    created_at = models.DateTimeField(editable=False)

    objects = FeedChangeQuerySet.as_manager()

    class Meta:
        verbose_name = "change"
        ordering = ["-id"]
        default_permissions = ("view",)
        indexes = [
            # What is to be published. Nearly always empty.
            models.Index(fields=["id"], name="feed_change_unpublished", condition=Q(position=None)),
            # GET /changes?type=.
            models.Index(fields=["type", "position"], name="feed_change_by_type", condition=Q(position__isnull=False)),
            # The changes of a day: the admin.
            models.Index(fields=["created_at"], name="feed_change_by_day", condition=Q(position__isnull=False)),
            # The changes of one object: the admin, and erasure.
            models.Index(
                fields=["object_type", "object_id"],
                name="feed_change_of_object",
                condition=Q(position__isnull=False),  # written by the publisher, and not by a sale
            ),
        ]
        constraints = [
            # Its index is that of GET /changes.
            models.UniqueConstraint(
                fields=["position"],
                name="feed_change_position_is_unique",
                violation_error_message="Another change has this position.",
                violation_error_code="already-exists",
            ),
            models.CheckConstraint(
                condition=Q(position=None) | Q(position__gte=1),
                name="feed_change_position_is_above_0",
                violation_error_message="Positions begin with 1.",
                violation_error_code="invalid-position",
            ),
            models.CheckConstraint(
                condition=Q(type__length__gt=0, object_type__length__gt=0, object_id__length__gt=0),
                name="feed_change_names_its_object",
                violation_error_message="A change has a type and an object.",
                violation_error_code="invalid-change",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.object_id}"

    @property
    def permission(self) -> str | None:
        """What a reader needs to see it; None for a type of a newer or older release."""
        return TYPES[self.type].permission if self.type in TYPES else None


class Feed(models.Model):
    """One row: how far the feed goes, and where it begins. Its lock is what makes positions gapless."""

    last_position = models.BigIntegerField(default=0, help_text="Of the newest change that is published.")
    purged_position = models.BigIntegerField(default=0, help_text="Of the newest change that was deleted.")
    totals = models.JSONField(default=dict, db_default={}, help_text="How many changes of each type were published.")

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(purged_position__gte=0, purged_position__lte=F("last_position")),
                name="feed_begins_before_its_end",
                violation_error_message="What was deleted had been published.",
                violation_error_code="invalid-position",
            ),
            models.CheckConstraint(
                condition=Q(id=1),
                name="feed_is_one",
                violation_error_message="There is one feed.",
                violation_error_code="already-exists",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purged_position} to {self.last_position}"

    def added(self, types: Iterable[str]) -> dict[str, int]:
        """The totals with some more changes."""
        return dict(Counter(self.totals) + Counter(types))


class WorkerHeartbeat(models.Model):
    """A running worker. Its row is renewed every few seconds, and deleted when it stops."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.CharField(max_length=100, editable=False)
    pid = models.PositiveIntegerField(editable=False)
    version = models.CharField(max_length=50, blank=True, default="", editable=False)
    steps = models.JSONField(default=dict, editable=False, help_text="What each step did last.")
    error = models.CharField(max_length=500, blank=True, default="", editable=False, help_text="The last one.")
    started_at = models.DateTimeField(editable=False)
    seen_at = models.DateTimeField(editable=False)

    class Meta:
        verbose_name = "worker"
        ordering = ["-seen_at"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.host} {self.pid}"
