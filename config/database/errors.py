"""Explains to the operator what is wrong with the database."""

import re

from django.db import DatabaseError, InterfaceError

UNDEFINED = ("42P01", "42703")  # a table, a column (PostgreSQL)
MISSING = re.compile(r"no such (table|column)|has no column named")  # SQLite
UNREACHABLE = ("08", "28", "3D")  # connection, authorization, database (PostgreSQL)
UNREACHABLE_TEXT = re.compile(
    "connect|unable to open|could not translate|timeout|pool"
)  # without an answer of a server


def explain(error: DatabaseError | InterfaceError) -> str | None:
    """One line that says what to do; None for errors that are not about the database as a whole."""
    text = " ".join(str(error).split("\n")[0].split()) or type(error).__name__
    state = getattr(error.__cause__, "sqlstate", None)
    if state in UNDEFINED or MISSING.search(text):
        return f"The database schema is not up to date ({text}). Run manage.py migrate, then retry."
    if state[:2] in UNREACHABLE if state else UNREACHABLE_TEXT.search(text):
        return f"The database that DATABASE_URL names cannot be reached: {text}"
    return None
