"""Refuses a body that did not arrive whole: the server hands on the part that did, as if it were all."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from config.api.errors import respond
from config.problems import LengthRequired, Malformed


class WholeBodyMiddleware:
    """Compares a body with its Content-Length, and refuses a body without one.

    A body above the API's limit is not read here; what reads it refuses it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "HTTP_TRANSFER_ENCODING" in request.META:
            return respond(LengthRequired())
        text = request.META.get("CONTENT_LENGTH") or "0"
        length = int(text) if text.isdecimal() else 0  # as Django reads it
        if 0 < length <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE and len(request.body) < length:
            return respond(Malformed(f"The body has {len(request.body)} of the {length} bytes in Content-Length."))
        return self.get_response(request)
