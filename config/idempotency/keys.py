"""The header `Idempotency-Key`, and the one that marks a replay."""

import datetime as dt
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Self

from rest_framework.request import Request
from rest_framework.response import Response

from config.idempotency.problems import IdempotencyKeyReused
from config.problems import InvalidInput

HEADER, REPLAYED = "Idempotency-Key", "Idempotent-Replayed"
KEY = re.compile(r"[\x21-\x7e]{1,255}")
MIN_ANONYMOUS_KEY = 22  # characters: of a random one in Base64, 128 bits
MAX_SUBJECT = 100
ANONYMOUS_REPLAY = dt.timedelta(hours=24)  # how long the key of an anonymous client is answered


@dataclass(frozen=True)
class RequestKey:
    """A client's own name for one request: the body has the `fingerprint`, and `operation` and `subject` say what it
    does, and with which object.

    Anonymous clients (`client` is empty) share one name space.
    """

    client: str
    key: str
    fingerprint: str
    operation: str = ""
    subject: str = ""

    @classmethod
    def read(cls, request: Request, operation: str = "", subject: str = "") -> Self | None:
        """The `Idempotency-Key` header: 1 to 255 visible ASCII characters, at least 22 without credentials, so that
        nobody guesses the keys of others. Raises InvalidInput.
        """
        key = request.headers.get(HEADER)
        if key is None:
            return None
        if not KEY.fullmatch(key):
            raise invalid_key("invalid", "Must be 1 to 255 visible ASCII characters.")
        if not request.user.is_authenticated and len(key) < MIN_ANONYMOUS_KEY:
            detail = f"Must have at least {MIN_ANONYMOUS_KEY} characters, so that it cannot be guessed."
            raise invalid_key("min-length", f"{detail} Use a random UUID.")
        canonical = json.dumps(request.data, sort_keys=True, separators=(",", ":"))
        client = f"user:{request.user.pk}" if request.user.is_authenticated else ""
        return cls(client, key, hashlib.sha256(canonical.encode()).hexdigest(), operation, subject)

    def refuse_other(self, fingerprint: str) -> None:
        """Raises IdempotencyKeyReused when the key's request had another body."""
        if fingerprint != self.fingerprint:
            raise IdempotencyKeyReused("This idempotency key was used with another request body. Use a new key.")


def invalid_key(code: str, detail: str) -> InvalidInput:
    return InvalidInput(errors=[{"header": HEADER, "code": code, "detail": detail}])


def mark_replay(response: Response, *, is_replay: bool) -> Response:
    if is_replay:
        response[REPLAYED] = "true"
    return response
