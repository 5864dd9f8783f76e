"""Copies all rows of one migrated database into another one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, OutputWrapper
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model

from config.database import rows
from config.settings.database import SQLITE, parse

SOURCE = "source"
FILLED_BY_MIGRATE = {
    "access_rolegroup",
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "django_content_type",
}
ROWS_BETWEEN_LINES = 100_000


@contextmanager
def source_database(url: str) -> Iterator[None]:
    """Connects the database at `url` as SOURCE. Raises CommandError when that is not possible."""
    try:
        config = parse("The source", url)
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from None
    if config["ENGINE"] == SQLITE:
        config["NAME"] = str(settings.BASE_DIR / config["NAME"])
        config["OPTIONS"] = {"transaction_mode": "IMMEDIATE"}
        if not Path(config["NAME"]).is_file():
            raise CommandError(f"There is no file {config['NAME']}.")
    if place(config) == place(connections[DEFAULT_DB_ALIAS].settings_dict):
        raise CommandError("The source is the database that DATABASE_URL names. Name two different databases.")
    connections.settings[SOURCE] = connections.configure_settings({**connections.settings, SOURCE: config})[SOURCE]
    try:
        connections[SOURCE].ensure_connection()
        yield
    except OperationalError as error:
        if connections[SOURCE].connection is not None:
            raise
        raise CommandError(f"The source cannot be reached: {error}".strip()) from None
    finally:
        connections[SOURCE].close()
        del connections[SOURCE], connections.settings[SOURCE]


def place(config: dict[str, Any]) -> list[str]:
    return [str(config.get(name, "")) for name in ("ENGINE", "NAME", "HOST", "PORT")]


def copy_all(out: OutputWrapper) -> int:
    """Copies SOURCE into the default database and returns the number of rows. Raises CommandError, and keeps nothing,
    when a row differs afterwards.
    """
    refuse_other_migrations()
    models = rows.tables()
    for model in models:
        if model._meta.db_table not in FILLED_BY_MIGRATE and model._base_manager.exists():
            raise CommandError(f"The table {model._meta.db_table} has rows. Copy into a new database.")
    with transaction.atomic(using=SOURCE), transaction.atomic():  # also keeps other writers out of an SQLite source
        for model in models:
            model._base_manager.all().delete()
        copied = [copy(model, out) for model in models]
        rows.reset_sequences(models, DEFAULT_DB_ALIAS)
        connections[DEFAULT_DB_ALIAS].check_constraints()
    return sum(copied)


def refuse_other_migrations() -> None:
    applied = {name: set(MigrationRecorder(connections[name]).applied_migrations()) for name in (SOURCE, "default")}
    for name, other, text in ((SOURCE, "default", "the source"), ("default", SOURCE, "the new database")):
        if missing := sorted(applied[other] - applied[name]):
            first = ".".join(missing[0]) + (f" and {len(missing) - 1} more" if len(missing) > 1 else "")
            raise CommandError(
                f"Bring both databases to the same version with manage.py migrate: {text} lacks {first}."
            )


def copy(model: type[Model], out: OutputWrapper) -> int:
    table, read = model._meta.db_table, rows.Fingerprint()
    for chunk in rows.chunks(model, SOURCE):
        rows.insert(model, chunk, DEFAULT_DB_ALIAS)
        read.add(chunk)
        if read.rows % ROWS_BETWEEN_LINES == 0:
            out.write(f"  {table}: {read.rows:,} rows so far")
    if rows.fingerprint(model, DEFAULT_DB_ALIAS) != read:
        raise CommandError(f"Rows of {table} differ after copying. Nothing was copied.")
    out.write(f"{table}: {read.rows:,}")
    return read.rows
