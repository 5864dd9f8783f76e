"""What a database says to a command, in words for whoever has typed it."""

import re

from django.db import DatabaseError, InterfaceError

UNDEFINED = ("42P01", "42703")  # a table, a column (PostgreSQL)
MISSING = re.compile(r"no such (table|column)|has no column named")  # SQLite


def sentence(error: DatabaseError | InterfaceError) -> str | None:
    """What is wrong with the database itself, and what to do; None when it is something else."""
    text = " ".join(str(error).split("\n")[0].split()) or type(error).__name__
    state = getattr(error.__cause__, "sqlstate", None)
    if state in UNDEFINED or MISSING.search(text):
        return f"The database is not up to date with the program ({text}). Run manage.py migrate, then this again."
    is_away = state is None and any(
        word in text for word in ("connect", "unable to open", "could not translate", "timeout", "pool")
    )
    if is_away or (state or "")[:2] in ("08", "28", "3D"):  # connection, authorization, database
        return f"The database that DATABASE_URL names cannot be reached: {text}"
    return None
