"""The tree of errors, and the problem that an exception amounts to. The API and the back office show them.

Problem                   an answer of 400 or above (RFC 9457)
├── InvalidInput          400  a field or parameter is not valid; `errors` says where
├── Malformed             400  the body is not JSON, or is ambiguous JSON
├── BadHost               400
├── Unauthenticated       401
├── Forbidden             403
├── NotFound              404
├── MethodNotAllowed      405
├── NotAcceptable         406
├── DomainError           409  the current state does not allow it; subclasses stand beside what raises them
│   ├── InUse
│   └── AlreadyExists
├── LengthRequired        411
├── PreconditionFailed    412
├── TooLarge              413
├── AddressTooLong        414
├── UnsupportedMediaType  415
├── TooManyRequests       429
│   └── Busy
├── HeadersTooLarge       431
├── ServerError           500
└── Unavailable           503
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from django.core.exceptions import (
    DisallowedHost,
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.db import DatabaseError, IntegrityError, InterfaceError
from django.db.models import ProtectedError, UniqueConstraint
from django.http import Http404

from config.database.constraints import blamed_field, is_foreign_key, is_temporary, violated_constraint

logger = logging.getLogger(__name__)


def escape(token: str) -> str:
    """A name as a reference token of a JSON pointer (RFC 6901)."""
    return token.replace("~", "~0").replace("/", "~1")


Precondition = Callable[[], None]  # called by a verb with the row locked; raises to stop it


def no_precondition() -> None:
    """Always passes."""


class Problem(Exception):
    """An answer of 400 or above.

    `detail` is a sentence about this occurrence. `errors` has one dict for each error, with `pointer` (a JSON pointer
    into the body) or `parameter` (of the query), `code`, `detail` and what else helps. `retry_after` is in seconds.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    status: ClassVar[int]

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Sequence[dict[str, Any]] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or f"{self.title}."
        self.errors = list(errors)
        self.retry_after = retry_after

    @classmethod
    def family(cls) -> Iterator[type["Problem"]]:
        """This class and every class below it that has a code of its own."""
        if "code" in cls.__dict__:
            yield cls
        for child in cls.__subclasses__():
            yield from child.family()


class InvalidInput(Problem):
    """A field of the body or a parameter is not valid. `errors` names each."""

    code, title, status = "invalid-input", "The request has invalid input", 400


class Malformed(Problem):
    """The body is not JSON, or JSON that two parsers could read differently."""

    code, title, status = "malformed", "The request could not be read", 400


class BadHost(Problem):
    """The server does not serve the name in the Host header."""

    code, title, status = "bad-host", "Unknown host", 400


class Unauthenticated(Problem):
    """The request needs a valid token: `Authorization: Bearer <token>`."""

    code, title, status = "unauthenticated", "Authentication is needed", 401


class Forbidden(Problem):
    """The user or token does not have the permission."""

    code, title, status = "forbidden", "Not allowed", 403


class NotFound(Problem):
    """The resource does not exist, or the client may not see it."""

    code, title, status = "not-found", "Not found", 404


class MethodNotAllowed(Problem):
    """The resource does not support this method; the Allow header lists those that it supports."""

    code, title, status = "method-not-allowed", "Method not allowed", 405


class NotAcceptable(Problem):
    """The answer is not available in a media type that the Accept header allows."""

    code, title, status = "not-acceptable", "Not available in that form", 406


class LengthRequired(Problem):
    """The body came in chunks, without a Content-Length, and no proxy in front of the server has collected it."""

    code, title, status = "length-required", "Send the body with a Content-Length", 411


class PreconditionFailed(Problem):
    """The resource has changed since the client fetched it (`If-Match`). Nothing was changed."""

    code, title, status = "precondition-failed", "The resource has changed", 412


class TooLarge(Problem):
    """The body is larger than 256 kB."""

    code, title, status = "too-large", "The request is too large", 413


class AddressTooLong(Problem):
    """The path and query are longer than 8 kB."""

    code, title, status = "address-too-long", "The address is too long", 414


class UnsupportedMediaType(Problem):
    """Bodies must be application/json."""

    code, title, status = "unsupported-media-type", "Unsupported media type", 415


class TooManyRequests(Problem):
    """The client has exceeded its rate limit. Retry-After says when to retry."""

    code, title, status = "too-many-requests", "Too many requests", 429


class Busy(TooManyRequests):
    """The server is overloaded. Nothing was changed; Retry-After says when to retry."""

    code, title = "busy", "The server is overloaded"


class HeadersTooLarge(Problem):
    """A header is longer than 8 kB, or all of them are longer than 32 kB."""

    code, title, status = "headers-too-large", "The headers are too large", 431


class ServerError(Problem):
    """A bug or a failure of the server. The request id finds it in the logs."""

    code, title, status = "server-error", "Internal server error", 500


class Unavailable(Problem):
    """The database, or the mail server, is not available. The same request may succeed after Retry-After seconds."""

    code, title, status = "unavailable", "Temporarily unavailable", 503


class DomainError(Problem):
    """The request is valid, but the current state does not allow it. Nothing was changed."""

    code, title, status = "conflict", "The current state does not allow this", 409


class InUse(DomainError):
    """Bookings refer to the resource, so it cannot be deleted, nor an event be a draft again."""

    code, title = "in-use", "Still in use"

    @classmethod
    def by(cls, bookings: int) -> "InUse":
        detail = f"{bookings} booking{'s refer' if bookings > 1 else ' refers'} to it."
        return cls(detail, errors=[{"pointer": "", "code": cls.code, "detail": detail, "bookings": bookings}])


class AlreadyExists(DomainError):
    """The value must be unique, and another object has it."""

    code, title = "already-exists", "Already exists"


def problem_from(error: Exception) -> Problem | None:  # noqa: C901, PLR0911  one case for each kind
    """The problem that an exception amounts to; None for a bug."""
    match error:
        case Problem():
            return error
        case ValidationError():
            return InvalidInput(errors=list(validation_errors(error)))
        case ProtectedError():
            return InUse()
        case IntegrityError():
            return integrity_problem(error)
        case DatabaseError() | InterfaceError() if is_temporary(error):
            logger.warning("The database did not answer: %s", error)
            return Unavailable("The database did not answer in time.", retry_after=1)
        case Http404() | ObjectDoesNotExist():
            return NotFound()
        case PermissionDenied():
            return Forbidden()
        case RequestDataTooBig():
            return TooLarge()
        case DisallowedHost():
            return BadHost()
        case SuspiciousOperation():
            return Malformed("The request has too many parts.")
    return None


def validation_errors(error: ValidationError) -> Iterator[dict[str, Any]]:
    fields = error.error_dict if hasattr(error, "error_dict") else {"__all__": error.error_list}
    for field, entries in fields.items():
        for entry in entries:
            yield {
                "pointer": "" if field == "__all__" else f"/{escape(field)}",
                "code": (entry.code or "invalid").replace("_", "-"),
                "detail": " ".join(entry.messages),
            }


def integrity_problem(error: IntegrityError) -> Problem | None:
    """The violated constraint's own code and message."""
    if is_foreign_key(error):
        return InUse("Another object refers to it, or an object that it refers to was deleted.")
    constraint = violated_constraint(error)
    if constraint is None:
        return None
    code = constraint.violation_error_code or "invalid"
    detail = str(constraint.violation_error_message)
    kind = next((kind for kind in Problem.family() if kind.code == code), None)
    if kind is None:
        kind = AlreadyExists if isinstance(constraint, UniqueConstraint) else InvalidInput
    return kind(detail, errors=[{"pointer": f"/{blamed_field(constraint)}", "code": code, "detail": detail}])
