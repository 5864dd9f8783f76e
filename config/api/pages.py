"""The pages outside of any version: the root, health, the problem catalogue."""

from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from rest_framework.request import Request
from rest_framework.views import APIView

from config import problems
from config.api.errors import respond


@require_safe
def root(request: HttpRequest) -> JsonResponse:
    return JsonResponse(
        {
            "message": f"Welcome to {settings.PROJECT_NAME}",
            "version": settings.VERSION,
            "docs_url": "/docs",
            "api_url": settings.API_V1_STR,
        }
    )


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Whether the process answers; asks nobody else."""
    return JsonResponse({"status": "healthy", "service": settings.PROJECT_NAME})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
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


@require_safe
def problem_list(request: HttpRequest) -> JsonResponse:
    kinds = sorted(problems.Problem.family(), key=lambda kind: (kind.status, kind.code))
    return JsonResponse({"results": [describe(kind) for kind in kinds]})


@require_safe
def problem_detail(request: HttpRequest, code: str) -> JsonResponse:
    for kind in problems.Problem.family():
        if kind.code == code:
            return JsonResponse(describe(kind))
    return respond(problems.NotFound(f"There is no problem {code!r}."))


class UnknownPath(APIView):
    """Whatever the method: there is nothing, and nobody is asked who they are."""

    schema = None
    default_response_headers = {}  # no Allow: no method works

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise problems.NotFound("There is no such path.")
