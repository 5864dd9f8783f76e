"""Requests by route, method and status, and how long they take."""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache

from django.contrib.admindocs.views import simplify_regex
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

NO_ROUTE = "none"  # of requests that are refused before they are routed, and of unknown paths outside of the API
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

disable_created_metrics()  # a time beside each count
registry = CollectorRegistry()
REQUESTS = Counter(
    "http_requests", "Requests by route, method and status.", ["route", "method", "status"], registry=registry
)
DURATIONS = Histogram(
    "http_request_duration_seconds",
    "Seconds from the request to its response; not to the end of a streamed one.",
    ["route", "method"],
    buckets=SECONDS,
    registry=registry,
)


class RequestMetricsMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        route = NO_ROUTE if match is None else template_of(match.route)
        method = request.method if request.method in METHODS else "other"
        with suppress(OSError):  # a full disk loses counts, and no requests
            duration_of(route, method).observe(time.perf_counter() - started)
            count_of(route, method, response.status_code).inc()
        return response


@cache
def template_of(route: str) -> str:
    """A route of the URL map for people: `/api/v1/events/<pk>`. There are as many as routes, whatever clients send."""
    return simplify_regex(route).replace("\\", "").rstrip("/") or "/"


# Looking a child up costs more than counting.


@cache
def count_of(route: str, method: str, status: int) -> Counter:
    return REQUESTS.labels(route, method, str(status))


@cache
def duration_of(route: str, method: str) -> Histogram:
    return DURATIONS.labels(route, method)
