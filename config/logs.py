"""Log formatters that redact every line, and request ids.

Redacted are credentials, tokens, secrets of bookings, codes of tickets, and e-mail addresses. They occur in paths and
queries, in what clients send, in errors and tracebacks. Ids stay: they give no access.
"""

import copy
import logging
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse
from pythonjsonlogger.json import JsonFormatter

ESCAPE = re.compile(r"%(?:25)*([2-7][0-9A-Fa-f])")
UNRESERVED = re.compile(r"[A-Za-z0-9@._~:-]")
ATOM = r"[^\s\"'<>()\[\]{},;:=&?/|\\@]"  # a character of an e-mail address

# Linear in the length of the line: a run of characters is tried from its start alone.
CREDENTIALS = (
    (re.compile(r"(?<=://)[^\s/@'\"]+@"), "[credentials]@"),  # of the URL of a database
    (re.compile(r"\b(Bearer|Basic)(\W{1,4})[^\s'\",;]+", re.IGNORECASE), r"\1\2[secret]"),
    (re.compile(r"tbs_[\w-]+"), "[token]"),
    (re.compile(r"bks_[\w-]+"), "[secret]"),
    (re.compile(r"[0-9a-z]{6,7}-[0-9a-f]{32}(?![0-9A-Za-z])"), "[token]"),  # of a link that resets a password
    (re.compile(r"(?<![A-Za-z0-9])[A-HJKMNP-Za-hjkmnp-z2-9]{26}(?![A-Za-z0-9])"), "[ticket]"),
    (re.compile(r"(?<=/tickets/)[^/?\s\"']+"), "[ticket]"),  # however it was typed
    # In queries, cookies and reprs. A cursor contains the sort key of a list, such as a name.
    (
        re.compile(
            r"\b(sessionid|csrftoken|csrfmiddlewaretoken|cursor|(?:mail_)?token|(?=\w*?(?:password|secret))\w++)"
            r"(['\"]?\s?[=:]\s?['\"]?)[^\s&'\",;]+",
            re.IGNORECASE,
        ),
        r"\1\2[secret]",
    ),
    (
        re.compile(rf"(?:\\?\"[^\"\n]{{1,64}}\"|(?<!{ATOM}){ATOM}++)@{ATOM}+"),
        "[address]",
    ),
)


def redact(text: str) -> str:
    if "%" in text:
        text = ESCAPE.sub(unescape, text)
    for pattern, replacement in CREDENTIALS:
        text = pattern.sub(replacement, text)
    return text


def unescape(match: re.Match[str]) -> str:
    """Decodes characters that need no escape in a path, so that an escaped code is recognised."""
    character = chr(int(match[1], 16))
    return character if UNRESERVED.fullmatch(character) else match[0]


STANDARD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def redact_record(record: logging.LogRecord, formatter: logging.Formatter) -> logging.LogRecord:
    """Returns a copy: other handlers get the record unchanged."""
    redacted = copy.copy(record)
    redacted.msg, redacted.args = redact(record.getMessage()), ()
    if record.exc_info and not record.exc_text:
        redacted.exc_text = formatter.formatException(record.exc_info)
    redacted.exc_text = redact(redacted.exc_text) if redacted.exc_text else None
    redacted.exc_info = None
    redacted.stack_info = redact(record.stack_info) if record.stack_info else None
    for name, value in vars(record).items():
        if name not in STANDARD_ATTRIBUTES and not isinstance(value, bool | int | float | None):
            setattr(redacted, name, redact(str(value)))
    return redacted


class Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return super().format(redact_record(record, self))


class Json(JsonFormatter):
    def format(self, record: logging.LogRecord) -> str:
        return super().format(redact_record(record, self))


class Wrapped(logging.Formatter):
    """Redacts records for another formatter."""

    def __init__(self, formatter: logging.Formatter | None) -> None:
        super().__init__()
        self.formatter = formatter or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        return self.formatter.format(redact_record(record, self.formatter))


# Request ids

VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,128}")
request_id: ContextVar[str] = ContextVar("request_id", default="-")


class RequestIdMiddleware:
    """Accepts an `X-Request-ID` of 1 to 128 visible ASCII characters, creates one otherwise, and returns it.

    The id stays set until the worker's next request, because Django and the server log a response afterwards.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sent = request.headers.get("X-Request-ID", "")
        request_id.set(sent if VISIBLE_ASCII.fullmatch(sent) else str(uuid.uuid4()))
        response = self.get_response(request)
        response["X-Request-ID"] = request_id.get()
        return response


class RequestIdFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


class RefusalFilter(logging.Filter):
    """Drops Django's line for each 409, 422 and 429: in a rush there are thousands."""

    def filter(self, record: logging.LogRecord) -> bool:
        return getattr(record, "status_code", None) not in (409, 422, 429)
