"""The secret of a booking, which anonymous clients send as a header, or in the query of a link that people open."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from config.problems import InvalidInput

HEADER, PARAMETER = "Booking-Secret", "secret"


def sent_secret(request: HttpRequest | Request) -> str:
    """Empty when the client sent none. Raises InvalidInput when the header and the link have different ones."""
    in_header = request.headers.get(HEADER, "")
    in_link = request.GET.get(PARAMETER, "") if request.method in SAFE_METHODS else ""
    if in_header and in_link and in_header != in_link:
        detail = f"Must be the same as the header {HEADER}."
        raise InvalidInput(errors=[{"parameter": PARAMETER, "code": "contradiction", "detail": detail}])
    return in_header or in_link


class SecretLinkMiddleware:
    """Keeps what a link with `?secret=` answers out of caches, and the link out of Referer headers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if PARAMETER in request.GET:
            response["Cache-Control"] = "no-store"
            response["Referrer-Policy"] = "no-referrer"
        return response
