"""Load shedding: 429 for anonymous API requests that waited too long for a thread.

The proxy says in `X-Request-Start` when it handed a request on (`t=` and seconds with a fraction). Without a declared
proxy (`NUM_PROXIES`) the header is what a client wrote, and is ignored.

A request without credentials is refused before anything else is done. One with credentials is verified first, and
refused when they are not valid: an invented token, cookie or secret exempts no request.
"""

import random
import re
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from config.access.booking_secret import HEADER, PARAMETER
from config.problems import Busy

LATE = "tickets.late"  # in META, which DRF's request shares with Django's
MAX_WAIT = 0.5  # seconds
MAX_AGE = 60.0  # seconds; an older time is a wrong clock, since the proxy has given up by then
RETRY_AFTER = (2, 8)  # seconds; drawn for each answer, so that clients do not return all at once
TIME = re.compile(r"(?:t=)?([0-9]{1,12}(?:\.[0-9]{1,9})?)", re.ASCII)


class OverloadMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.META[LATE] = request.path.startswith(f"{settings.API_V1_STR}/") and waited_too_long(request)
        if request.META[LATE] and not has_credentials(request):
            from config.api.errors import respond  # loads DRF's views, whose defaults name this module

            return respond(busy())
        return self.get_response(request)


class OverloadThrottle(BaseThrottle):
    """Refuses a late request whose token or session is not valid; the view looks up the booking of a secret first."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if not has_secret(request):
            refuse_late(request)
        return True


def refuse_late(request: Request) -> None:
    """Raises Busy for a late request without a valid token or session."""
    if request.META.get(LATE) and not request.user.is_authenticated:
        raise busy()


def has_secret(request: HttpRequest | Request) -> bool:
    """Whether it says that it is from the holder of a booking, who has places to confirm."""
    is_of_booking = request.path.startswith(f"{settings.API_V1_STR}/bookings/")
    return is_of_booking and (HEADER in request.headers or PARAMETER in request.GET)


def waited_too_long(request: HttpRequest) -> bool:
    """False without a proxy or the header, and for a time that is nonsense or not yet."""
    if not settings.NUM_PROXIES:
        return False
    match = TIME.fullmatch(request.headers.get("X-Request-Start", ""))
    return match is not None and MAX_WAIT < time.time() - float(match[1]) < MAX_AGE


def has_credentials(request: HttpRequest) -> bool:
    has_token_or_session = "Authorization" in request.headers or settings.SESSION_COOKIE_NAME in request.COOKIES
    return has_token_or_session or has_secret(request)


def busy() -> Busy:
    seconds = random.randint(*RETRY_AFTER)  # noqa: S311  not a secret  # nosec B311
    return Busy(f"The server is overloaded, and nothing was done. Retry in {seconds} seconds.", retry_after=seconds)
