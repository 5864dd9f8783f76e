"""Answers errors as RFC 9457 problems, in DRF and outside of it."""

import logging
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.views import set_rollback

from config import problems
from config.access.rate_limits import count_anonymous_read, is_counted
from config.logs import request_id
from config.problems import Problem, escape, problem_from

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 100  # in one answer; what collects them stops there
ANY_HOST = ("/health", "/health/ready", "/metrics")


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """DRF's hook. None lets Django log the error and answer 500."""
    problem = problem_of(error, context["view"])
    if problem is None:
        return None
    set_rollback()
    response = respond(problem)  # not DRF's Response, which a browser would get as an HTML page
    if challenge := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = challenge
    return response


def problem_of(error: Exception, view: Any = None) -> Problem | None:
    """`problem_from` for DRF: with its own exceptions, and the view's names of fields instead of columns."""
    if isinstance(error, exceptions.ValidationError):
        return problems.InvalidInput(errors=list(islice(flatten(error.detail), MAX_ERRORS + 1)))
    if isinstance(error, exceptions.APIException):
        kind = PROBLEMS.get(type(error))
        return kind(str(error.detail)) if kind else None
    problem = problem_from(error)
    serializer_class = getattr(view, "serializer_class", None)
    if problem is not None and serializer_class is not None and isinstance(error, IntegrityError):
        names = {f"/{field.source}": f"/{name}" for name, field in serializer_class().fields.items()}
        for entry in problem.errors:
            entry["pointer"] = names.get(entry["pointer"], entry["pointer"])
    return problem


PROBLEMS: dict[type[exceptions.APIException], type[Problem]] = {
    exceptions.ParseError: problems.Malformed,
    exceptions.NotAuthenticated: problems.Unauthenticated,
    exceptions.AuthenticationFailed: problems.Unauthenticated,
    exceptions.PermissionDenied: problems.Forbidden,
    exceptions.NotFound: problems.NotFound,
    exceptions.MethodNotAllowed: problems.MethodNotAllowed,
    exceptions.NotAcceptable: problems.NotAcceptable,
    exceptions.UnsupportedMediaType: problems.UnsupportedMediaType,
}


def flatten(details: Any, pointer: str = "") -> Iterator[dict[str, Any]]:
    """The nested errors of a serializer as a flat list, each with a JSON pointer (RFC 6901)."""
    if isinstance(details, exceptions.ErrorDetail):
        yield {"pointer": pointer, "code": str(details.code).replace("_", "-"), "detail": str(details)}
    elif isinstance(details, dict):
        for key, value in details.items():
            step = "" if key == "non_field_errors" else f"/{escape(str(key))}"
            yield from flatten(value, pointer + step)
    else:
        are_of_one_field = all(isinstance(entry, exceptions.ErrorDetail) for entry in details)
        for index, entry in enumerate(details):
            yield from flatten(entry, pointer if are_of_one_field else f"{pointer}/{index}")


def as_dict(problem: Problem) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "type": f"/problems/{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "request_id": request_id.get(),
    }
    if problem.errors:
        answer["errors"] = problem.errors[:MAX_ERRORS]
    if len(problem.errors) > MAX_ERRORS:
        answer["detail"] += f" Only the first {MAX_ERRORS} errors are listed."
    return answer


def respond(problem: Problem) -> HttpResponse:
    response = JsonResponse(as_dict(problem), status=problem.status, content_type=MEDIA_TYPE)
    response["Cache-Control"] = "no-store"
    if problem.status == problems.Unauthenticated.status:
        response["WWW-Authenticate"] = "Bearer"
    if problem.retry_after is not None:
        response["Retry-After"] = str(problem.retry_after)
    return response


# Django's own handlers: problems under the API path, pages elsewhere.


def is_api(request: HttpRequest) -> bool:
    return request.path == settings.API_V1_STR or request.path.startswith((f"{settings.API_V1_STR}/", "/problems"))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    problem = problem_from(exception) or problems.Malformed()
    return respond(problem) if is_api(request) else defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(problems.Forbidden()) if is_api(request) else defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(problems.NotFound()) if is_api(request) else defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    return respond(problems.ServerError()) if is_api(request) else defaults.server_error(request)


class CountErrorsMiddleware:
    """Counts errors that no view counts, such as unknown paths and hosts, as reads of the client's address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if 400 <= response.status_code < 500 and not is_counted(request):
            try:
                count_anonymous_read(request)
            except problems.TooManyRequests as problem:
                return respond(problem)
        return response


class KnownHostMiddleware:
    """Answers an unknown Host with a problem, where Django would log a traceback.

    Health checks and metrics work with any Host: what asks for them addresses each server by its IP address.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            request.get_host()
        except DisallowedHost as error:
            if not settings.ALLOWED_HOSTS or request.path.rstrip("/") not in ANY_HOST:
                return self.refuse(request, error)
            request.META["HTTP_HOST"] = settings.ALLOWED_HOSTS[0].removeprefix(".")
        return self.get_response(request)

    def refuse(self, request: HttpRequest, error: DisallowedHost) -> HttpResponse:
        try:
            count_anonymous_read(request)
        except problems.TooManyRequests as problem:
            return respond(problem)
        logger.warning("%s", error)  # within the limit: a flood does not fill the log
        return respond(problems.BadHost())
