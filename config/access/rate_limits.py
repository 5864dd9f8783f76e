"""Rate limits: `RATE_LIMITS` in the settings has the quotas, config.access.counter counts."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac
from django.utils.encoding import punycode
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from config.access.clients import address_key, client_key
from config.access.counter import Count, Limit, count, current_count
from config.access.permissions import may
from config.problems import TooManyRequests

BOOKINGS, PLACES, READS, TOKENS = "anonymous-bookings", "anonymous-places", "anonymous-reads", "tokens"
LOGINS, GUESSES, DOOR, MAILS = "logins", "guesses", "door", "mails"
QUOTES = str.maketrans("", "", '"\\')
COUNTED, SPENT = "tickets.counted", "tickets.spent"  # in META, which DRF's request shares with Django's


def limit_for(purpose: str) -> Limit | None:
    rate = settings.RATE_LIMITS.get(purpose)
    return Limit(purpose, *rate, unit="place" if purpose == PLACES else "request") if rate else None


def spend(request: HttpRequest | Request, purpose: str, client: str, amount: int = 1) -> Count | None:
    """Counts one more request of a client, for the headers of the response too. None without a limit."""
    limit = limit_for(purpose)
    spent = count(limit, client, amount) if limit else None
    if spent:
        note(request, spent)
    return spent


def note(request: HttpRequest | Request, spent: Count) -> None:
    """Keeps a count for RateLimitMiddleware."""
    request.META.setdefault(SPENT, []).append(spent)


class ClientThrottle(BaseThrottle):
    """Counts each request of a client once. Raises TooManyRequests when there were too many.

    A view whose ids are secrets sets `is_guessable`: a client that guessed too often is refused there. Its
    `guess_limit` is the limit for which its guesses count.
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        if not request.META.get(COUNTED):  # viewsets check throttles before permissions, DRF does so again
            request.META[COUNTED] = True
            count_request(request, *purpose_and_client(request, view))
            if getattr(view, "is_guessable", False) and getattr(view, "detail", False):
                refuse_guesser(request, view.guess_limit)
        return True


def count_anonymous_read(request: HttpRequest) -> None:
    """Counts a read outside of DRF. Raises TooManyRequests."""
    request.META[COUNTED] = True
    count_request(request, READS, address_key(request))


def is_counted(request: HttpRequest) -> bool:
    """Whether the request counts for a limit already, or was refused by one."""
    return COUNTED in request.META or SPENT in request.META


def count_request(request: HttpRequest | Request, purpose: str, client: str) -> None:
    """Raises TooManyRequests above the limit."""
    spent = spend(request, purpose, client)
    if spent and spent.is_exceeded:
        detail = f"Rate limit exceeded ({spent.limit}). Retry in {spent.wait}."
        raise TooManyRequests(detail, retry_after=spent.seconds_left)


def purpose_and_client(request: Request, view: Any) -> tuple[str, str]:
    """A known client without the permission for an action counts as an anonymous client of its address."""
    permission = permission_of(view) if request.user.is_authenticated else ""
    if permission and may(request, permission):
        return TOKENS, client_key(request)
    return READS if request.method in SAFE_METHODS else BOOKINGS, address_key(request)


def permission_of(view: Any) -> str:
    """The permission that the action's rule names; the one to view the model when anyone may do it. "" for no model."""
    rule = getattr(view, "access", {}).get(getattr(view, "action", None))
    if named := rule if isinstance(rule, str) else getattr(rule, "permission", ""):
        return named
    queryset = getattr(view, "queryset", None)
    return "" if queryset is None else f"{queryset.model._meta.app_label}.view_{queryset.model._meta.model_name}"


def refuse_guesser(request: Request, purpose: str) -> None:
    """Raises TooManyRequests when no wrong guess is left, so that the next one cannot be right either."""
    limit = limit_for(purpose)
    guesses = current_count(limit, client_key(request)) if limit else None
    if guesses and not guesses.remaining:
        note(request, guesses)
        raise too_many_guesses(guesses)


def count_guess(request: Request, client: str | None = None, *, purpose: str = GUESSES, amount: int = 1) -> None:
    """Counts an unknown id or code, or several. Raises TooManyRequests after too many, instead of saying that it is
    unknown.
    """
    guesses = spend(request, purpose, client or client_key(request), amount)
    if guesses and guesses.is_exceeded:
        raise too_many_guesses(guesses)


def count_invalid_token(request: Request) -> None:
    count_guess(request, address_key(request))


def count_mail(address: str, purpose: str = "") -> None:
    """Counts a mail to the mailbox of an address, for all clients together. Raises TooManyRequests.

    Mails of a `purpose` are counted apart: what anybody may ask for keeps no other mail from being sent. Not in the
    headers, which would tell one client what others asked for.
    """
    limit = limit_for(MAILS)
    mails = count(limit, salted_hmac(f"{MAILS}{purpose}", mailbox(address)).hexdigest()) if limit else None
    if mails and mails.is_exceeded:
        detail = f"Too many mails to this address ({limit}). Retry in {mails.wait}."
        raise TooManyRequests(detail, retry_after=mails.seconds_left)


def mailbox(address: str) -> str:
    """The same for the spellings of an address whose mails usually arrive in one mailbox: with other case, quotes, a
    tag after a plus sign, or a domain that is not in ASCII.
    """
    name, _, domain = address.casefold().rpartition("@")
    with suppress(UnicodeError):
        domain = punycode(domain)  # as the mail is sent
    name = name.translate(QUOTES)
    return f"{name.partition('+')[0] or name}@{domain}"


def too_many_guesses(guesses: Count) -> TooManyRequests:
    detail = f"Too many unknown ids, codes or tokens ({guesses.limit}). Retry in {guesses.wait}."
    return TooManyRequests(detail, retry_after=guesses.seconds_left)


class RateLimitMiddleware:
    """Adds the headers RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers).

    The login page says in its form that a limit is exceeded; it gets status 429 here.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        counts: list[Count] = sorted(request.META.get(SPENT, []), key=lambda it: -it.remaining)
        tightest = {it.limit: it for it in counts}.values()
        if tightest:
            policies = (f'"{it.limit.purpose}";q={it.limit.quota};w={it.limit.window}' for it in tightest)
            states = (f'"{it.limit.purpose}";r={it.remaining};t={it.seconds_left}' for it in tightest)
            response["RateLimit-Policy"] = ", ".join(policies)
            response["RateLimit"] = ", ".join(states)
        exceeded = [it.seconds_left for it in tightest if it.is_exceeded]
        if exceeded and response.status_code == 200:
            response.status_code = TooManyRequests.status
            response["Retry-After"] = str(max(exceeded))
        return response
