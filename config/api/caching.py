"""Caches anonymous answers of the catalogue in this process, for as long as their Cache-Control says."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.middleware.cache import CacheMiddleware
from django.utils.decorators import decorator_from_middleware_with_args

from config.access.rate_limits import count_anonymous_read
from config.api.conditional import READS
from config.api.errors import respond
from config.problems import TooManyRequests

View = Callable[..., HttpResponseBase]
ALIAS = "pages"
MAX_BYTES = 250_000  # of a cached answer: a client that varies its query string must not fill the memory


class PageCacheMiddleware(CacheMiddleware):
    """Django's, for pages of limited size. The key has the whole URL, and the headers that the answer's Vary names."""

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        if len(response.content) > MAX_BYTES:
            return response
        response.data = None  # of DRF's Response, which would be pickled beside the content
        return super().process_response(request, response)


cache_page = decorator_from_middleware_with_args(PageCacheMiddleware)(cache_alias=ALIAS)


def cache_anonymous(view: View) -> View:
    """Answers anonymous reads from the cache while `CATALOGUE_CACHE` is on.

    It stands inside of the middleware, so that what belongs to one request is not cached: its id, rate limit, cookies
    and CORS headers. A hit counts for the rate limit as every read does. Requests with credentials pass by.
    """
    cached_view = cache_page(view)

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        has_credentials = request.headers.get("Authorization") or request.headers.get("Cookie")
        if not settings.CATALOGUE_CACHE or request.method not in READS or has_credentials:
            return view(request, *args, **kwargs)
        try:
            count_anonymous_read(request)
        except TooManyRequests as problem:
            return respond(problem)
        return cached_view(request, *args, **kwargs)

    return wrapper
