"""How often a caller may ask, for each purpose. `RATE_LIMITS` in the settings has the figures; config.access.counter
counts.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from config.access.callers import address, caller
from config.access.counter import Count, Limit, count, so_far
from config.problems import TooManyRequests

BOOKINGS, READS, TOKENS = "anonymous-bookings", "anonymous-reads", "tokens"
LOGINS, GUESSES = "logins", "guesses"


def limit_for(purpose: str) -> Limit | None:
    figures = settings.RATE_LIMITS.get(purpose)
    return Limit(purpose, *figures) if figures else None


def spend(request: HttpRequest | Request, purpose: str, who: str) -> Count | None:
    """Counts one more for a caller, and notes it for the headers of the answer. None when there is no limit."""
    limit = limit_for(purpose)
    counted = count(limit, who) if limit else None
    if counted:
        note(request, counted)
    return counted


def note(request: HttpRequest | Request, counted: Count) -> None:
    http: Any = getattr(request, "_request", request)
    http.rate_limits = [*getattr(http, "rate_limits", []), counted]


def refuse_when_over(counted: Count | None) -> None:
    if counted and counted.is_over:
        detail = f"{counted.limit} are let through. Try again in {counted.seconds_left} seconds."
        raise TooManyRequests(detail, retry_after=counted.seconds_left)


class CallerLimit(BaseThrottle):
    """Counts each request by its caller: a program's by its token, a guest's by the address, as a read or a booking.

    Raises TooManyRequests. A view that finds things by what only their holders know says so with `is_guessable`.
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        if not hasattr(request._request, "is_counted"):  # a viewset asks earlier than DRF does
            request._request.is_counted = True  # type: ignore[attr-defined]
            refuse_when_over(spend(request, purpose_of(request), caller(request)))
            if getattr(view, "is_guessable", False) and getattr(view, "detail", False):
                refuse_guesser(request)
        return True


def purpose_of(request: Request) -> str:
    if request.user.is_authenticated:
        return TOKENS
    return READS if request.method in SAFE_METHODS else BOOKINGS


def refuse_guesser(request: Request) -> None:
    """Raises TooManyRequests when the caller has guessed too often, before the next guess can be right."""
    limit = limit_for(GUESSES)
    guesses = so_far(limit, caller(request)) if limit else None
    if guesses and not guesses.remaining:
        note(request, guesses)
        raise_guesses(guesses)


def guessed(request: Request, who: str | None = None) -> None:
    """Counts a wrong guess. Raises TooManyRequests after too many; nothing tells then that this one was wrong."""
    guesses = spend(request, GUESSES, who or caller(request))
    if guesses and guesses.is_over:
        raise_guesses(guesses)


def raise_guesses(guesses: Count) -> None:
    detail = f"You have asked too often for what is not there. Try again in {guesses.seconds_left} seconds."
    raise TooManyRequests(detail, retry_after=guesses.seconds_left)


def guessed_token(request: Request) -> None:
    """Counts a token that is none, by the address that it came from."""
    guessed(request, address(request))


class RateLimitMiddleware:
    """Says with each answer that was counted what is left (draft-ietf-httpapi-ratelimit-headers).

    A page that was refused says so in its words, as the login does; here it gets the status.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        counts: list[Count] = sorted(getattr(request, "rate_limits", []), key=lambda it: -it.remaining)
        tightest = {it.limit: it for it in counts}.values()
        if tightest:
            response["RateLimit-Policy"] = ", ".join(
                f'"{it.limit.purpose}";q={it.limit.quota};w={it.limit.window}' for it in tightest
            )
            response["RateLimit"] = ", ".join(
                f'"{it.limit.purpose}";r={it.remaining};t={it.seconds_left}' for it in tightest
            )
        over = [it.seconds_left for it in tightest if it.is_over]
        if over and response.status_code == 200:
            response.status_code = TooManyRequests.status
            response["Retry-After"] = str(max(over))
        return response
