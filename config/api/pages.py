"""The pages outside of any version: the root, health, the problem catalogue, the documentation."""

import json
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.conf import settings
from django.core.cache import cache
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.vary import vary_on_headers
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.views import APIView

from config import problems
from config.api.conditional import READS
from config.api.errors import MEDIA_TYPE, respond
from config.api.schema import example_of
from config.api.viewsets import BaseViewSet, check_query

NOBODY = "no-store"
ANYBODY = "public, max-age=300"
JSON, HTML = "application/json", "text/html"

View = Callable[..., HttpResponse]


def reads_only(keep: str) -> Callable[[View], View]:
    """A page to read, and nothing else; `keep` says who may keep it, and for how long (Cache-Control).

    Nothing can be written here, so a form from elsewhere does no harm: what it learns is that the method is wrong.
    """

    def decorator(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def read(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in READS:
                problem = problems.MethodNotAllowed(f'Method "{request.method}" not allowed.')
                return respond(problem, headers={"Allow": ", ".join(READS)})
            response = view(request, *args, **kwargs)
            response.headers.setdefault("Cache-Control", keep)
            return response

        return read

    return decorator


@reads_only(ANYBODY)
def root(request: HttpRequest) -> JsonResponse:
    return JsonResponse(
        {
            "message": f"Welcome to {settings.PROJECT_NAME}",
            "version": settings.VERSION,
            "docs_url": "/docs",
            "api_url": settings.API_V1_STR,
        }
    )


@reads_only(NOBODY)
def health(request: HttpRequest) -> JsonResponse:
    """Whether the process answers; asks nobody else."""
    return JsonResponse({"status": "healthy", "service": settings.PROJECT_NAME})


@reads_only(NOBODY)
def ready(request: HttpRequest) -> JsonResponse:
    """Readiness: 200 or 503, with one line per check.

    A cache that fails is reported but keeps the process ready: only rate limits depend on it.
    """
    checks = {"database": check_database, "migrations": check_migrations, "cache": check_cache}
    results = {}
    for name, check in checks.items():
        try:
            results[name] = check()
        except Exception as error:  # noqa: BLE001  whatever it is, it is the answer
            results[name] = f"failed: {type(error).__name__}"
    is_ready = all(result == "ok" for name, result in results.items() if name != "cache")
    answer = {"status": "ready" if is_ready else "not ready", "checks": results}
    return JsonResponse(answer, status=200 if is_ready else 503)


def check_database() -> str:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def check_migrations() -> str:
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(waiting)} to apply" if waiting else "ok"


def check_cache() -> str:
    cache.set("ready", True, 5)
    return "ok" if cache.get("ready") else "failed: not kept"


def describe(kind: type[problems.Problem]) -> dict[str, str | int]:
    return {
        "type": f"/problems/{kind.code}",
        "code": kind.code,
        "title": kind.title,
        "status": kind.status,
        "description": " ".join((kind.__doc__ or "").split()),
    }


def kinds() -> list[type[problems.Problem]]:
    return sorted(problems.Problem.family(), key=lambda kind: (kind.status, kind.code))


def wants_page(request: HttpRequest) -> bool:
    """Whether it is a browser that asks: JSON goes to whoever does not care, or asks for what there is not."""
    return request.get_preferred_type([JSON, HTML]) == HTML


@reads_only(ANYBODY)
@vary_on_headers("Accept")
def problem_list(request: HttpRequest) -> HttpResponse:
    described = [describe(kind) for kind in kinds()]
    if not wants_page(request):
        return JsonResponse({"results": described})
    groups: dict[HTTPStatus, list[dict[str, Any]]] = {}
    for problem in described:
        groups.setdefault(HTTPStatus(int(problem["status"])), []).append(shown(problem))
    return render(request, "problems/list.html", {"groups": groups, "project": settings.PROJECT_NAME})


@reads_only(ANYBODY)
@vary_on_headers("Accept")
def problem_detail(request: HttpRequest, code: str) -> HttpResponse:
    kind = next((kind for kind in kinds() if kind.code == code), None)
    if kind is None:
        return unknown_problem(request, problems.NotFound(f"There is no problem {code!r}."))
    described = describe(kind)
    if not wants_page(request):
        return JsonResponse(described)
    example = json.dumps(example_of(kind), indent=2, ensure_ascii=False)
    facts = {"problem": shown(described), "phrase": HTTPStatus(kind.status).phrase, "example": example}
    return render(
        request, "problems/detail.html", {**facts, "media_type": MEDIA_TYPE, "project": settings.PROJECT_NAME}
    )


def unknown_problem(request: HttpRequest, problem: problems.Problem) -> HttpResponse:
    answer: HttpResponse = respond(problem)
    if wants_page(request):
        facts = {"problem": problem, "project": settings.PROJECT_NAME}
        answer = render(request, "problems/unknown.html", facts, status=problem.status)
        answer["Cache-Control"] = NOBODY
    return answer


def shown(problem: dict[str, Any]) -> dict[str, Any]:
    return {**problem, "description": with_code(problem["description"])}


def with_code(text: str) -> SafeString:
    """What stands between backticks as code."""
    pieces = enumerate(text.split("`"))
    return format_html_join("", "{}", ((format_html("<code>{}</code>", it) if n % 2 else it,) for n, it in pieces))


class Kept(APIView):
    """What is the same for everybody, whoever asks."""

    options = BaseViewSet.options

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code == HTTPStatus.OK:
            response["Cache-Control"] = ANYBODY
        return response


class DocumentView(Kept, SpectacularJSONAPIView):
    authentication_classes = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        check_query(request)


class SwaggerView(Kept, SpectacularSwaggerSplitView):
    """The page may be kept; its script holds a token of the session that asked for it."""

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if "script" in request.query_params:
            response["Cache-Control"] = NOBODY
        return response


class RedocView(Kept, SpectacularRedocView):
    pass


# Both have small pictures inside their style sheets. ReDoc also writes style sheets while it runs, and searches in a
# worker that it makes of its own text.
docs = csp_update({"img-src": ["data:"]})(SwaggerView.as_view(url_name="schema"))
redoc = csp_update({"style-src-elem": [SELF, UNSAFE_INLINE], "img-src": ["data:"], "worker-src": ["blob:"]})(
    RedocView.as_view(url_name="schema")
)


@reads_only(ANYBODY)
def favicon(request: HttpRequest) -> HttpResponse:
    """Where a browser looks when a page, or an answer that is no page, names no icon."""
    return HttpResponseRedirect(static("pages/favicon.svg"))


class UnknownPath(APIView):
    """Whatever the method: there is nothing, and nobody is asked who they are."""

    schema = None
    default_response_headers = {}  # no Allow: no method works

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise problems.NotFound("There is no such path.")


class PermissionsPolicyMiddleware:
    """No page here needs a camera or the like, and so none gets it, whatever script should find its way into one."""

    policy = ", ".join(f"{feature}=()" for feature in (
        "camera", "display-capture", "geolocation", "microphone", "payment", "usb",
    ))  # fmt: skip

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            response["Permissions-Policy"] = self.policy
        return response
