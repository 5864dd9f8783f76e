"""The pages outside of any version: the root, health, the problem catalogue."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.core.cache import cache
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.views import APIView

from config import problems
from config.api.conditional import READS
from config.api.errors import respond

View = Callable[..., HttpResponse]


def reads_only(cache_control: str) -> Callable[[View], View]:
    """For a page that GET and HEAD read: 405 for all else, whoever asks, and for how long the answer may be kept."""

    def decorate(view: View) -> View:
        @csrf_exempt  # nothing is done here, so there is nothing to forge
        @wraps(view)
        def reading(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in READS:
                return respond(problems.MethodNotAllowed(), headers={"Allow": ", ".join(READS)})
            response = view(request, *args, **kwargs)
            response.setdefault("Cache-Control", cache_control)
            return response

        return reading

    return decorate


@reads_only("public, max-age=300")
def root(request: HttpRequest) -> HttpResponse:
    return JsonResponse(
        {
            "message": f"Welcome to {settings.PROJECT_NAME}",
            "version": settings.VERSION,
            "docs_url": "/docs",
            "api_url": settings.API_V1_STR,
        }
    )


@reads_only("no-store")
def health(request: HttpRequest) -> HttpResponse:
    """Whether the process answers; asks nobody else."""
    return JsonResponse({"status": "healthy", "service": settings.PROJECT_NAME})


@reads_only("no-store")
def ready(request: HttpRequest) -> HttpResponse:
    """Whether the process can do its work: 200 or 503, with a line for each thing it needs."""
    checks = {"database": check_database, "migrations": check_migrations, "cache": check_cache}
    results = {}
    for name, check in checks.items():
        try:
            results[name] = check()
        except Exception as error:  # noqa: BLE001  whatever it is, it is the answer
            results[name] = f"failed: {type(error).__name__}"
    is_ready = all(result == "ok" for result in results.values())
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


def page_or_json(request: HttpRequest, name: str, data: dict[str, Any], **context: Any) -> HttpResponse:
    """The same for people and for programs, whichever asks."""
    if request.get_preferred_type(["application/json", "text/html"]) == "text/html":
        context |= {"project_name": settings.PROJECT_NAME}
        response: HttpResponse = render(request, f"config/{name}.html", context)
    else:
        response = JsonResponse(data)
    patch_vary_headers(response, ["Accept"])
    return response


@reads_only("public, max-age=300")
def problem_list(request: HttpRequest) -> HttpResponse:
    kinds = sorted(problems.Problem.family(), key=lambda kind: (kind.status, kind.code))
    rows = [describe(kind) for kind in kinds]
    return page_or_json(request, "problem_list", {"results": rows}, problems=rows, title="Problems")


@reads_only("public, max-age=300")
def problem_detail(request: HttpRequest, code: str) -> HttpResponse:
    for kind in problems.Problem.family():
        if kind.code == code:
            row = describe(kind)
            return page_or_json(request, "problem_detail", row, problem=row, title=kind.title)
    if request.get_preferred_type(["application/json", "text/html"]) == "text/html":
        context = {"project_name": settings.PROJECT_NAME, "title": "Not found"}
        return render(request, "config/not_found.html", context, status=404)
    return respond(problems.NotFound(f"There is no problem {code!r}."))


class UnknownPath(APIView):
    """Whatever the method: there is nothing, and nobody is asked who they are."""

    schema = None
    default_response_headers = {}  # no Allow: no method works

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise problems.NotFound("There is no such path.")


docs = SpectacularSwaggerSplitView.as_view(url_name="schema")
redoc = csp_update({"worker-src": ["'self'", "blob:"]})(SpectacularRedocView.as_view(url_name="schema"))  # it searches


@reads_only("public, max-age=86400")
def favicon(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(static("config/favicon.svg"))
