"""The OpenAPI document: drf-spectacular's AutoSchema with access rules, refusals and headers."""

import inspect
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter
from rest_framework.fields import ListField
from rest_framework.serializers import ListSerializer

from config import problems
from config.access import booking_secret
from config.access.permissions import ANYONE, Anyone, PermissionOrAnonymous, PermissionOrSecret
from config.api import fields
from config.api.errors import MEDIA_TYPE, as_dict
from config.api.expand import PARAMETER as EXPAND
from config.api.expand import Expansion
from config.api.filters import names_pattern
from config.idempotency.keys import HEADER, KEY, MIN_ANONYMOUS_KEY, REPLAYED
from config.idempotency.problems import (
    CreatedObjectGone,
    IdempotencyKeyExpired,
    IdempotencyKeyReused,
    RequestInProgress,
)
from config.values import money, text

PROBLEM = {
    "type": "object",
    "description": "An error (RFC 9457). `GET /problems` describes each `code`.",
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
                "description": "One error: its place, and what helps to correct it.",
                "required": ["code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer (RFC 6901) into the body."},
                    "parameter": {"type": "string", "description": "Name of a query parameter."},
                    "header": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
WARNINGS = {
    "type": "array",
    "description": "Only in answers to writes, if there is something that staff should look at.",
    "items": {
        "type": "object",
        "description": "What was taken, but may be a mistake, and the ids of other objects that it is about.",
        "required": ["code", "detail"],
        "properties": {
            "pointer": {"type": "string", "description": "JSON pointer (RFC 6901) into the resource."},
            "code": {"type": "string"},
            "detail": {"type": "string"},
            "event": {"type": "integer"},
            "ticket_type": {"type": "integer"},
        },
    },
}
TEXT = {"schema": {"type": "string"}}
SECONDS = {"schema": {"type": "integer", "minimum": 0}, "description": "Seconds to wait before a retry."}
TAG = {
    "schema": {"type": "string"},
    "description": "Identifies this version for If-None-Match and If-Match.",
}
RATES = {
    "RateLimit": {
        "schema": {"type": "string"},
        "description": "For each limit that counted the request: remaining requests (r), seconds until reset (t).",
        "example": '"anonymous-reads";r=2999;t=60',
    },
    "RateLimit-Policy": {
        "schema": {"type": "string"},
        "description": "For each of these limits: its quota (q), and its window in seconds (w).",
        "example": '"anonymous-reads";q=3000;w=60',
    },
}
HEADERS: dict[int, dict[str, Any]] = {
    201: {"Location": {"schema": {"type": "string", "format": "uri-reference"}, "description": "The new resource."}},
    304: {"ETag": TAG},
    401: {"WWW-Authenticate": TEXT},
    409: {"Retry-After": SECONDS},
    429: {"Retry-After": SECONDS},
    503: {"Retry-After": SECONDS},
}
IF_NONE_MATCH = "The ETag of an earlier answer. If it is current, the answer is 304 without a body."
IF_MATCH = "The ETag of the version that you fetched. If it has changed, the answer is 412, and nothing is done."
OPENS = "The `secret` that the booking was answered with. A wrong one is answered as an unknown id."
ANY_METHOD = (
    problems.InvalidInput,
    problems.Unauthenticated,
    problems.NotAcceptable,
    problems.AddressTooLong,
    problems.HeadersTooLarge,
    problems.TooManyRequests,
    problems.Unavailable,
)
A_KEY = "A name for this request. The same request with the same key creates nothing more: it is answered again."
AN_ANONYMOUS_KEY = f"Without a token, it has at least {MIN_ANONYMOUS_KEY} characters, and is valid for 24 hours."
A_REPLAY = f"An earlier request with the same {HEADER} created this."
WITH_BODY = (problems.TooLarge, problems.UnsupportedMediaType)
EDITS = ("PUT", "PATCH", "DELETE")
ANY_SEGMENT = "^[^/]+$"  # of the routes; the views know what their ids look like
FORMATS: tuple[tuple[Any, dict[str, str]], ...] = (
    (money.validate_currency, {"format": "iso-4217", "pattern": "^[A-Z]{3}$"}),
    (text.validate_timezone, {"format": "iana-time-zone", "pattern": "^[A-Za-z0-9_+/-]+$"}),
)
SUMMARIES = {
    "list": "List {names}",
    "retrieve": "Show {name}",
    "create": "Create {name}",
    "update": "Replace {name}",
    "partial_update": "Change {name}",
    "destroy": "Delete {name}",
}
IDS = {
    "list": "list_{names}",
    "retrieve": "get_{name}",
    "create": "create_{name}",
    "update": "replace_{name}",
    "partial_update": "update_{name}",
    "destroy": "delete_{name}",
}


class Bearer(OpenApiAuthenticationExtension):
    target_class = "config.access.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "Issued by staff. `Authorization: Bearer <token>`.",
        }


class Session(SessionScheme):
    target_class = "config.access.authentication.StaffSessionAuthentication"


class Schema(AutoSchema):
    """Adds what drf-spectacular cannot see: access rules, refusals, headers, expansions."""

    view: Any

    @property
    def rule(self) -> Any:
        return getattr(self.view, "access", {}).get(getattr(self.view, "action", None), ANYONE)

    @property
    def names(self) -> dict[str, str]:
        data = self.view.queryset.model._meta
        return {"name": str(data.verbose_name), "names": str(data.verbose_name_plural)}

    @property
    def is_verb(self) -> bool:
        """Whether the operation is an action on one object: publish, confirm, check in."""
        return self.method == "POST" and bool(getattr(self.view, "detail", False))

    @property
    def creates(self) -> bool:
        """Whether the operation creates something, and so takes an `Idempotency-Key`."""
        if self.method != "POST":
            return False
        declared = self.get_response_serializers()
        return 201 in declared if isinstance(declared, dict) else self.view.action == "create"

    @property
    def is_for_anonymous(self) -> bool:
        return isinstance(self.rule, Anyone | PermissionOrAnonymous)

    def get_summary(self) -> str | None:
        action = self.view.action
        return SUMMARIES.get(action, f"{action.replace('_', ' ').capitalize()} {{name}}").format(**self.names)

    def get_operation_id(self) -> str:
        """A good method name of a generated client: list_venues, check_in_ticket."""
        names = {key: name.replace(" ", "_") for key, name in self.names.items()}
        return IDS.get(self.view.action, f"{self.view.action}_{{name}}").format(**names)

    def get_tags(self) -> list[str]:
        return [self.names["names"].replace(" ", "-")]

    def get_description(self) -> str:  # type: ignore[override]
        description = super().get_description()
        if self.view.action == "update":
            description = f"{description}\n\nOptional fields that are not sent keep their values."
        return description if self.rule == ANYONE else f"{description}\n\n{self.needs}"

    @property
    def needs(self) -> str:
        match self.rule:
            case PermissionOrSecret(permission, open_when=condition):
                only = f", if {condition}" if condition else ""
                return f"Needs the permission `{permission}`, or without a token the booking's secret{only}."
            case PermissionOrAnonymous(permission):
                return f"Needs the permission `{permission}`; without a token nothing."
        return f"Needs the permission `{self.rule}`."

    def is_deprecated(self) -> bool:
        return self.view.action in self.view.deprecations

    def get_auth(self) -> list[dict[str, Any]]:
        schemes = super().get_auth()
        return [{}, *schemes] if self.is_for_anonymous else schemes

    def get_override_parameters(self) -> list[Any]:
        parameters = list(super().get_override_parameters())
        if self.method == "GET":
            parameters.append(OpenApiParameter("If-None-Match", str, "header", description=IF_NONE_MATCH))
        if self.method in EDITS or self.is_verb:
            parameters.append(OpenApiParameter("If-Match", str, "header", description=IF_MATCH))
        if self.creates:
            parameters += self.key_parameters()
        if isinstance(self.rule, PermissionOrSecret):
            parameters.append(OpenApiParameter(booking_secret.HEADER, str, "header", description=OPENS))
            if self.method == "GET":
                description = "The same, for links that people open."
                parameters.append(OpenApiParameter(booking_secret.PARAMETER, str, "query", description=description))
        if self.view.expansions:
            schema = {"type": "string", "pattern": names_pattern(self.view.expansions)}
            description = f"Related resources to include, separated by commas: {', '.join(self.view.expansions)}."
            parameters.append(OpenApiParameter(EXPAND, schema, "query", description=description))
        return parameters

    def key_parameters(self) -> list[OpenApiParameter]:
        description = f"{A_KEY} {AN_ANONYMOUS_KEY}" if self.is_for_anonymous else A_KEY
        return [
            OpenApiParameter(HEADER, str, "header", pattern=f"^{KEY.pattern}$", description=description),
            OpenApiParameter(REPLAYED, {"const": "true"}, "header", response=[201], description=A_REPLAY),
        ]

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: Any = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path" and parameter["schema"].get("pattern") in (None, ANY_SEGMENT):
                parameter["schema"] = self.view.lookup_schema
        self.add_refusals(operation["responses"])
        for status, response in operation["responses"].items():
            if headers := self.headers(int(status)):
                response["headers"] = {**headers, **response.get("headers", {})}
        return operation

    # drf-spectacular has no public method for the schema of a field.
    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        schema = super()._map_serializer_field(field, direction, bypass_extensions)
        return {**schema, **bounds_of(field, direction)} if isinstance(schema, dict) else schema

    # Nor for what validators add to it.
    def _insert_field_validators(self, field: Any, schema: dict[str, Any]) -> None:
        super()._insert_field_validators(field, schema)
        schema.update(format_of(field, schema))

    # Nor for the schema of a serializer.
    def _map_basic_serializer(self, serializer: Any, direction: str) -> dict[str, Any]:
        schema = super()._map_basic_serializer(serializer, direction)
        kind = serializer if isinstance(serializer, type) else type(serializer)
        schema.pop("description", None)  # may be inherited
        if doc := kind.__dict__.get("__doc__"):
            schema["description"] = inspect.cleandoc(doc)
        if direction == "request":
            schema["additionalProperties"] = False
        else:
            schema["required"] = list(schema["properties"])  # an answer always has all fields
            schema["properties"] = without_patterns(schema["properties"])
            self.add_expansions(schema, getattr(kind, "expansions", {}))
            if getattr(kind, "has_warnings", False):
                schema["properties"]["warnings"] = WARNINGS
        if example := getattr(getattr(kind, "Meta", None), "example", None):
            schema["example"] = example
        return schema

    def add_expansions(self, schema: dict[str, Any], expansions: dict[str, Expansion]) -> None:
        for name, expansion in expansions.items():
            ref = self.resolve_serializer(expansion.serializer, "response").ref  # type: ignore[arg-type]
            if expansion.many:
                description = f"Only with `expand={name}`."
                schema["properties"][name] = {"type": "array", "items": ref, "description": description}
            else:
                schema["properties"][name] = {"anyOf": [schema["properties"][name], ref]}

    def add_refusals(self, responses: dict[str, Any]) -> None:
        component = ResolvedComponent("Problem", ResolvedComponent.SCHEMA, schema=PROBLEM, object="Problem")
        self.registry.register_on_missing(component)
        if self.method == "GET":
            responses["304"] = {"description": "Not modified: the client has the current version."}
        for status, kinds in groupby(self.refusals(), key=lambda kind: kind.status):
            responses[str(status)] = refused(list(kinds), component.ref)

    def headers(self, status: int) -> dict[str, Any]:
        headers = HEADERS.get(status, {})
        if status < 300 or status == problems.TooManyRequests.status:
            headers = headers | {name: {"$ref": f"#/components/headers/{name}"} for name in RATES}
        shows_itself = self.method == "GET" or self.view.action == "partial_update"
        return {**headers, "ETag": TAG} if (status == 200 and shows_itself) or status == 201 else headers

    def refusals(self) -> list[type[problems.Problem]]:
        """The problems of this operation by status; the view declares those of its domain."""
        kinds: list[type[problems.Problem]] = [*ANY_METHOD]
        if self.rule != ANYONE:
            kinds.append(problems.Forbidden)
        if getattr(self.view, "detail", False):
            kinds.append(problems.NotFound)
        unless_declared = [] if self.method == "GET" else [problems.DomainError]
        kinds += self.view.refusals.get(self.view.action, unless_declared)
        if self.creates:
            kinds += [IdempotencyKeyReused, RequestInProgress, CreatedObjectGone]
            kinds += [IdempotencyKeyExpired] if self.is_for_anonymous else []
        if self.method in ("GET", *EDITS) or self.is_verb:
            kinds.append(problems.PreconditionFailed)
        if self.method not in ("GET", "DELETE"):
            kinds += WITH_BODY
        return sorted(kinds, key=lambda kind: kind.status)


def refused(kinds: list[type[problems.Problem]], schema: dict[str, Any]) -> dict[str, Any]:
    """A response that is one of these problems; the first is its example."""
    codes = "; ".join(f"`{kind.code}`: {kind.title[0].lower()}{kind.title[1:]}" for kind in kinds)
    content = {MEDIA_TYPE: {"schema": schema, "example": example_of(kinds[0])}}
    return {"description": codes if len(kinds) > 1 else kinds[0].title, "content": content}


def format_of(field: Any, schema: dict[str, Any]) -> dict[str, Any]:
    """The format of a text field with a known validator, or else its pattern."""
    known = [it for validator, it in FORMATS if validator in getattr(field, "validators", ())]
    if known:
        return known[0]
    is_text = isinstance(field, fields.LineField) and not isinstance(field, fields.EmailField)
    if not is_text or field.read_only or "pattern" in schema:
        return {}
    return {"pattern": text.pattern(paragraphs=field.has_paragraphs, blank=field.allow_blank)}


def without_patterns(schema: Any) -> Any:
    """The schema of an answer. A client that checks answers must not stop at rules that become stricter later."""
    if isinstance(schema, dict):
        return {name: without_patterns(it) for name, it in schema.items() if name not in ("pattern", "propertyNames")}
    return [without_patterns(it) for it in schema] if isinstance(schema, list) else schema


def bounds_of(field: Any, direction: str) -> dict[str, Any]:
    """What drf-spectacular does not know about the values of this project's fields."""
    if isinstance(field, fields.InstantField):
        nullable = {"type": ["string", "null"]} if field.allow_null else {}
        return {**fields.INSTANT_SCHEMA, **nullable}
    if isinstance(field, fields.PriceField):
        return {"type": "string", "pattern": field.pattern(is_request=direction == "request")}
    if isinstance(field, fields.ReferenceField):
        return {"minimum": 1, "maximum": fields.GREATEST_ID}
    if isinstance(field, ListSerializer | ListField) and direction == "request":
        most = getattr(field, "max_length", None)
        least = getattr(field, "min_length", None) or int(not field.allow_empty)
        return {"minItems": least, **({"maxItems": most} if most else {})}
    return {}


def example_of(kind: type[problems.Problem]) -> dict[str, Any]:
    problem = kind()
    return as_dict(problem) | {"request_id": "7f1f3ab0-6d0c-4c53-9d3a-0b1c5f4e2a77"}


def without_trailing_slashes(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Paths work with and without the slash; the document has those of links."""
    return [(path.rstrip("/"), *rest) for path, *rest in endpoints]


def finish(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Adds the serializers' examples to each operation, and drops unused components."""
    components = result["components"]["schemas"]
    result["components"]["headers"] = RATES
    for media in media_types(result["paths"]):
        if "example" not in media and (example := example_for(media["schema"], components)) is not None:
            media["example"] = example
    for schema in components.values():
        schema.pop("example", None)
    while unused := set(components) - set(references([result["paths"], components])):
        for name in unused:
            del components[name]
    return result


def media_types(paths: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for operations in paths.values():
        for operation in operations.values():
            for part in (operation.get("requestBody", {}), *operation["responses"].values()):
                yield from part.get("content", {}).values()


def example_for(schema: dict[str, Any], components: dict[str, Any]) -> Any:
    """The example of the referenced component; for a page, with one row."""
    if "$ref" in schema:
        component = components[schema["$ref"].rsplit("/", 1)[-1]]
        if "example" in component or "results" not in component.get("properties", {}):
            known = component.get("properties", {})
            example = {name: value for name, value in component.get("example", {}).items() if name in known}
            return example | nested_examples(known, example, components)
        row = example_for(component["properties"]["results"]["items"], components)
        page = {"count": 1, "next": None, "previous": None, "cursor": row.get("cursor"), "results": [row]}
        return {name: page[name] for name in component["properties"]}
    return None


def nested_examples(properties: dict[str, Any], example: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """For each list of a component that has an example of its own, a list of that."""
    rows = {name: properties[name].get("items", {}) for name in example}
    examples = {name: example_for(row, components) for name, row in rows.items() if "$ref" in row}
    return {name: [it] for name, it in examples.items() if it}


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].rsplit("/", 1)[-1]
        for child in value.values():
            yield from references(child)
    elif isinstance(value, list):
        for child in value:
            yield from references(child)
