"""Lints the migrations against a new PostgreSQL database: python -m config.tests.harness.migrations.

django-migration-linter finds what the previous release cannot run with, and what locks a table for long. It does not
know that a new check constraint locks the table while all rows are read: that rule is added here.
"""

import os
import sys

import django
from django_migration_linter import MigrationLinter
from django_migration_linter.sql_analyser import PostgresqlAnalyser
from django_migration_linter.sql_analyser.base import Check, CheckMode, CheckType

from config.tests.harness.postgres import postgres_url

APPS = [
    *("history", "access", "idempotency", "metrics", "outbox", "venues", "events", "ticket_types"),
    *("bookings", "booking_messages", "payments", "door", "webhooks"),
]
# Migrations that may break a rule: their names, each with a comment that says why.
ALLOWED = [
    "0002_refund_idempotency_keys",  # its unique index is built before any release has a refund
    "0003_drop_refund_idempotency_keys",  # no release has written these columns
]


def adds_check(statements, **kwargs):
    """Whether a check constraint is added at once to a table that an earlier migration created."""
    created = {sql.split('"')[1] for sql in statements if sql.startswith("CREATE TABLE")}
    added = [sql for sql in statements if sql.startswith("ALTER TABLE") and " CHECK (" in sql]
    return any(sql.split('"')[1] not in created and not sql.endswith("NOT VALID;") for sql in added)


class Analyser(PostgresqlAnalyser):
    migration_checks = [
        *PostgresqlAnalyser.migration_checks,
        Check(
            code="ADD_CHECK",
            fn=adds_check,
            message="ADDING check constraint locks table",
            mode=CheckMode.TRANSACTION,
            type=CheckType.ERROR,
        ),
    ]


def lint():
    """Prints what is wrong, and returns how many migrations are refused."""
    linter = MigrationLinter(
        include_apps=APPS, ignore_name=ALLOWED, all_warnings_as_errors=True, quiet=["ok", "ignore"]
    )
    linter.sql_analyser_class = Analyser
    linter.lint_all_migrations()
    return linter.nb_erroneous


def main():
    with postgres_url() as url:
        os.environ |= {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings.test"}
        django.setup()
        from django.db import connection

        name = connection.settings_dict["NAME"]
        connection.settings_dict["TEST"]["NAME"] = f"migrations_{os.getpid()}"
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            refused = lint()
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)
    if refused:
        print("“Migrations” in CONTRIBUTING.md says what to do instead.", file=sys.stderr)
    return int(bool(refused))


if __name__ == "__main__":
    sys.exit(main())
