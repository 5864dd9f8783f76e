"""What every PostgreSQL session must have set, whoever sets it: no wait without end, and commits on disk.

Sessions of our own are told when they begin. Through a pooler in transaction mode they cannot be told, and a pooler
that is set to ignore what it is told says nothing. So the database is asked, before each migration.
"""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error
from django.db import connections


def check_sessions(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Part of `manage.py migrate` and of `manage.py check --database default`."""
    return [error for alias in databases or () for error in faults(alias)]


def faults(alias: str) -> list[CheckMessage]:
    connection = connections[alias]
    wanted: dict[str, str] = connection.settings_dict.get("SESSION", {})
    if not wanted:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(wanted)])
        found = dict(cursor.fetchall())
        cursor.execute("SELECT quote_ident(current_user), quote_ident(current_database())")
        user, database = cursor.fetchone()
    wrong = [name for name, value in wanted.items() if found.get(name) != in_units(value)]
    if not wrong:
        return []
    statements = "; ".join(f"ALTER ROLE {user} IN DATABASE {database} SET {name} = '{wanted[name]}'" for name in wrong)
    return [
        Error(
            f"Sessions of the database “{alias}” do not have the {', '.join(wrong)} that the settings ask for.",
            hint=f"Through a pooler the database itself must set them, in psql: {statements};",
            id="project.E101",
        )
    ]


def in_units(value: str) -> str:
    """As pg_settings has it: milliseconds for a time in seconds."""
    return f"{value.removesuffix('s')}000" if value[:1].isdigit() else value
