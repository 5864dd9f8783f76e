"""Creates objects once for each idempotency key: the key commits with what it created, or neither does."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from config.database.constraints import is_waiting_for, violated_constraint
from config.idempotency.keys import ANONYMOUS_REPLAY, RequestKey
from config.idempotency.models import KeyedRequest
from config.idempotency.problems import (
    CreatedObjectGone,
    IdempotencyKeyExpired,
    IdempotencyKeyReused,
    RequestInProgress,
)

CONSTRAINT = "idempotency_key_is_unique_for_its_client"


@dataclass(frozen=True)
class Created:
    """What a request created. A replay has the ids alone."""

    ids: Sequence[str]
    objects: Sequence[Any] = ()
    is_replay: bool = False

    @classmethod
    def of(cls, objects: Iterable[Any]) -> Self:
        made = list(objects)
        return cls([str(it.pk) for it in made], made)

    def found_in(self, rows: QuerySet[Any]) -> list[Any]:
        """The objects as they are now, in the order of their creation; new ones also when `rows` do not have them.

        `rows` are what the client may see. Raises CreatedObjectGone for a replay of others.
        """
        new = {str(it.pk): it for it in self.objects}
        found = new | {str(it.pk): it for it in rows.filter(pk__in=self.ids).order_by()}
        if missing := [pk for pk in self.ids if pk not in found]:
            raise CreatedObjectGone.of(rows.model._meta.verbose_name, missing)
        return [found[pk] for pk in self.ids]


def create_once(key: RequestKey | None, make: Callable[[], Iterable[Any]]) -> Created:
    """Calls `make`, which creates objects and returns them, unless the key's request has created some already.

    With a key, `make` runs in one transaction with it, so it must not wait for anybody else, such as a payment
    provider. A refusal that it raises leaves the key unused.

    Raises IdempotencyKeyReused, IdempotencyKeyExpired and RequestInProgress.
    """
    if key is None:
        return Created.of(make())
    return earlier(key) or claim(key, make)


def earlier(key: RequestKey) -> Created | None:
    """What was created with the key. Raises IdempotencyKeyReused, IdempotencyKeyExpired."""
    row = KeyedRequest.objects.with_key(key).first()
    if row is None:
        return None
    if (row.operation, row.subject) != (key.operation, key.subject):
        raise IdempotencyKeyReused(f"This idempotency key was used with another request ({row}). Use a new key.")
    key.refuse_other(row.fingerprint)
    if not key.client and row.created_at + ANONYMOUS_REPLAY <= timezone.now():
        raise IdempotencyKeyExpired("This key's request is more than 24 hours old. Use a new key.")
    return Created(row.object_ids, is_replay=True)


def claim(key: RequestKey, make: Callable[[], Iterable[Any]]) -> Created:
    """The key is written first: a concurrent request with the same key waits there, and holds no other lock."""
    try:
        with transaction.atomic():
            row = KeyedRequest.objects.create(
                client=key.client,
                key=key.key,
                operation=key.operation,
                subject=key.subject,
                fingerprint=key.fingerprint,
            )
            created = Created.of(make())
            row.object_ids = created.ids
            row.save(update_fields=["object_ids"])
    except IntegrityError as error:
        constraint = violated_constraint(error)
        if constraint is None or constraint.name != CONSTRAINT:
            raise
        if (found := earlier(key)) is not None:
            return found
        raise in_progress() from None  # the key was deleted meanwhile
    except OperationalError as error:
        if is_waiting_for(error, CONSTRAINT):
            raise in_progress() from None
        raise
    return created


def in_progress() -> RequestInProgress:
    return RequestInProgress("A request with this key is still in progress. Retry.", retry_after=1)


def forget(key: RequestKey | None) -> None:
    """Makes a retry a fresh attempt: for a request that fails after what it created has committed."""
    if key is not None:
        KeyedRequest.objects.with_key(key).delete()
