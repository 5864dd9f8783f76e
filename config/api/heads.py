"""Request heads: how large a header, all headers, and an address may be. deploy/nginx.conf has the same limits."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse

from config.api.errors import respond
from config.problems import AddressTooLong, HeadersTooLarge, Problem

MAX_ADDRESS = MAX_HEADER = 8_192
MAX_HEADERS = 32_768
MAX_ACCEPT = 1_024
# Without RFC 2231's asterisk, and short: Django and DRF read Content-Type and Accept in quadratic time.
CONTENT_TYPE = re.compile(r"[^*]{0,256}")

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class RequestHeadMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        problem = problem_with_head(request.META)
        return respond(problem) if problem else self.get_response(request)


def problem_with_head(meta: dict[str, Any]) -> Problem | None:
    if len(meta["PATH_INFO"]) + len(meta["QUERY_STRING"]) > MAX_ADDRESS:
        return AddressTooLong(f"The path and the query together may have {MAX_ADDRESS} bytes.")
    if len(meta.get("HTTP_ACCEPT", "")) > MAX_ACCEPT:
        return HeadersTooLarge(f"Accept may have {MAX_ACCEPT} bytes.")
    sizes = [len(value) for name, value in meta.items() if name.startswith("HTTP_")]
    if max(sizes, default=0) > MAX_HEADER or sum(sizes) > MAX_HEADERS:
        return HeadersTooLarge(f"A header may have {MAX_HEADER} bytes, and all of them {MAX_HEADERS}.")
    return None


def with_plain_content_type(application: Application) -> Application:
    """Replaces a Content-Type that no client sends: Django reads it before any middleware, and may fail."""

    def wrapper(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not CONTENT_TYPE.fullmatch(environ.get("CONTENT_TYPE", "")):
            environ["CONTENT_TYPE"] = "application/octet-stream"
        return application(environ, start_response)

    return wrapper
