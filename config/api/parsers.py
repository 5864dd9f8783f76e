"""The one door through which bodies come in."""

import codecs
import json
from typing import Any, NoReturn

from django.conf import settings
from rest_framework.parsers import BaseParser

from config.problems import Malformed, TooLarge

MOST_LEVELS = 32


class StrictJSONParser(BaseParser):
    """JSON that every reader understands the same way (RFC 8259, I-JSON RFC 7493).

    Raises TooLarge, and Malformed for what is not UTF-8, not JSON, NaN or Infinity, a duplicate key, a lone surrogate,
    or nested deeper than 32 levels.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        body = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge(f"A body may have {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes.")
        try:
            text = codecs.decode(body, "utf-8")
        except UnicodeDecodeError as error:
            raise Malformed(f"The body is not UTF-8 (byte {error.start}).") from None
        try:
            value = json.loads(text, object_pairs_hook=unique_keys, parse_constant=refuse_constant)
        except RecursionError:
            raise Malformed(f"The body is nested deeper than {MOST_LEVELS} levels.") from None
        except ValueError as error:
            raise Malformed(f"The body is not JSON: {error}.") from None
        check(value, MOST_LEVELS)
        return value


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise Malformed(f"The key {twice!r} is given twice.")
    return result


def refuse_constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is not JSON.")


def check(value: Any, levels: int) -> None:
    """Raises Malformed when a text holds half a surrogate pair, or when values nest deeper than `levels`."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Malformed("A text holds half a surrogate pair, which is no character.") from None
    elif isinstance(value, dict | list):
        if not levels:
            raise Malformed(f"The body is nested deeper than {MOST_LEVELS} levels.")
        for child in value:
            check(child, levels - 1)
        if isinstance(value, dict):
            for child in value.values():
                check(child, levels - 1)
