"""Everything that can go wrong, as classes: the domain raises them, the API and the admin show them.

Problem                   an answer of 400 or above (RFC 9457)
├── InvalidInput          400  what was sent cannot be accepted; `errors` says where
├── Malformed             400  not JSON at all, or not the JSON that an API can trust
├── BadHost               400
├── Unauthenticated       401
├── Forbidden             403
├── NotFound              404
├── MethodNotAllowed      405
├── NotAcceptable         406
├── DomainError           409  the state of things refuses; each refusal is a subclass beside what raises it
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

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar


def escape(token: str) -> str:
    """A name as a step of a JSON pointer."""
    return token.replace("~", "~0").replace("/", "~1")


Precondition = Callable[[], None]  # called by a verb with the row locked; raises to stop it


def no_precondition() -> None:
    """Always passes."""


class Problem(Exception):
    """An answer of 400 or above.

    `detail` is a sentence about this occurrence. `errors` holds one dict per fault, with `pointer` (an RFC 6901 JSON
    pointer into the body) or `parameter` (of the query), `code`, `detail` and whatever else helps to mend it.
    `retry_after` is in seconds.
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
    """Something in the body, the path or the query cannot be accepted. `errors` names each place."""

    code, title, status = "invalid-input", "The request has invalid input", 400


class Malformed(Problem):
    """The body is not JSON, or is JSON that two readers could understand differently."""

    code, title, status = "malformed", "The request could not be read", 400


class BadHost(Problem):
    """The server does not answer to the name in the Host header."""

    code, title, status = "bad-host", "Unknown host", 400


class Unauthenticated(Problem):
    """The request needs a token that is valid now, as `Authorization: Bearer <token>`."""

    code, title, status = "unauthenticated", "Authentication is needed", 401


class Forbidden(Problem):
    """The caller is known and lacks the permission."""

    code, title, status = "forbidden", "Not allowed", 403


class NotFound(Problem):
    """Nothing is here, or nothing that this caller may see."""

    code, title, status = "not-found", "Not found", 404


class MethodNotAllowed(Problem):
    """The resource does not know this method; the Allow header lists those that it knows."""

    code, title, status = "method-not-allowed", "Method not allowed", 405


class NotAcceptable(Problem):
    """The answer exists in none of the media types that the Accept header asks for."""

    code, title, status = "not-acceptable", "Not available in that form", 406


class LengthRequired(Problem):
    """The body came in chunks, without a Content-Length, and no proxy in front of the server has collected it."""

    code, title, status = "length-required", "Send the body with a Content-Length", 411


class PreconditionFailed(Problem):
    """The resource is not in the state that `If-Match` names: somebody has changed it since. Nothing was changed."""

    code, title, status = "precondition-failed", "Changed meanwhile", 412


class TooLarge(Problem):
    """The body is larger than 256 kB."""

    code, title, status = "too-large", "The request is too large", 413


class AddressTooLong(Problem):
    """The path and the query together are longer than 8 kB."""

    code, title, status = "address-too-long", "The address is too long", 414


class UnsupportedMediaType(Problem):
    """Bodies are application/json."""

    code, title, status = "unsupported-media-type", "Unsupported media type", 415


class TooManyRequests(Problem):
    """The caller asks more often than it may; Retry-After says when to come back."""

    code, title, status = "too-many-requests", "Too many requests", 429


class Busy(TooManyRequests):
    """More people ask than can be answered soon. Nothing was done; Retry-After says when to come back."""

    code, title = "busy", "Too many people at once"


class HeadersTooLarge(Problem):
    """There are more than 100 headers, or one of them is longer than 8 kB."""

    code, title, status = "headers-too-large", "The headers are too large", 431


class ServerError(Problem):
    """The fault is ours. The request id finds it in the logs."""

    code, title, status = "server-error", "Something went wrong here", 500


class Unavailable(Problem):
    """The database is away or overloaded. The same request may succeed after Retry-After seconds."""

    code, title, status = "unavailable", "Temporarily unavailable", 503


class DomainError(Problem):
    """The request is well formed, and the state of things refuses it. Nothing was changed."""

    code, title, status = "conflict", "The current state does not allow this", 409


class InUse(DomainError):
    """It cannot be deleted, because bookings refer to it."""

    code, title = "in-use", "Still in use"

    @classmethod
    def by(cls, bookings: int) -> "InUse":
        detail = f"{bookings} booking{'s refer' if bookings > 1 else ' refers'} to it."
        return cls(detail, errors=[{"pointer": "", "code": cls.code, "detail": detail, "bookings": bookings}])


class AlreadyExists(DomainError):
    """Another one already has this value, which must be unique."""

    code, title = "already-exists", "Already exists"
