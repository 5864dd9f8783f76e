import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DEFAULT_DB_ALIAS

from config.database import rows


class Command(BaseCommand):
    help = (
        "Prints the number of rows of each table and a hash of them, to compare two databases, such as before a "
        "backup and after its restore. SQLite and PostgreSQL give the same hashes. Reads one snapshot during sales."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one line of JSON for each table")

    def handle(self, **options: Any) -> None:
        with rows.one_moment(DEFAULT_DB_ALIAS):
            for model in rows.tables():
                self.show(model._meta.db_table, rows.fingerprint(model, DEFAULT_DB_ALIAS), options["json"])

    def show(self, table: str, found: rows.Fingerprint, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"table": table, "rows": found.rows, "hash": found.digest}))
        else:
            self.stdout.write(f"{table:<32} {found.rows:>10}  {found.digest}")
