"""The problems of idempotency keys."""

from collections.abc import Sequence
from typing import Any

from config.problems import DomainError


class IdempotencyKeyReused(DomainError):
    """The idempotency key was used for another request. Use a new key for each request that creates something."""

    code, title, status = "idempotency-key-reused", "The idempotency key was used for another request", 422


class IdempotencyKeyExpired(DomainError):
    """What was created with the idempotency key is not answered again: without a token that ends after 24 hours, and
    it ends when the secret of what was created is replaced. Use a new key for a new request.
    """

    code, title = "idempotency-key-expired", "The idempotency key has expired"


class RequestInProgress(DomainError):
    """A request with the same idempotency key is in progress. Retry to get what it creates."""

    code, title = "request-in-progress", "The same request is in progress"


class CreatedObjectGone(DomainError):
    """The request was executed before, and what it created has been deleted since, or the client may not see it any
    more. `errors` has the `id` of each such object. Use a new key to create it again.
    """

    code, title, status = "created-object-gone", "What was created is gone", 410

    @classmethod
    def of(cls, name: Any, ids: Sequence[str]) -> "CreatedObjectGone":
        """`name` is the kind of the objects: venue."""
        why = "that this key created was deleted, or you may not see it any more."
        errors = [{"pointer": "", "code": cls.code, "detail": f"The {name} {pk} {why}", "id": pk} for pk in ids]
        return cls(str(errors[0]["detail"]), errors=errors)
