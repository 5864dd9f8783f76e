"""Requests that were made with an idempotency key, and what they created. Bookings have the key in their own row."""

import datetime as dt
from collections.abc import Iterable
from typing import Any, Self

from django.db import models
from django.db.models import Q

from config.idempotency.keys import ANONYMOUS_REPLAY, MAX_SUBJECT, RequestKey

KEEP = dt.timedelta(days=30)  # the keys of known clients


class KeyedRequestQuerySet(models.QuerySet["KeyedRequest"]):
    def with_key(self, key: RequestKey) -> Self:
        return self.filter(client=key.client, key=key.key)

    def about(self, ids: Iterable[Any]) -> Self:
        """Those with one of these ids in their path."""
        return self.filter(subject__in=[str(pk) for pk in ids])

    def outdated(self, at: dt.datetime) -> Self:
        """Those that are not answered any more."""
        return self.filter(Q(created_at__lt=at - KEEP) | Q(client="", created_at__lt=at - ANONYMOUS_REPLAY))


class KeyedRequest(models.Model):
    """A request with a key, stored in the transaction of what it created. It has no answer, and no secret: the answer
    is made anew from the objects.
    """

    client = models.CharField(max_length=40, blank=True, help_text="`user:` and its id; empty: without credentials.")
    key = models.CharField(max_length=255)
    operation = models.CharField(max_length=60, help_text="Such as event-create.")
    subject = models.CharField(max_length=MAX_SUBJECT, blank=True, help_text="The id in its path.")
    fingerprint = models.CharField(max_length=64, help_text="Of the body: SHA-256.")
    object_ids = models.JSONField(default=list, help_text="Of what it created, as texts.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = KeyedRequestQuerySet.as_manager()

    class Meta:
        default_permissions = ()  # nobody sees them
        indexes = [
            # What the worker deletes.
            models.Index(fields=["created_at"], name="keyed_request_by_time"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["client", "key"],
                name="idempotency_key_is_unique_for_its_client",
                violation_error_message="A request has this idempotency key already.",
                violation_error_code="already-exists",
            ),
            models.CheckConstraint(
                condition=Q(key__length__range=(1, 255), operation__length__range=(1, 60), fingerprint__length=64),
                name="keyed_request_is_complete",
                violation_error_message="A request has a key, an operation and the fingerprint of its body.",
                violation_error_code="invalid-request",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.subject}".strip()
