"""The database's clock."""

from typing import Any

from django.db.models import functions


class Now(functions.Now):
    """As Django's, but on SQLite with six decimals or none, as values are stored there: it compares them as texts."""

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> Any:
        template = "REPLACE(STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f000', 'NOW'), '.000000', '')"
        return self.as_sql(compiler, connection, template=template, **extra_context)
