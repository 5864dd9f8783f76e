"""The production application, where whatever is not put off takes longer: what a rush does to a small server."""

# ruff: noqa: E402  Django comes first

import time
from collections.abc import Callable

import django
from django.http import HttpRequest, HttpResponse

django.setup()

from config.api.rush import RushMiddleware

SECONDS = 0.2


def slowly(self: RushMiddleware, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
    def answer(request: HttpRequest) -> HttpResponse:
        time.sleep(SECONDS)
        return get_response(request)

    self.get_response = answer


RushMiddleware.__init__ = slowly  # type: ignore[method-assign]

from config.wsgi import application

__all__ = ["application"]
