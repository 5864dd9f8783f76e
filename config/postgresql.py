"""psycopg as the hot paths use it."""

import re
from functools import cache
from itertools import count
from typing import Any

import psycopg

MARK = re.compile("%[%s]")


@cache
def numbered(sql: str) -> str:
    """With `$1` and so on for the marks of Python's DB-API. psycopg looks for marks anew each time in a statement with
    more than 50 of them, as that of a booking: 100 µs.
    """
    numbers = count(1)
    return MARK.sub(lambda mark: "%" if mark[0] == "%%" else f"${next(numbers)}", sql)


class PreparedCursor(psycopg.RawCursor[Any]):
    """Has its statement prepared and its rows sent in binary.

    Unless the connection's `prepare_threshold` is None: behind a pooler nothing may be kept in a session.
    """

    def execute(self, query: Any, params: Any = None, **how: Any) -> Any:
        return super().execute(numbered(query), params, prepare=True, binary=True)

    def _convert_query(self, query: Any, params: Any = None) -> Any:
        """Keeps what Django's log of queries asks a cursor for, as psycopg does when it prepares nothing."""
        self._query = super()._convert_query(query, params)
        return self._query
