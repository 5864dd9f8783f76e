"""Each request has an id, which its answer and every log line about it carry."""

import logging
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

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


class PermissionsPolicyMiddleware:
    """No page here needs a camera or the like, and so none gets it, whatever script should find its way into one."""

    policy = ", ".join(f"{feature}=()" for feature in (
        "camera", "display-capture", "geolocation", "microphone", "payment", "usb",
    ))  # fmt: skip

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            response["Permissions-Policy"] = self.policy
        return response


class RequestIdFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True
