"""Pagination: `skip` and `limit` for the catalogue, a cursor for lists that grow without bound."""

import re
from typing import Any

from django.core import signing
from django.db.models import Model, Q
from rest_framework.pagination import BasePagination, LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from config.problems import InvalidInput

MAX_ROWS = 1000
ROWS = 100
MAX_SKIPPED = 2**31 - 1
NUMBER = re.compile(r"0|[1-9][0-9]{0,9}")
LINK = {"type": ["string", "null"], "format": "uri"}


def whole_number(request: Request, name: str, default: int, least: int, most: int) -> int:
    """A query parameter of plain digits. Raises InvalidInput."""
    value = request.query_params.get(name)
    if value is None:
        return default
    if NUMBER.fullmatch(value) and least <= int(value) <= most:
        return int(value)
    detail = f"Must be a whole number from {least} to {most}."
    raise InvalidInput(errors=[{"parameter": name, "code": "invalid", "detail": detail}])


def limit_parameter(default: int = ROWS, most: int = MAX_ROWS) -> dict[str, Any]:
    return {
        "name": "limit",
        "in": "query",
        "required": False,
        "description": "Rows per page.",
        "schema": {"type": "integer", "minimum": 1, "maximum": most, "default": default},
    }


def url_of(request: Request) -> str:
    """The URL of the request, without a trailing slash."""
    path, _, query = request.get_full_path().partition("?")
    return request.build_absolute_uri(f"{path.rstrip('/')}?{query}")


def add_links(response: Response, following: str | None, previous: str | None) -> Response:
    """Adds `next` and `previous` as a Link header (RFC 8288)."""
    links = [f'<{url}>; rel="{relation}"' for url, relation in ((following, "next"), (previous, "prev")) if url]
    if links:
        response["Link"] = ", ".join(links)
    return response


class SkipLimitPagination(LimitOffsetPagination):
    offset_query_param = "skip"
    parameters = ("limit", "skip")
    rows = ROWS
    most = MAX_ROWS
    request: Any
    count: int
    offset: int
    limit: int

    def get_limit(self, request: Request) -> int:
        return whole_number(request, "limit", self.rows, 1, self.most)

    def get_offset(self, request: Request) -> int:
        return whole_number(request, "skip", 0, 0, MAX_SKIPPED)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request, self.limit, self.offset = request, self.get_limit(request), self.get_offset(request)
        rows = list(queryset[self.offset : self.offset + self.limit + 1])
        # One row more than asked for. Without it, this is the last page, and its rows give the count without a query.
        is_last = len(rows) <= self.limit and (bool(rows) or not self.offset)
        self.count = self.offset + len(rows) if is_last else queryset.count()
        self.display_page_controls = self.count > self.limit
        return rows[: self.limit]

    def link(self, skip: int) -> str:
        url = replace_query_param(url_of(self.request), "limit", self.limit)
        return replace_query_param(url, "skip", skip) if skip else remove_query_param(url, "skip")

    def get_next_link(self) -> str | None:
        return self.link(self.offset + self.limit) if self.offset + self.limit < self.count else None

    def get_previous_link(self) -> str | None:
        before = min(self.offset, self.count)  # beyond the last row the page before is the last one
        return self.link(max(before - self.limit, 0)) if self.offset else None

    def get_paginated_response(self, data: Any) -> Response:
        following, previous = self.get_next_link(), self.get_previous_link()
        page = {"count": self.count, "next": following, "previous": previous, "results": data}
        return add_links(Response(page), following, previous)

    def with_links(self, response: Response) -> Response:
        return add_links(response, self.get_next_link(), self.get_previous_link())

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        skip = {"type": "integer", "minimum": 0, "maximum": MAX_SKIPPED, "default": 0}
        description = "Rows to skip."
        return [
            limit_parameter(self.rows, self.most),
            {"name": "skip", "in": "query", "required": False, "description": description, "schema": skip},
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        count = {"type": "integer", "minimum": 0, "description": "Rows on all pages."}
        return page_schema(schema, count=count)


def page_schema(rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    properties = {**more, "next": LINK, "previous": LINK, "results": rows}
    return {"type": "object", "required": list(properties), "properties": properties}


class CursorPagination(BasePagination):
    """Continues after a row's position in the order, so that new rows shift nothing.

    The order ends with the primary key and has no nulls. Cursors are signed, without a time: the same page has the same
    links and the same ETag.
    """

    parameters = ("limit", "cursor")

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request = request
        self.order: tuple[str, ...] = queryset.query.order_by
        self.columns = {name: column_of(queryset, name) for name in self.order}
        self.signer = signing.Signer(salt=f"cursor {queryset.model._meta.label} {self.order}")
        limit = whole_number(request, "limit", ROWS, 1, MAX_ROWS)
        position, is_backward = self.read_cursor()
        order = [opposite(name) for name in self.order] if is_backward else self.order
        if position:
            queryset = queryset.filter(beyond(order, position))
        rows = list(queryset.order_by(*order)[: limit + 1])
        has_more, rows = len(rows) > limit, rows[:limit]
        if is_backward:
            rows.reverse()
        has_next, has_previous = (True, has_more) if is_backward else (has_more, bool(position))
        self.next = self.link(rows[-1], is_backward=False) if rows and has_next else None
        self.previous = self.link(rows[0], is_backward=True) if rows and has_previous else None
        return rows

    def read_cursor(self) -> tuple[list[Any], bool]:
        """The position, and whether to go backwards. Raises InvalidInput for a cursor of another list or order."""
        cursor = self.request.query_params.get("cursor")
        if cursor is None:
            return [], False
        try:
            *position, is_backward = self.signer.unsign_object(cursor)
        except signing.BadSignature:
            detail = "Must be the cursor of a `next` or `previous` link with the same ordering."
            raise InvalidInput(errors=[{"parameter": "cursor", "code": "invalid", "detail": detail}]) from None
        values = zip(self.order, position, strict=True)
        return [self.columns[name].to_python(value) for name, value in values], is_backward

    def link(self, row: Model, *, is_backward: bool) -> str:
        position = [self.value_of(row, name) for name in self.order]
        cursor = self.signer.sign_object([*position, is_backward], compress=True)
        return replace_query_param(url_of(self.request), "cursor", cursor)

    def value_of(self, row: Model, name: str) -> str:
        bare, column = name.removeprefix("-"), self.columns[name]
        is_own = bare in ("pk", column.name)  # an annotation has the field of another model
        return str(column.value_to_string(row) if is_own else getattr(row, bare))

    def get_paginated_response(self, data: Any) -> Response:
        response = Response({"next": self.next, "previous": self.previous, "results": data})
        return add_links(response, self.next, self.previous)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        description = "Where the page starts, from `next` or `previous` of another page."
        cursor = {"name": "cursor", "in": "query", "required": False, "description": description}
        schema = {"type": "string", "format": "cursor", "pattern": "^[A-Za-z0-9_.:-]+$"}
        return [limit_parameter(), {**cursor, "schema": schema}]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return page_schema(schema)


def column_of(queryset: Any, name: str) -> Any:
    """The field, or that of an annotation, which is a text."""
    name = name.removeprefix("-")
    if name in queryset.query.annotations:
        return queryset.query.annotations[name].output_field
    return queryset.model._meta.pk if name == "pk" else queryset.model._meta.get_field(name)


def opposite(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"


def beyond(order: Any, position: list[Any]) -> Q:
    """The rows after a position: greater in the first field, or equal in it and greater in the next, and so on."""
    condition, equal = Q(), Q()
    for name, value in zip(order, position, strict=True):
        bare = name.removeprefix("-")
        condition |= equal & Q(**{f"{bare}__{'lt' if name.startswith('-') else 'gt'}": value})
        equal &= Q(**{bare: value})
    first = order[0].removeprefix("-")
    # Implied by the rest; as one comparison it lets the planner start inside the index.
    return condition & Q(**{f"{first}__{'lte' if order[0].startswith('-') else 'gte'}": position[0]})
