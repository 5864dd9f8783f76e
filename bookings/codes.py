"""Confirmation codes, which people type, ticket codes, which are scanned, and secrets, which open a booking."""

import re
import secrets
import string

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # without the look-alikes I, L, O, 0 and 1
CONFIRMATION_LENGTH = 8
TICKET_LENGTH = 26  # 31 ** 26 is more than 2 ** 128: a ticket's code cannot be guessed
PREFIX = "bks_"  # of secrets, by which the log recognises them
SECRET_LENGTH = len(PREFIX) + 32
TICKET_CODE = re.compile(f"[{ALPHABET}]{{{TICKET_LENGTH}}}")
CAPITALS = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)  # `upper` makes an S of a long s


def typed(code: str) -> str:
    """A typed, pasted or scanned code, such as `k7qm-z2ha` or `K7QM Z2HA`, in the form that is stored.

    Without case, spaces, dashes, control and invisible characters. Look-alikes are not guessed: codes have none.
    """
    return re.sub(r"[\W_]+", "", code).translate(CAPITALS)


def random_code(length: int) -> str:
    """All characters are equally likely: 248 is 8 × 31, and larger bytes are skipped."""
    code = ""
    while len(code) < length:
        code += "".join(ALPHABET[byte % 31] for byte in secrets.token_bytes(length) if byte < 248)
    return code[:length]


def confirmation_code() -> str:
    return random_code(CONFIRMATION_LENGTH)


def ticket_code() -> str:
    return random_code(TICKET_LENGTH)


def booking_secret() -> str:
    """192 random bits."""
    return PREFIX + secrets.token_urlsafe(24)
