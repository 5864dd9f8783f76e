"""Migration operations for tables in use: they do not block writers on PostgreSQL, and also work on SQLite.

On PostgreSQL they run outside of a transaction: a migration has one of them alone, and `atomic = False`. An interrupted
one may leave an invalid index: drop it by hand, then migrate again.
"""

from typing import Any

from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    NotInTransactionMixin,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db.migrations import AddConstraint, AddIndex, RemoveIndex, RunSQL

POSTGRESQL = "postgresql"


class AddIndexInUse(AddIndexConcurrently):
    """AddIndex without blocking writers."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        kind = AddIndexConcurrently if schema_editor.connection.vendor == POSTGRESQL else AddIndex
        kind.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        kind = AddIndexConcurrently if schema_editor.connection.vendor == POSTGRESQL else AddIndex
        kind.database_backwards(self, app_label, schema_editor, from_state, to_state)


class RemoveIndexInUse(RemoveIndexConcurrently):
    """RemoveIndex without waiting for queries that use the index."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        kind = RemoveIndexConcurrently if schema_editor.connection.vendor == POSTGRESQL else RemoveIndex
        kind.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        kind = RemoveIndexConcurrently if schema_editor.connection.vendor == POSTGRESQL else RemoveIndex
        kind.database_backwards(self, app_label, schema_editor, from_state, to_state)


class AddCheckInUse(NotInTransactionMixin, AddConstraint):
    """AddConstraint of a CheckConstraint: holds for new rows at once, and is validated for old rows afterwards."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != POSTGRESQL:
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        # The mixin's only method; Django's own operations call it so.
        self._ensure_not_in_transaction(schema_editor)
        data = {"app_label": app_label, "schema_editor": schema_editor, "from_state": from_state, "to_state": to_state}
        AddConstraintNotValid(self.model_name, self.constraint).database_forwards(**data)
        ValidateConstraint(self.model_name, self.constraint.name).database_forwards(**data)


class RunSQLOnPostgreSQL(RunSQL):
    """RunSQL that does nothing on SQLite."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == POSTGRESQL:
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == POSTGRESQL:
            super().database_backwards(app_label, schema_editor, from_state, to_state)
