from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config.database.copying import copy_all, source_database


class Command(BaseCommand):
    help = (
        "Copies all rows of another database into the one that DATABASE_URL names, which must be migrated and empty: "
        "from SQLite to PostgreSQL, or back. Compares hashes of all rows at the end, and keeps nothing when they "
        "differ. Stop the servers of the other database first. It is only read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", metavar="URL", help="such as sqlite:///ticket_booking.db, as in DATABASE_URL")

    def handle(self, *, source: str, **options: Any) -> None:
        with source_database(source):
            copied = copy_all(self.stdout)
        self.stdout.write(self.style.SUCCESS(f"{copied:,} rows copied. Their hashes are the same in both databases."))
