"""The one door through which bodies come in."""

import codecs
import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.http import parse_header_parameters
from rest_framework.parsers import BaseParser

from config.problems import Malformed, TooLarge, UnsupportedMediaType, escape

MAX_LEVELS = 32


class StrictJSONParser(BaseParser):
    """JSON that every reader understands the same way (RFC 8259, I-JSON RFC 7493).

    Raises TooLarge, UnsupportedMediaType for another charset, and Malformed for what is not UTF-8, not JSON, NaN or
    Infinity, a duplicate key, a lone surrogate, or nested deeper than 32 levels.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        request = (parser_context or {}).get("request")
        if request is not None and request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise UnsupportedMediaType("Bodies are sent as they are, not compressed.")
        kind, parameters = parse_header_parameters(media_type or "")
        if kind != self.media_type or parameters.get("charset", "utf-8").lower() != "utf-8":
            raise UnsupportedMediaType("Bodies are application/json in UTF-8.")
        body = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge(f"A body may have {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes.")
        try:
            text = codecs.decode(body, "utf-8")
        except UnicodeDecodeError as error:
            raise Malformed(f"The body is not UTF-8 (byte {error.start}).") from None
        try:
            value = json.loads(text, object_pairs_hook=unique_keys, parse_constant=no_constant)
        except RecursionError:
            raise Malformed(f"The body is nested deeper than {MAX_LEVELS} levels.") from None
        except json.JSONDecodeError as error:
            raise Malformed(f"The body is not JSON (line {error.lineno}, column {error.colno}).") from None
        except ValueError:
            raise Malformed("The body has a number of several thousand digits.") from None
        check(value, "", MAX_LEVELS)
        return value


@dataclass(frozen=True)
class Fault:
    """Stands in the parsed value where something stood that cannot be accepted, until it is known where that is."""

    detail: str


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any] | Fault:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            return Fault(f"The key {key!r} is given twice.")
        result[key] = value
    return result


def no_constant(name: str) -> Fault:
    return Fault(f"{name} is not JSON.")


def check(value: Any, pointer: str, levels: int) -> None:
    """Raises Malformed for a Fault, a text with half a surrogate pair, and nesting deeper than `levels`."""
    if isinstance(value, Fault):
        raise malformed(pointer, value.detail)
    if isinstance(value, str) and is_torn(value):
        raise malformed(pointer, "The text holds half a surrogate pair, which is no character.")
    if isinstance(value, dict | list) and not levels:
        raise malformed(pointer, f"This is nested deeper than {MAX_LEVELS} levels.")
    if isinstance(value, list):
        for index, child in enumerate(value):
            check(child, f"{pointer}/{index}", levels - 1)
    if isinstance(value, dict):
        for key, child in value.items():
            if is_torn(key):
                raise malformed(pointer, f"The key {key!r} holds half a surrogate pair, which is no character.")
            check(child, f"{pointer}/{escape(key)}", levels - 1)


def is_torn(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def malformed(pointer: str, detail: str) -> Malformed:
    return Malformed(detail, errors=[{"pointer": pointer, "code": Malformed.code, "detail": detail}])
