"""The `Idempotency-Key` of a request: how it is read, documented, and answered again."""

import hashlib
import json
import re

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.lifecycle.place import IdempotencyKey
from config.problems import InvalidInput

HEADER, REPLAYED = "Idempotency-Key", "Idempotent-Replayed"
KEY = re.compile(r"[\x21-\x7e]{1,255}")
MIN_ANONYMOUS_KEY = 22  # characters: of a random one in Base64, 128 bits


def read_idempotency_key(request: Request) -> IdempotencyKey | None:
    """The `Idempotency-Key` header: 1 to 255 visible ASCII characters, at least 22 without credentials, since anonymous
    clients share one name space. Raises InvalidInput.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not KEY.fullmatch(key):
        raise invalid_key("invalid", "Must be 1 to 255 visible ASCII characters.")
    if not request.user.is_authenticated and len(key) < MIN_ANONYMOUS_KEY:
        detail = f"Must have at least {MIN_ANONYMOUS_KEY} characters, so that it cannot be guessed. Use a random UUID."
        raise invalid_key("min-length", detail)
    canonical = json.dumps(request.data, sort_keys=True, separators=(",", ":"))
    client = f"user:{request.user.pk}" if request.user.is_authenticated else ""
    return IdempotencyKey(client, key, hashlib.sha256(canonical.encode()).hexdigest())


def invalid_key(code: str, detail: str) -> InvalidInput:
    return InvalidInput(errors=[{"header": HEADER, "code": code, "detail": detail}])


def mark_replay(response: Response, *, is_replay: bool) -> Response:
    if is_replay:
        response[REPLAYED] = "true"
    return response


def key_parameters(result: str, more: str = "") -> list[OpenApiParameter]:
    """Both headers, for the document; `result` is what the operation makes: `booking`."""
    description = f"A name for this request. The same request with the same key answers the same {result}. {more}"
    replayed = f"An earlier request with the same {HEADER} made the {result}."
    return [
        OpenApiParameter(
            HEADER, str, OpenApiParameter.HEADER, pattern=f"^{KEY.pattern}$", description=description.strip()
        ),
        OpenApiParameter(REPLAYED, {"const": "true"}, OpenApiParameter.HEADER, response=[201], description=replayed),
    ]
