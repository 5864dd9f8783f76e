"""The parser of request bodies."""

import codecs
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.http import parse_header_parameters
from rest_framework.parsers import BaseParser

from config.problems import Malformed, TooLarge, UnsupportedMediaType, escape

MAX_LEVELS = 32
MAX_CONTAINERS = 4_000  # objects and lists in one body
CONTAINERS = (dict, list)
STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
LONE_SURROGATE = re.compile("[\ud800-\udfff]")

Path = tuple[str | int, ...]  # of names and indexes


class StrictJSONParser(BaseParser):
    """Unambiguous JSON (RFC 8259; I-JSON, RFC 7493).

    Raises TooLarge; UnsupportedMediaType for another charset or an encoding; Malformed for a body that is not UTF-8 or
    not JSON, for NaN, Infinity, duplicate keys and lone surrogates, below 32 levels, and above 4,000 objects and lists.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        request = (parser_context or {}).get("request")
        if request is not None and request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise UnsupportedMediaType("Request bodies must not be compressed.")
        kind, parameters = parse_header_parameters(media_type or "")
        if kind != self.media_type or parameters.get("charset", "utf-8").lower() != "utf-8":
            raise UnsupportedMediaType("Request bodies must be application/json in UTF-8.")
        body = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge(f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes.")
        try:
            text = codecs.decode(body, "utf-8")
        except UnicodeDecodeError as error:
            raise Malformed(f"The body is not UTF-8 (byte {error.start}).") from None
        if is_crowded(text) and is_crowded(STRING.sub("", text)):
            raise Malformed(f"The body has more than {MAX_CONTAINERS:,} objects and lists.")
        try:
            value = json.loads(text, object_pairs_hook=unique_keys, parse_constant=refuse_constant)
        except RecursionError:
            raise Malformed(f"The body is nested deeper than {MAX_LEVELS} levels.") from None
        except json.JSONDecodeError as error:
            raise Malformed(f"The body is not JSON (line {error.lineno}, column {error.colno}).") from None
        except ValueError:
            raise Malformed("The body has a number with thousands of digits.") from None
        check(value)
        return value


@dataclass(frozen=True)
class Defect:
    """Marks the place of an error in the parsed value: the parser's hooks do not know their pointer."""

    detail: str


NESTED = (*CONTAINERS, Defect)


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any] | Defect:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            return Defect(f"Duplicate key {key!r:.100}.")
        result[key] = value
    return result


def refuse_constant(name: str) -> Defect:
    return Defect(f"{name} is not JSON.")


def is_crowded(text: str) -> bool:
    """Whether it has too many objects, lists and constants outside of strings."""
    return sum(map(text.count, "{[NI")) > MAX_CONTAINERS


def check(body: Any) -> None:
    """Raises Malformed for a Defect, a lone surrogate, and nesting deeper than MAX_LEVELS.

    A loop with few calls of its own: at an unlucky depth of the stack, CPython 3.11 allocates memory for each call.
    """
    waiting: list[tuple[Path, Any]] = [((), body)]
    for path, value in waiting:
        if isinstance(value, Defect):
            raise malformed(path, value.detail)
        if isinstance(value, str) and LONE_SURROGATE.search(value):
            raise malformed(path, "The string has a lone surrogate.")
        if isinstance(value, CONTAINERS) and len(path) == MAX_LEVELS:
            raise malformed(path, f"The value is nested deeper than {MAX_LEVELS} levels.")
        for key in value if isinstance(value, dict) else ():
            if LONE_SURROGATE.search(key):
                raise malformed(path, f"The key {key!r:.100} has a lone surrogate.")
        for step, child in children(value):
            if isinstance(child, NESTED) or (isinstance(child, str) and LONE_SURROGATE.search(child)):
                waiting.append(((*path, step), child))


def children(value: Any) -> Iterable[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def malformed(path: Path, detail: str) -> Malformed:
    pointer = "".join(f"/{escape(str(step))}" for step in path)
    return Malformed(detail, errors=[{"pointer": pointer, "code": Malformed.code, "detail": detail}])
