"""Migrations' operations for tables that are in use: nobody has to wait while they run, and SQLite takes them too.

On PostgreSQL they work outside of a transaction, so a migration that has one has nothing else, and `atomic = False`.
When one is cut short it may leave an index that is not valid: drop that by hand, then migrate again.
"""

from typing import Any

from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    NotInTransactionMixin,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db.migrations import AddConstraint, AddIndex, RemoveIndex

POSTGRESQL = "postgresql"


class AddIndexInUse(AddIndexConcurrently):
    """Like AddIndex. Writing goes on while the index is built."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        kind = AddIndexConcurrently if schema_editor.connection.vendor == POSTGRESQL else AddIndex
        kind.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        kind = AddIndexConcurrently if schema_editor.connection.vendor == POSTGRESQL else AddIndex
        kind.database_backwards(self, app_label, schema_editor, from_state, to_state)


class RemoveIndexInUse(RemoveIndexConcurrently):
    """Like RemoveIndex. Nobody waits for those who still use the index."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        kind = RemoveIndexConcurrently if schema_editor.connection.vendor == POSTGRESQL else RemoveIndex
        kind.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        kind = RemoveIndexConcurrently if schema_editor.connection.vendor == POSTGRESQL else RemoveIndex
        kind.database_backwards(self, app_label, schema_editor, from_state, to_state)


class AddCheckInUse(NotInTransactionMixin, AddConstraint):
    """Like AddConstraint, of a CheckConstraint. It holds for new rows at once, then the old ones are looked through."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != POSTGRESQL:
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        self._ensure_not_in_transaction(schema_editor)
        data = {"app_label": app_label, "schema_editor": schema_editor, "from_state": from_state, "to_state": to_state}
        AddConstraintNotValid(self.model_name, self.constraint).database_forwards(**data)
        ValidateConstraint(self.model_name, self.constraint.name).database_forwards(**data)
