"""Turns whatever goes wrong into an RFC 9457 problem."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.core.exceptions import (
    DisallowedHost,
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DatabaseError, IntegrityError, InterfaceError, models
from django.db.models import UniqueConstraint
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.views import set_rollback

from config import problems
from config.database.constraints import blamed_field, is_foreign_key, is_temporary, violated_constraint
from config.logs import request_id
from config.problems import Problem, escape

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
MAX_FAULTS = 100  # that are named: a body may have ten thousand
HEALTH = ("/health", "/health/ready")


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """DRF's hook. What is none of our business goes on to Django, which logs it and answers 500."""
    problem = problem_of(error, context["view"])
    if problem is None:
        return None
    set_rollback()
    # Not DRF's Response: a browser that asked for HTML would get the problem inside a page.
    response: Any = respond(problem, headers=headers(problem, error))
    # A refusal by the domain is an answer, and no fault that somebody has to look at: when an event is sold out there
    # are thousands, and a line in the log for each would take a fifth of the time.
    response._has_been_logged = isinstance(problem, problems.DomainError)
    return response


def problem_of(error: Exception, view: Any) -> Problem | None:
    """As `problem_from`, with the names that the view's resource has for the model's fields."""
    problem = problem_from(error)
    if problem is not None and isinstance(error, IntegrityError):
        use_names_of_api(problem, view)
    return problem


def use_names_of_api(problem: Problem, view: Any) -> None:
    """A constraint speaks of columns, which the resource may call by another name."""
    serializer = getattr(view, "serializer_class", None)
    if serializer is not None:
        names = {f"/{field.source}": f"/{name}" for name, field in serializer().fields.items()}
        for fault in problem.errors:
            fault["pointer"] = names.get(fault["pointer"], fault["pointer"])


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
        answer["errors"] = problem.errors[:MAX_FAULTS]
    return answer


def headers(problem: Problem, error: Exception) -> dict[str, str]:
    found: dict[str, str] = {}
    if challenge := getattr(error, "auth_header", None):
        found["WWW-Authenticate"] = challenge
    elif problem.status == 401:
        found["WWW-Authenticate"] = "Bearer"
    if problem.retry_after is not None:
        found["Retry-After"] = str(problem.retry_after)
    return found


def problem_from(error: Exception) -> Problem | None:  # noqa: C901, PLR0911  a case for each kind
    """The problem that an exception amounts to; None when it is a fault of ours."""
    match error:
        case Problem():
            return error
        case exceptions.ValidationError():
            return problems.InvalidInput(errors=list(flatten(error.get_full_details())))
        case DjangoValidationError():
            return problems.InvalidInput(errors=list(from_django(error)))
        case models.ProtectedError():
            return problems.InUse()
        case IntegrityError():
            return from_database(error)
        case DatabaseError() | InterfaceError() if is_temporary(error):
            logger.warning("The database did not answer: %s", error)
            return problems.Unavailable("The database did not answer in time.", retry_after=1)
        case Http404() | ObjectDoesNotExist():
            return problems.NotFound()
        case PermissionDenied():
            return problems.Forbidden()
        case RequestDataTooBig():
            return problems.TooLarge()
        case DisallowedHost():
            return problems.BadHost()
        case SuspiciousOperation():
            return problems.Malformed("The request has more parts than the server reads.")
        case exceptions.APIException():
            return from_framework(error)
    return None


FRAMEWORK: dict[type[exceptions.APIException], type[Problem]] = {
    exceptions.ParseError: problems.Malformed,
    exceptions.NotAuthenticated: problems.Unauthenticated,
    exceptions.AuthenticationFailed: problems.Unauthenticated,
    exceptions.PermissionDenied: problems.Forbidden,
    exceptions.NotFound: problems.NotFound,
    exceptions.MethodNotAllowed: problems.MethodNotAllowed,
    exceptions.NotAcceptable: problems.NotAcceptable,
    exceptions.UnsupportedMediaType: problems.UnsupportedMediaType,
}


def from_framework(error: exceptions.APIException) -> Problem | None:
    if isinstance(error, exceptions.Throttled):
        wait = None if error.wait is None else int(error.wait) + 1  # type: ignore[attr-defined]
        return problems.TooManyRequests(retry_after=wait)
    kind = FRAMEWORK.get(type(error))
    return kind(str(error.detail)) if kind else None


def flatten(details: Any, pointer: str = "") -> Iterator[dict[str, Any]]:
    """One entry for each fault in the nested details of a serializer, with a JSON pointer (RFC 6901) to its place."""
    if isinstance(details, dict) and set(details) == {"message", "code"} and isinstance(details["message"], str):
        yield {"pointer": pointer, "code": details["code"].replace("_", "-"), "detail": str(details["message"])}
    elif isinstance(details, dict):
        for key, value in details.items():
            step = "" if key == "non_field_errors" else f"/{escape(str(key))}"
            yield from flatten(value, pointer + step)
    else:
        is_one_fault_each = all(isinstance(entry, dict) and set(entry) == {"message", "code"} for entry in details)
        for index, entry in enumerate(details):
            yield from flatten(entry, pointer if is_one_fault_each else f"{pointer}/{index}")


def from_django(error: DjangoValidationError) -> Iterator[dict[str, Any]]:
    faults = error.error_dict if hasattr(error, "error_dict") else {"__all__": error.error_list}
    for field, entries in faults.items():
        for entry in entries:
            yield {
                "pointer": "" if field == "__all__" else f"/{escape(field)}",
                "code": (entry.code or "invalid").replace("_", "-"),
                "detail": " ".join(entry.messages),
            }


def from_database(error: IntegrityError) -> Problem | None:
    """A fact that the database holds was about to be broken: the constraint's own sentence says which."""
    if is_foreign_key(error):
        return problems.InUse("Something refers to it, or it refers to something that has just gone.")
    constraint = violated_constraint(error)
    if constraint is None:
        return None
    code = constraint.violation_error_code or "invalid"
    fault = {
        "pointer": f"/{blamed_field(constraint)}",
        "code": code,
        "detail": str(constraint.violation_error_message),
    }
    kind = next((kind for kind in Problem.family() if kind.code == code), None)
    if kind is None:
        kind = problems.AlreadyExists if isinstance(constraint, UniqueConstraint) else problems.InvalidInput
    return kind(fault["detail"], errors=[fault])


# Errors outside of DRF: Django's own handlers, which answer problems under the API path and pages elsewhere.


def is_api(request: HttpRequest) -> bool:
    return request.path == settings.API_V1_STR or request.path.startswith((f"{settings.API_V1_STR}/", "/problems"))


def respond(problem: Problem, **how: Any) -> JsonResponse:
    response = JsonResponse(as_dict(problem), status=problem.status, content_type=MEDIA_TYPE, **how)
    response["Cache-Control"] = "no-store"
    return response


class KnownHostMiddleware:
    """Refuses an unknown Host itself: Django would log a traceback for each, and in debug mode answer with a page.

    Health is told whatever the Host: a load balancer asks each server by its address.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            host = request.get_host()
        except DisallowedHost as error:
            if not settings.ALLOWED_HOSTS or request.path.rstrip("/") not in HEALTH:
                logger.warning("%s", error)
                return respond(problems.BadHost())
            host = request.META["HTTP_HOST"] = settings.ALLOWED_HOSTS[0].removeprefix(".")
        request.get_host = lambda: host  # type: ignore[method-assign]  # Django asks twice more: 12 µs each time
        return self.get_response(request)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    problem = problem_from(exception) or problems.Malformed()
    return respond(problem) if is_api(request) else defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(problems.Forbidden()) if is_api(request) else defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(problems.NotFound()) if is_api(request) else defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    return respond(problems.ServerError()) if is_api(request) else defaults.server_error(request)
