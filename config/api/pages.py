"""Pages outside of the versioned API: root, health, problems, documentation."""

import json
from collections.abc import Callable
from functools import cache as cache_forever
from functools import wraps
from http import HTTPStatus
from typing import Any

from csp.constants import HEADER, SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from csp.middleware import CSPMiddleware
from django.conf import settings
from django.core.cache import cache
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.vary import vary_on_headers
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.views import APIView

from config import problems
from config.api.conditional import READS
from config.api.errors import MEDIA_TYPE, respond
from config.api.readiness import reported
from config.api.renderers import wants_page
from config.api.schema import example_of
from config.api.viewsets import BaseViewSet, check_query

NO_STORE = "no-store"
PUBLIC = "public, max-age=300"

View = Callable[..., HttpResponse]


def read_only(cache_control: str) -> Callable[[View], View]:
    """Answers GET and HEAD with this Cache-Control, and other methods with a 405 problem."""

    def decorator(view: View) -> View:
        @csrf_exempt  # the answer is 405 instead of a page about cookies
        @wraps(view)
        def read(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in READS:
                response = respond(problems.MethodNotAllowed(f'Method "{request.method}" not allowed.'))
                response["Allow"] = ", ".join(READS)
                return response
            response = view(request, *args, **kwargs)
            response.headers.setdefault("Cache-Control", cache_control)
            return response

        return read

    return decorator


@read_only(PUBLIC)
def root(request: HttpRequest) -> JsonResponse:
    return JsonResponse(
        {
            "message": f"Welcome to {settings.PROJECT_NAME}",
            "version": settings.VERSION,
            "docs_url": "/docs",
            "api_url": settings.API_V1_STR,
        }
    )


@read_only(NO_STORE)
def health(request: HttpRequest) -> JsonResponse:
    """Liveness: the process answers, whatever the database does."""
    return JsonResponse({"status": "healthy", "service": settings.PROJECT_NAME})


@read_only(NO_STORE)
def ready(request: HttpRequest) -> JsonResponse:
    """Readiness: 200 or 503, with one line per check.

    A cache that fails is reported but keeps the process ready: only rate limits depend on it. So are workers: a server
    without them serves as well.
    """
    needed = {"database": check_database, "migrations": check_migrations}
    checks = {**needed, "cache": check_cache, **reported}
    results = {}
    for name, check in checks.items():
        try:
            results[name] = check()
        except Exception as error:  # noqa: BLE001  any failure is the result
            results[name] = f"failed: {type(error).__name__}"
    is_ready = all(results[name] == "ok" for name in needed)
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
    cache.set("ready", 1, 5)
    return "ok" if cache.get("ready") == 1 else "failed: not stored"


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


@read_only(PUBLIC)
@vary_on_headers("Accept")
def problem_list(request: HttpRequest) -> HttpResponse:
    described = [describe(kind) for kind in kinds()]
    if not wants_page(request):
        return JsonResponse({"results": described})
    groups: dict[HTTPStatus, list[dict[str, Any]]] = {}
    for problem in described:
        groups.setdefault(HTTPStatus(int(problem["status"])), []).append(with_markup(problem))
    return render(request, "problems/list.html", {"groups": groups, "project": settings.PROJECT_NAME})


@read_only(PUBLIC)
@vary_on_headers("Accept")
def problem_detail(request: HttpRequest, code: str) -> HttpResponse:
    kind = next((kind for kind in kinds() if kind.code == code), None)
    if kind is None:
        return unknown_problem(request, problems.NotFound(f"No problem with the code {code!r}."))
    described = describe(kind)
    if not wants_page(request):
        return JsonResponse(described)
    example = json.dumps(example_of(kind), indent=2, ensure_ascii=False)
    context = {
        "problem": with_markup(described),
        "phrase": HTTPStatus(kind.status).phrase,
        "example": example,
        "media_type": MEDIA_TYPE,
        "project": settings.PROJECT_NAME,
    }
    return render(request, "problems/detail.html", context)


def unknown_problem(request: HttpRequest, problem: problems.Problem) -> HttpResponse:
    if not wants_page(request):
        return respond(problem)
    context = {"problem": problem, "project": settings.PROJECT_NAME}
    response = render(request, "problems/unknown.html", context, status=problem.status)
    response["Cache-Control"] = NO_STORE
    return response


def with_markup(problem: dict[str, Any]) -> dict[str, Any]:
    """The description as HTML, with text between backticks as code."""
    pieces = enumerate(problem["description"].split("`"))
    html = format_html_join("", "{}", ((format_html("<code>{}</code>", it) if n % 2 else it,) for n, it in pieces))
    return {**problem, "description": html}


class PublicView(APIView):
    """The same for every client, and cacheable."""

    options = BaseViewSet.options

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code == HTTPStatus.OK:
            response["Cache-Control"] = PUBLIC
        return response


@cache_forever
def document() -> bytes:
    """The OpenAPI document, made once in each process: it depends on nothing in a request."""
    return OpenApiJsonRenderer().render(SchemaGenerator().get_schema(request=None, public=True))


class DocumentView(PublicView, SpectacularJSONAPIView):
    schema = None  # not in the document itself
    authentication_classes = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        check_query(request)

    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponse(document(), content_type=request.accepted_renderer.media_type)


class SwaggerView(PublicView, SpectacularSwaggerSplitView):
    """The page is cacheable; its script is not, since it has the session's CSRF token."""

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if "script" in request.query_params:
            response["Cache-Control"] = NO_STORE
        return response


class RedocView(PublicView, SpectacularRedocView):
    pass


# Both have data: images in their style sheets. ReDoc also inserts style sheets at run time, and searches in a worker
# that it makes from a blob.
docs = csp_update({"img-src": ["data:"]})(SwaggerView.as_view(url_name="schema"))
redoc = csp_update({"style-src-elem": [SELF, UNSAFE_INLINE], "img-src": ["data:"], "worker-src": ["blob:"]})(
    RedocView.as_view(url_name="schema")
)


@read_only(PUBLIC)
def favicon(request: HttpRequest) -> HttpResponse:
    """The path that browsers try when a page names no icon."""
    return HttpResponseRedirect(static("pages/favicon.svg"))


class UnknownPath(APIView):
    """404 for every method, without authentication."""

    schema = None
    default_response_headers = {}  # no Allow: no method works

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise problems.NotFound("Unknown path.")


def is_page(response: HttpResponseBase) -> bool:
    return response.get("Content-Type", "").startswith("text/html")


class ContentPolicyMiddleware(CSPMiddleware):
    """Gives every answer that is not a page one constant policy, which allows nothing.

    Building the policy of pages for each answer took 3 % of the time of a booking.
    """

    strict = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if is_page(response):
            return super().process_response(request, response)
        response.setdefault(HEADER, self.strict)
        return response


class PermissionsPolicyMiddleware:
    """Denies cameras and the like to every page that has no policy of its own."""

    policy = ", ".join(f"{feature}=()" for feature in (
        "camera", "display-capture", "geolocation", "microphone", "payment", "usb",
    ))  # fmt: skip

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if is_page(response):
            response.setdefault("Permissions-Policy", self.policy)
        return response
