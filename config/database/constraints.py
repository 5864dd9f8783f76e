"""What the database says when it refuses a write: which constraint, which field, and whether a retry may help."""

from typing import Any

from django.apps import apps
from django.db import DatabaseError, IntegrityError, InterfaceError, models
from django.db.models import CheckConstraint, UniqueConstraint

LOCK_NOT_AVAILABLE = "55P03"


def sqlstate(error: Exception) -> str | None:
    """PostgreSQL's code of the error; None on SQLite."""
    return getattr(error.__cause__, "sqlstate", None)


def is_foreign_key(error: IntegrityError) -> bool:
    return sqlstate(error) == "23503" or "FOREIGN KEY" in str(error)


def is_waiting_for(error: Exception, constraint: str) -> bool:
    """Whether a lock was awaited for too long in the index of a unique constraint, and not at a row."""
    context = getattr(getattr(error.__cause__, "diag", None), "context", None)
    return sqlstate(error) == LOCK_NOT_AVAILABLE and constraint in (context or "")


def violated_constraint(error: IntegrityError) -> CheckConstraint | UniqueConstraint | None:
    """The named constraint that a write would have broken; None when the database names another kind."""
    named = {
        constraint.name: (model, constraint)
        for model in apps.get_models()
        for constraint in model._meta.constraints
        if isinstance(constraint, CheckConstraint | UniqueConstraint)
    }
    diagnosis = getattr(error.__cause__, "diag", None)
    if diagnosis is not None:
        return named.get(diagnosis.constraint_name, (None, None))[1]
    kind, _, what = str(error).partition(" constraint failed: ")
    if kind == "CHECK":
        return named.get(what, (None, None))[1]
    return next((it for model, it in named.values() if sqlite_text(model, it) == what), None)


def sqlite_text(model: type[models.Model], constraint: models.BaseConstraint) -> str:
    """How SQLite names a unique constraint: by its columns, or by its index when it is of expressions."""
    if not isinstance(constraint, UniqueConstraint):
        return ""
    if constraint.condition is not None or constraint.expressions:
        columns = [model._meta.get_field(name).column for name in constraint.fields]  # type: ignore[union-attr]
        return ", ".join(f"{model._meta.db_table}.{column}" for column in columns) or f"index '{constraint.name}'"
    columns = [model._meta.get_field(name).column for name in constraint.fields]  # type: ignore[union-attr]
    return ", ".join(f"{model._meta.db_table}.{column}" for column in columns)


def blamed_field(constraint: CheckConstraint | UniqueConstraint) -> str:
    """The field to report: the last one of a unique constraint, the first one of a check."""
    if isinstance(constraint, UniqueConstraint):
        return constraint.fields[-1] if constraint.fields else ""
    condition: Any = constraint.condition
    while isinstance(condition, models.Q):
        condition = condition.children[0]
    return str(condition[0]).split("__")[0]


def is_temporary(error: DatabaseError | InterfaceError) -> bool:
    """Whether a retry may help: the database is away, or a lock was held for too long."""
    state = sqlstate(error)
    if state is not None:
        return state[:2] in ("08", "40", "53", "55", "57")
    text = str(error).lower()
    return "locked" in text or "connection" in text or "timeout" in text or "pool" in text
