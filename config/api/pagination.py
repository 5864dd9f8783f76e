"""Two ways through a list: `skip` and `limit` for a catalogue, a cursor for what grows without bound."""

from typing import Any

from rest_framework.pagination import CursorPagination, LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response

from config.problems import InvalidInput

MOST_ROWS = 1000
ROWS = 100
MOST_SKIPPED = 2**31 - 1


def whole_number(request: Request, name: str, default: int, least: int, most: int) -> int:
    """A query parameter that is a whole number of plain digits. Raises InvalidInput."""
    value = request.query_params.get(name)
    if value is None:
        return default
    if value.isascii() and value.isdigit() and len(value) <= 10 and least <= int(value) <= most:
        return int(value)
    detail = f"Must be a whole number from {least} to {most}."
    raise InvalidInput(errors=[{"parameter": name, "code": "invalid", "detail": detail}])


def with_links(response: Response) -> Response:
    """Says next and previous in a Link header too (RFC 8288)."""
    links = [
        f'<{response.data[relation]}>; rel="{name}"'
        for relation, name in (("next", "next"), ("previous", "prev"))
        if response.data[relation]
    ]
    if links:
        response["Link"] = ", ".join(links)
    return response


class SkipLimitPagination(LimitOffsetPagination):
    default_limit = ROWS
    max_limit = MOST_ROWS
    offset_query_param = "skip"
    limit_query_description = f"How many rows to answer: 1 to {MOST_ROWS}."
    offset_query_description = "How many rows to pass over."

    def get_limit(self, request: Request) -> int:
        return whole_number(request, "limit", ROWS, 1, MOST_ROWS)

    def get_offset(self, request: Request) -> int:
        return whole_number(request, "skip", 0, 0, MOST_SKIPPED)

    def get_paginated_response(self, data: Any) -> Response:
        return with_links(super().get_paginated_response(data))


class NewestFirstPagination(CursorPagination):
    page_size = ROWS
    max_page_size = MOST_ROWS
    page_size_query_param = "limit"
    page_size_query_description = f"How many rows to answer: 1 to {MOST_ROWS}."
    cursor_query_description = "Where to go on: taken from `next` or `previous` of the answer before."
    invalid_cursor_message = "Must be taken from a link that the API gave."
    ordering = ("-created_at", "-pk")

    def get_page_size(self, request: Request) -> int:
        return whole_number(request, "limit", ROWS, 1, MOST_ROWS)

    def decode_cursor(self, request: Request) -> Any:
        from rest_framework.exceptions import NotFound

        try:
            return super().decode_cursor(request)
        except NotFound as error:
            fault = {"parameter": "cursor", "code": "invalid", "detail": str(error.detail)}
            raise InvalidInput(errors=[fault]) from None

    def get_paginated_response(self, data: Any) -> Response:
        return with_links(super().get_paginated_response(data))
