from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model

from config.database import rows
from config.settings.database import SQLITE, parse

SOURCE = "source"
MADE_BY_MIGRATE = {
    "access_rolegroup",
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "django_content_type",
}
ROWS_BETWEEN_LINES = 100_000


class Command(BaseCommand):
    help = (
        "Copies every row of another database into the one that DATABASE_URL names, which must be new: migrated, and "
        "empty. From SQLite to PostgreSQL, or back. All or nothing: at the end the rows of both are hashed and "
        "compared, and when anything differs nothing is kept. Stop the servers of the other database first; it is "
        "only read. Needs little memory, whatever the size."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", metavar="URL", help="such as sqlite:///ticket_booking.db, as in DATABASE_URL")

    def handle(self, *, source: str, **options: Any) -> None:
        with self.opened(source):
            self.refuse_other_migrations()
            self.refuse_rows()
            with transaction.atomic(using=SOURCE), transaction.atomic():  # on SQLite nobody writes to the source now
                copied = self.copy_all()
        self.stdout.write(self.style.SUCCESS(f"{copied:,} rows copied. Their hashes are the same in both databases."))

    @contextmanager
    def opened(self, url: str) -> Iterator[None]:
        try:
            found = parse("The source", url)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        if found["ENGINE"] == SQLITE:
            found["NAME"] = str(settings.BASE_DIR / found["NAME"])
            found["OPTIONS"] = {"transaction_mode": "IMMEDIATE"}
            if not Path(found["NAME"]).is_file():
                raise CommandError(f"There is no file {found['NAME']}.")
        here = connections[DEFAULT_DB_ALIAS].settings_dict
        place = ("ENGINE", "NAME", "HOST", "PORT")
        if [str(found.get(name, "")) for name in place] == [str(here.get(name, "")) for name in place]:
            raise CommandError("The source is the database that DATABASE_URL names. Name another one of the two.")
        connections.settings[SOURCE] = connections.configure_settings({**connections.settings, SOURCE: found})[SOURCE]
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

    def refuse_other_migrations(self) -> None:
        """Rows fit only tables that are the same."""
        done = {name: set(MigrationRecorder(connections[name]).applied_migrations()) for name in (SOURCE, "default")}
        for name, other, where in ((SOURCE, "default", "the source"), ("default", SOURCE, "the new database")):
            if missing := sorted(done[other] - done[name]):
                first = ".".join(missing[0])
                raise CommandError(
                    f"Bring both to the same version with manage.py migrate: {where} lacks {first}"
                    + (f" and {len(missing) - 1} more." if len(missing) > 1 else ".")
                )

    def refuse_rows(self) -> None:
        for model in rows.tables():
            if model._meta.db_table not in MADE_BY_MIGRATE and model._base_manager.exists():
                raise CommandError(f"There are rows in {model._meta.db_table}: copy into a database that is new.")

    def copy_all(self) -> int:
        models = rows.tables()
        for model in models:
            model._base_manager.all()._raw_delete(DEFAULT_DB_ALIAS)  # what migrate made; theirs comes instead
        copied = [self.copy(model) for model in models]
        rows.reset_sequences(models, DEFAULT_DB_ALIAS)
        connections[DEFAULT_DB_ALIAS].check_constraints()
        return sum(copied)

    def copy(self, model: type[Model]) -> int:
        table, read = model._meta.db_table, rows.Fingerprint()
        for chunk in rows.chunks(model, SOURCE):
            rows.insert(model, chunk, DEFAULT_DB_ALIAS)
            read.add(chunk)
            if read.rows % ROWS_BETWEEN_LINES == 0:
                self.stdout.write(f"  {table}: {read.rows:,} rows so far")
        if rows.fingerprint(model, DEFAULT_DB_ALIAS) != read:
            raise CommandError(f"{table} did not arrive as it was. Nothing was copied.")
        self.stdout.write(f"{table}: {read.rows:,}")
        return read.rows
