"""Signatures as Standard Webhooks 1.0 says (https://www.standardwebhooks.com)."""

import base64
import binascii
import datetime as dt
import re
import secrets
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from standardwebhooks import Webhook

PREFIX = "whsec_"
MAX_LENGTH = 100
SIZES = range(24, 65)  # bytes
SECRET = re.compile(rf"{PREFIX}[A-Za-z0-9+/]{{32,86}}={{0,2}}")


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def validate_secret(secret: str) -> None:
    """Raises ValidationError."""
    try:
        is_valid = bool(SECRET.fullmatch(secret)) and len(base64.b64decode(secret[len(PREFIX) :])) in SIZES
    except binascii.Error:
        is_valid = False
    if not is_valid:
        raise ValidationError("Must be whsec_ and 24 to 64 bytes in base64.", code="invalid-secret")


def signed_headers(webhook_id: str, body: bytes, used: Iterable[str], *, at: dt.datetime) -> dict[str, str]:
    """The headers of a message, with one signature for each secret."""
    at = at.astimezone(dt.UTC)
    signatures = [Webhook(secret).sign(webhook_id, at, body.decode()) for secret in used]
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
