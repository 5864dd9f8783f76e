"""Whom a server that cannot keep up asks to come back later.

In a rush requests come faster than they can be answered. If all of them queued, each would be answered after the ones
before it, the last after minutes, when nobody waits for them any more. So a guest of the API whose turn does not come
soon is told to come back, which costs a tenth of an answer, and whoever is answered is answered at once.
"""

import random
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from config.api.errors import respond
from config.problems import Busy
from config.rush import WAITED

LONGEST_WAIT = 0.5  # seconds for a thread
RETRY_AFTER = (2, 8)  # seconds, drawn for each, so that they do not all come back together


class RushMiddleware:
    """Inside of what answers without the database, such as static files and the questions of browsers before a request
    of another origin, whose headers the refusal needs too.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.META.get(WAITED, 0.0) > LONGEST_WAIT and is_put_off(request):
            problem = busy()
            return respond(problem, headers={"Retry-After": str(problem.retry_after)})
        return self.get_response(request)


def is_put_off(request: HttpRequest) -> bool:
    """Not the box office and shops, whom a token or a cookie names; nor who holds places, and comes to confirm them."""
    if not request.path.startswith(f"{settings.API_V1_STR}/"):
        return False
    is_known = "HTTP_AUTHORIZATION" in request.META or "HTTP_COOKIE" in request.META
    booking = request.path.removeprefix(f"{settings.API_V1_STR}/bookings/")
    return not is_known and (booking == request.path or not booking)


def busy() -> Busy:
    detail = "More people ask than can be answered soon. Nothing was done; come back a little later."
    return Busy(detail, retry_after=random.randint(*RETRY_AFTER))  # noqa: S311  nothing secret  # nosec B311
