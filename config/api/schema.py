"""How the OpenAPI document is made."""

import inspect
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent

from config import problems
from config.access.permissions import ANYONE, Unless
from config.api.errors import MEDIA_TYPE

PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457). `GET /problems` describes each `code`.",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "description": "One fault: where it is, and whatever helps to mend it.",
                "required": ["code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "RFC 6901, into the body."},
                    "parameter": {"type": "string", "description": "Of the query."},
                    "header": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
TEXT = {"schema": {"type": "string"}}
SECONDS = {"schema": {"type": "integer", "minimum": 0}, "description": "Seconds after which to try again."}
HEADERS: dict[int, dict[str, Any]] = {
    201: {"Location": {"schema": {"type": "string", "format": "uri-reference"}, "description": "Where it is now."}},
    401: {"WWW-Authenticate": TEXT},
    409: {"Retry-After": SECONDS},
    503: {"Retry-After": SECONDS},
}
ANY_METHOD = (problems.InvalidInput, problems.Unauthenticated, problems.NotAcceptable, problems.Unavailable)
WITH_BODY = (problems.TooLarge, problems.UnsupportedMediaType)
SUMMARIES = {
    "list": "List {names}",
    "retrieve": "Show {name}",
    "create": "Create {name}",
    "update": "Replace {name}",
    "partial_update": "Change {name}",
    "destroy": "Delete {name}",
}


class Bearer(OpenApiAuthenticationExtension):
    target_class = "config.access.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "Made by staff; `Authorization: Bearer <token>`."}


class Schema(AutoSchema):
    """Adds to drf-spectacular's what it cannot see: who may call, and how it is refused."""

    view: Any

    @property
    def rule(self) -> Any:
        return getattr(self.view, "access", {}).get(getattr(self.view, "action", None), ANYONE)

    def get_summary(self) -> str | None:
        facts = self.view.queryset.model._meta
        action = self.view.action
        summary = SUMMARIES.get(action, f"{action.replace('_', ' ').capitalize()} {{name}}")
        return summary.format(name=facts.verbose_name, names=facts.verbose_name_plural)

    def get_description(self) -> str:  # type: ignore[override]
        description = super().get_description()
        if self.rule == ANYONE:
            return description
        if isinstance(self.rule, Unless):
            return f"{description}\n\nNeeds the permission `{self.rule.permission}`, unless {self.rule.free_when}."
        return f"{description}\n\nNeeds the permission `{self.rule}`."

    def is_deprecated(self) -> bool:
        return self.view.action in self.view.deprecations

    def get_auth(self) -> list[dict[str, Any]]:
        schemes = super().get_auth()
        return [{}, *schemes] if self.rule == ANYONE or isinstance(self.rule, Unless) else schemes

    def _resolve_path_parameters(self, variables: list[str]) -> list[dict[str, Any]]:
        parameters = super()._resolve_path_parameters(variables)
        return [{**parameter, "schema": self.view.lookup_schema} for parameter in parameters]

    def _map_basic_serializer(self, serializer: Any, direction: str) -> dict[str, Any]:
        schema = super()._map_basic_serializer(serializer, direction)
        schema.pop("description", None)  # may be that of a base class
        if doc := (serializer if isinstance(serializer, type) else type(serializer)).__dict__.get("__doc__"):
            schema["description"] = inspect.cleandoc(doc)
        if direction == "request":
            schema["additionalProperties"] = False
        return schema

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies = super()._get_response_bodies(direction)
        component = ResolvedComponent("Problem", ResolvedComponent.SCHEMA, schema=PROBLEM, object="Problem")
        self.registry.register_on_missing(component)
        for kind in self.refusals():
            bodies[str(kind.status)] = {"description": kind.title}
        for status, body in bodies.items():
            if int(status) >= 400:
                body["content"] = {MEDIA_TYPE: {"schema": component.ref}}
            if headers := HEADERS.get(int(status)):
                body["headers"] = {**headers, **body.get("headers", {})}
        return bodies

    def refusals(self) -> list[type[problems.Problem]]:
        """The problems that can come of this operation, one of each status."""
        kinds: list[type[problems.Problem]] = [*ANY_METHOD]
        if self.rule != ANYONE:
            kinds.append(problems.Forbidden)
        if getattr(self.view, "detail", False):
            kinds.append(problems.NotFound)
        if self.method != "GET":
            kinds.append(problems.DomainError)
        if self.method not in ("GET", "DELETE"):
            kinds += WITH_BODY
        return sorted(kinds, key=lambda kind: kind.status)


def without_trailing_slashes(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Both spellings of a path are served; the document names the one that links use."""
    return [(path.rstrip("/"), *rest) for path, *rest in endpoints]
