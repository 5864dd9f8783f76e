"""Text: trimmed, NFC, visible, without characters that reorder or break other text."""

import re
import unicodedata
from functools import cache, lru_cache
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
TRIMMED = " \t\r\n"  # allowed around a text, and removed before its characters are checked
# Letters of names that are written with others where they are missing, and the apostrophes between letters.
LETTERS = {
    "\u00e6": "ae", "\u0153": "oe", "\u00f0": "d", "\u00fe": "th", "\u0131": "i", "\u014b": "n", "\u0138": "k",
    **dict.fromkeys("\u2018\u2019\u02b9\u02bb\u02bc\u02be\u02bf\u00b4\u2032", ""),
}  # fmt: skip
WITH_MARK = re.compile(r"LATIN SMALL LETTER (?:OPEN |TURNED |REVERSED )?([A-Z]) WITH .+")
# Character classes of regular expressions, which the OpenAPI document publishes. Not allowed in lines: controls, line
# and paragraph separators, bidi controls, the byte-order mark. Invisible: spaces,
# Unicode's Default_Ignorable_Code_Point, and the blank of Braille.
NOT_IN_LINES = r"\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
NOT_IN_PARAGRAPHS = NOT_IN_LINES.replace(r"\u0000-\u001f", r"\u0000-\u0008\u000b\u000c\u000e-\u001f")
SPACES = r"\u0020\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
IGNORABLE = (
    r"\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u2800\u3164"
    r"\ufe00-\ufe0f\uffa0\ufff0-\ufffb"
)
# Not in the document: without its flag u, JavaScript does not read characters beyond U+FFFF in classes.
IGNORABLE_BEYOND = r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
NOT_ALLOWED = {it: re.compile(rf"[{it}\ud800-\udfff]") for it in (NOT_IN_LINES, NOT_IN_PARAGRAPHS)}
INVISIBLE = re.compile(rf"[{IGNORABLE}{IGNORABLE_BEYOND}]")
VISIBLE = re.compile(rf"[^{SPACES}{IGNORABLE}{IGNORABLE_BEYOND}\s]")
MAX_EMAIL_KEY = 320  # characters of a folded e-mail address
MAX_MARKS = 30  # in a row, as in Unicode's Stream-Safe Text Format (UAX 15); NFC sorts them in quadratic time
NO_PLACES = frozenset(("localtime", "Factory"))  # the zone of the machine, and of none


def normalise(value: str) -> str:
    """The stored form: trimmed, NFC, and empty when no character is visible."""
    value = value.strip()
    if has_too_many_marks(value):
        return value  # which `refuse_characters` refuses
    value = unicodedata.normalize("NFC", value)
    return value if VISIBLE.search(value) else ""


def has_too_many_marks(value: str) -> bool:
    marks = 0
    for character in "" if value.isascii() else value:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks > MAX_MARKS:
            return True
    return False


def pattern(*, paragraphs: bool = False, blank: bool = False) -> str:
    """A regular expression for the input, before it is trimmed, that ECMA-262 reads without flags.

    It takes one thing more: a text of nothing but ignorable characters beyond U+FFFF.
    """
    taken = f"[^{NOT_IN_PARAGRAPHS if paragraphs else NOT_IN_LINES}]*"
    visible = "" if blank else f"[^{NOT_IN_LINES}{SPACES}{IGNORABLE}]{taken}"
    return rf"^[ \t\r\n]*{taken}{visible}[ \t\r\n]*$"


def words(most: int) -> str:
    """An expression as in `pattern`, for a line of up to `most` words as `str.split` separates them."""
    word = f"[^{NOT_IN_LINES}{SPACES}]+"
    return f"^[{SPACES}]*({word}([{SPACES}]+{word}){{0,{most - 1}}})?[{SPACES}]*$"


def fold(value: str) -> str:
    """The form in which e-mail addresses are compared: without case, width and invisible characters.

    A domain is the same in Unicode and in Punycode (RFC 5891).
    """
    local, at, domain = INVISIBLE.sub("", unicodedata.normalize("NFKC", normalise(value))).casefold().rpartition("@")
    return unicodedata.normalize("NFC", f"{local}{at}{to_unicode(domain)}")


def to_unicode(domain: str) -> str:
    if "xn--" not in domain:
        return domain
    try:
        return domain.encode("ascii").decode("idna").casefold()
    except UnicodeError:
        return domain


def validate_email_key(value: str) -> None:
    """Raises ValidationError for an address with invisible characters, and for one whose folded form is too long: one
    letter may become three.
    """
    if found := INVISIBLE.search(value):
        detail = f"The character U+{ord(found[0]):04X} is not allowed in an e-mail address."
        raise ValidationError(detail, code="bad-character")
    if len(fold(value)) > MAX_EMAIL_KEY:
        raise ValidationError("This e-mail address is too long.", code="invalid")


def search_key(value: str) -> str:
    """The form in which names are searched: words without case, accents and strokes, apostrophes, hyphens and commas.

    Ligatures are their letters, and a dotless i is an i.
    """
    letters = unicodedata.normalize("NFKD", value.casefold())
    bare = "".join(bare_letter(letter) for letter in letters)
    return " ".join(bare.split())


@lru_cache(maxsize=4_096)
def bare_letter(letter: str) -> str:
    """The letters that Unicode's name of the letter begins with: `l` for `ł`, which has no decomposition."""
    if letter.isascii():
        return {"'": "", "-": " ", ",": " "}.get(letter, letter)
    if letter in LETTERS:
        return LETTERS[letter]
    if unicodedata.combining(letter) or INVISIBLE.fullmatch(letter):
        return ""
    if unicodedata.category(letter) == "Pd":
        return " "
    found = WITH_MARK.fullmatch(unicodedata.name(letter, ""))
    return found[1].lower() if found else letter


def validate_line(value: str) -> None:
    """Raises ValidationError for a character that does not belong in one line of text."""
    refuse_characters(value, NOT_IN_LINES)


def validate_paragraphs(value: str) -> None:
    """As `validate_line`, but line breaks and tabs are allowed."""
    refuse_characters(value, NOT_IN_PARAGRAPHS)


def refuse_characters(value: str, refused: str) -> None:
    if found := NOT_ALLOWED[refused].search(value):
        raise ValidationError(f"The character U+{ord(found[0]):04X} is not allowed here.", code="bad-character")
    if has_too_many_marks(value):
        detail = f"More than {MAX_MARKS} combining characters in a row are not allowed."
        raise ValidationError(detail, code="bad-character")


@cache
def timezones() -> frozenset[str]:
    """The names of all IANA time zones."""
    return frozenset(available_timezones() - NO_PLACES)


def validate_timezone(value: str) -> None:
    """Raises ValidationError."""
    if value not in timezones():
        raise ValidationError(
            f"{value!r} is not an IANA time zone name, such as Europe/Vienna.", code="unknown-timezone"
        )
