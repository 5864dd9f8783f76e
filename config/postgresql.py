"""psycopg as the hot paths use it."""

import datetime as dt
import re
from functools import cache
from itertools import count
from typing import Any

import psycopg
from django.conf import settings
from django.db.backends.postgresql.psycopg_any import get_adapters_template
from psycopg.postgres import types

TIMESTAMPTZ = types["timestamptz"].oid


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


def read_instants_fast() -> None:
    """psycopg and Django take an instant apart with a regular expression, 3 µs each; Python itself reads it in 0.6.

    Django's is the template of all connections; a time zone other than its own would be put in by Django later.
    """
    template = get_adapters_template(settings.USE_TZ, dt.UTC)

    class Loader(template.get_loader(TIMESTAMPTZ, psycopg.pq.Format.TEXT)):  # type: ignore[misc]
        def load(self, data: Any) -> dt.datetime:
            try:
                return dt.datetime.fromisoformat(bytes(data).decode())
            except ValueError:  # infinity, or another date style
                return super().load(data)

    template.register_loader("timestamptz", Loader)
