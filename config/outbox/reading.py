"""Reads the feed from a cursor: the position of the last change that a reader has."""

import re
from collections.abc import Collection
from itertools import chain
from typing import Any

from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from config.access.permissions import may
from config.api.filters import names_pattern, parameter_error
from config.api.pagination import LINK, MAX_ROWS, ROWS, add_links, limit_parameter, url_of, whole_number
from config.outbox.models import FeedChange
from config.outbox.problems import CursorExpired
from config.outbox.publishing import bounds
from config.outbox.types import TYPES
from config.problems import Forbidden, InvalidInput

LATEST = "latest"
CURSOR = "0|[1-9][0-9]{0,17}"
POSITION = re.compile(CURSOR)


class FeedPagination(BasePagination):
    """`?after=` continues after a cursor. The answer has the `cursor` from which to go on, also when it has no rows."""

    parameters = ("after", "type", "limit")

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request = request
        limit = whole_number(request, "limit", ROWS, 1, MAX_ROWS)
        types = wanted_types(request)
        purged, last = bounds()
        after = read_cursor(request, purged, last)
        rows = read(types, after, last, limit + 1)
        if "after" in request.query_params and after < bounds()[0]:  # purged meanwhile
            raise expired(after)
        self.has_more, rows = len(rows) > limit, rows[:limit]
        self.cursor = rows[-1].position if self.has_more else last
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        url = replace_query_param(url_of(self.request), "after", self.cursor)
        following = url if self.has_more else None
        return add_links(Response({"next": following, "cursor": str(self.cursor), "results": data}), following, None)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        after = (
            f"The cursor of the last change that is known; `{LATEST}` answers no changes, and where to begin. "
            "By default the oldest change that is kept comes first."
        )
        types = "Only changes of these types, separated by commas."
        return [
            string_parameter("after", after, f"^({LATEST}|{CURSOR})$"),
            string_parameter("type", types, names_pattern(map(re.escape, TYPES))),
            limit_parameter(),
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        cursor = {"type": "string", "description": "Where to go on: `?after=`."}
        properties = {"next": LINK, "cursor": cursor, "results": schema}
        return {"type": "object", "required": list(properties), "properties": properties}


def string_parameter(name: str, description: str, pattern: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def wanted_types(request: Request) -> list[str]:
    """The types that the client asks for; by default those that it may see. Raises InvalidInput, Forbidden."""
    asked = request.query_params.get("type")
    if asked is None:
        return [name for name, it in TYPES.items() if may(request, it.permission)]
    names = list(dict.fromkeys(asked.split(",")))
    for name in names:
        if name not in TYPES:
            detail = f"Unknown type {name[:40]!r}. Must be some of {', '.join(TYPES)}, separated by commas."
            raise InvalidInput(errors=[parameter_error("type", "unknown-type", detail)])
        if not may(request, TYPES[name].permission):
            raise Forbidden(f"Changes of the type {name} need the permission {TYPES[name].permission}.")
    return names


def read_cursor(request: Request, purged: int, last: int) -> int:
    """Raises InvalidInput, CursorExpired."""
    cursor = request.query_params.get("after")
    if cursor is None:
        return purged
    if cursor == LATEST:
        return last
    if not POSITION.fullmatch(cursor):
        detail = f"Must be the cursor of a change or of an answer, or {LATEST}."
        raise InvalidInput(errors=[parameter_error("after", "invalid", detail)])
    if not purged <= int(cursor) <= last:
        raise expired(int(cursor))
    return int(cursor)


def expired(cursor: int) -> CursorExpired:
    detail = "The feed has no changes after this cursor. Read the resources again, and go on from latest."
    return CursorExpired(detail, errors=[parameter_error("after", CursorExpired.code, f"No changes after {cursor}.")])


def read(types: Collection[str], after: int, last: int, limit: int) -> list[FeedChange]:
    """The first changes of these types after a position."""
    rows = FeedChange.objects.filter(position__gt=after, position__lte=last).order_by("position")
    if len(types) == len(TYPES):
        return list(rows[:limit])
    # One range of the index for each type, however rare it is.
    found: Any = (rows.filter(type=name).values_list("position", flat=True)[:limit] for name in types)
    positions = sorted(chain.from_iterable(found))[:limit]
    return list(FeedChange.objects.filter(position__in=positions).order_by("position")) if positions else []
