"""What a log must not hold is taken out of every line, in this one place.

Whoever holds a booking's id or a ticket's code may act on it, so they are secrets like tokens and passwords; addresses
are nobody's business. All of them come by in paths and queries, in what clients send, in errors and their tracebacks.
A request's own id stays: by it a line is found.
"""

import copy
import logging
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.http import HttpRequest, HttpResponse
from pythonjsonlogger.json import JsonFormatter

ESCAPE = re.compile(r"%(?:25)*([2-7][0-9A-Fa-f])")
UNRESERVED = re.compile(r"[A-Za-z0-9@._~:-]")

CREDENTIALS = (
    (re.compile(r"(?<=://)[^\s/@'\"]+@"), "[credentials]@"),  # of a database's URL
    (re.compile(r"\b(Bearer|Basic)(\W{1,4})[^\s'\",;]+", re.IGNORECASE), r"\1\2[secret]"),
    (re.compile(r"tbs_[\w-]+"), "[token]"),
    # In queries, cookies and reprs. A cursor holds what its list is sorted by, such as names.
    (
        re.compile(
            r"\b(sessionid|csrftoken|csrfmiddlewaretoken|cursor|\w*(?:password|secret)\w*)(['\"]?\s?[=:]\s?['\"]?)[^\s&'\",;]+",
            re.IGNORECASE,
        ),
        r"\1\2[secret]",
    ),
    (
        re.compile(r"(?:\\?\"[^\"\n]{1,64}\"|[^\s\"'<>()\[\]{},;:=&?/|\\@]+)@[^\s\"'<>()\[\]{},;:=&?/|\\@]+"),
        "[address]",
    ),
)
IDS = (
    (re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Fa-f])"), "[id]"),
    (re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{32,}(?![0-9A-Fa-f])"), "[id]"),  # as SQLite keeps it; and digests
    (re.compile(r"(?<![A-Za-z0-9])[A-HJKMNP-Z2-9]{26}(?![A-Za-z0-9])"), "[ticket]"),
)


def redact(text: str, *, but_ids: bool = False) -> str:
    """The text without what is nobody's business; `but_ids` leaves what looks like an id or a code."""
    if "%" in text:
        text = ESCAPE.sub(unescape, text)
    for pattern, stand_in in CREDENTIALS if but_ids else CREDENTIALS + IDS:
        text = pattern.sub(stand_in, text)
    return text


def unescape(found: re.Match[str]) -> str:
    """A character that a path has no need to escape, as it is: an id can be spelled in many ways."""
    character = chr(int(found[1], 16))
    return character if UNRESERVED.fullmatch(character) else found[0]


USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def redacted(record: logging.LogRecord, formatter: logging.Formatter) -> logging.LogRecord:
    """A copy of a record, for other handlers may want it as it is."""
    told = copy.copy(record)
    told.msg, told.args = redact(record.getMessage()), ()
    if record.exc_info and not record.exc_text:
        told.exc_text = formatter.formatException(record.exc_info)
    told.exc_text = redact(told.exc_text) if told.exc_text else None
    told.exc_info = None
    told.stack_info = redact(record.stack_info) if record.stack_info else None
    for name, value in vars(record).items():
        if name not in USUAL:
            setattr(told, name, plain(value, but_ids=name == "request_id"))
    return told


def plain(value: Any, *, but_ids: bool) -> Any:
    return value if value is None or isinstance(value, bool | int | float) else redact(str(value), but_ids=but_ids)


class Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return super().format(redacted(record, self))


class Json(JsonFormatter):
    def format(self, record: logging.LogRecord) -> str:
        return super().format(redacted(record, self))


class Wrapped(logging.Formatter):
    """Another formatter, which is shown records without what is nobody's business."""

    def __init__(self, formatter: logging.Formatter | None) -> None:
        super().__init__()
        self.formatter = formatter or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        return self.formatter.format(redacted(record, self.formatter))


# Request ids

VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,128}")
request_id: ContextVar[str] = ContextVar("request_id", default="-")


class RequestIdMiddleware:
    """Takes `X-Request-ID` when it is 1 to 128 visible ASCII characters, makes one otherwise, and answers with it.

    The id stays until the next request of the same worker: Django and the server log an answer after they have it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        asked = request.headers.get("X-Request-ID", "")
        request_id.set(asked if VISIBLE_ASCII.fullmatch(asked) else str(uuid.uuid4()))
        response = self.get_response(request)
        response["X-Request-ID"] = request_id.get()
        return response


class RequestIdFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True
