"""What text may be: trimmed, NFC, visible, and free of characters that reorder or break other text."""

import unicodedata
from functools import cache
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError

BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
BYTE_ORDER_MARK = "\ufeff"
TRIMMED = " \t\r\n"  # what may stand around a text and is taken off before anybody looks at its characters
LINE_BREAKS = frozenset("\n\r\t")
INVISIBLE_CATEGORIES = frozenset(("Cc", "Cf", "Cn", "Co", "Zl", "Zp", "Zs"))
INVISIBLE_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
NO_PLACES = frozenset(("localtime", "Factory"))  # what the machine is set to, and not set at all


def normalise(value: str) -> str:
    """The form in which text is stored: trimmed, Unicode NFC; empty when nothing in it can be seen."""
    value = unicodedata.normalize("NFC", value.strip())
    return value if any(map(is_visible, value)) else ""


def is_visible(character: str) -> bool:
    return unicodedata.category(character) not in INVISIBLE_CATEGORIES and character not in INVISIBLE_LETTERS


def fold(value: str) -> str:
    """The form in which e-mail addresses are compared: without regard to case."""
    return unicodedata.normalize("NFC", normalise(value).casefold())


def validate_line(value: str) -> None:
    """Raises ValidationError when `value` holds anything that does not belong in one line of text."""
    for character in value:
        if (
            unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
            or character in BIDI_CONTROLS
            or character == BYTE_ORDER_MARK
        ):
            raise ValidationError(f"The character U+{ord(character):04X} is not allowed here.", code="bad-character")


def validate_paragraphs(value: str) -> None:
    """As `validate_line`, but line breaks and tabs are allowed."""
    validate_line("".join(character for character in value if character not in LINE_BREAKS))


timezones = cache(available_timezones)  # which reads a folder of files


def validate_timezone(value: str) -> None:
    """Raises ValidationError when `value` is not an IANA time zone name."""
    if value not in timezones():
        raise ValidationError(
            f"{value!r} is not an IANA time zone name, such as Europe/Vienna.", code="unknown-timezone"
        )
