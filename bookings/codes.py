"""Codes for people to read out and type, and for machines to scan."""

import re
import secrets

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # without I, L, O, 0 and 1, which look alike
CONFIRMATION_LENGTH = 8
TICKET_LENGTH = 26  # 31 ** 26 is more than 2 ** 128: a ticket's code cannot be guessed
TICKET_CODE = re.compile(f"[{ALPHABET}]{{{TICKET_LENGTH}}}")


def typed(code: str) -> str:
    """A code as somebody types or pastes it, `k7qm-z2ha` or `K7QM Z2HA`, as it is stored."""
    return re.sub(r"[\W_]+", "", code).upper()


def random_code(length: int) -> str:
    """Each character with the same chance: 248 is 8 × 31, and a byte above it is passed over."""
    code = ""
    while len(code) < length:
        code += "".join(ALPHABET[byte % 31] for byte in secrets.token_bytes(length) if byte < 248)
    return code[:length]


def confirmation_code() -> str:
    return random_code(CONFIRMATION_LENGTH)


def ticket_code() -> str:
    return random_code(TICKET_LENGTH)
