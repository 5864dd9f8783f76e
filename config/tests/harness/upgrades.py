"""Whether each migration can run while the release before it serves: python -m config.tests.harness.upgrades.

squawk looks at the SQL that PostgreSQL gets, for what locks a table for long and for what the old code, which still
runs, cannot live with. A migration that does such a thing all the same says so, with the reason:

    class Migration(migrations.Migration):
        allowed = {"ban-drop-column": "Nothing has read it since 1.4."}
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import django
import psycopg

from config.tests.harness.postgres import postgres_url

PACKAGES = ("config", "venues", "events", "ticket_types", "bookings")
NOT_OURS = (
    "prefer-bigint-over-int",  # columns are as wide as the largest number that a constraint lets in
    "prefer-bigint-over-smallint",
    "prefer-robust-stmts",  # Django knows what was done, and nothing is done in half inside a transaction
    "prefer-text-field",  # lengths are part of the contract
    "require-lock-timeout",  # every connection has one: config.checks
    "require-statement-timeout",
)


def complaints(sql, *, atomic=True):
    """The rules that the SQL of a migration breaks, each with the statement and the words of squawk."""
    program = shutil.which("squawk", path=str(Path(sys.executable).parent))
    if program is None:
        sys.exit("Migrations not checked: there is no squawk. Install requirements/dev.txt.")
    command = [program, "--reporter", "json", "--pg-version", "14", "--exclude", ",".join(NOT_OURS)]
    done = subprocess.run(
        [*command, *(["--assume-in-transaction"] if atomic else [])],
        input=sql,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        sys.exit(f"Migrations not checked: {done.stderr}")
    lines = sql.splitlines()
    return {it["rule_name"]: (lines[it["line"]].strip(), it["message"]) for it in json.loads(done.stdout)}


def faults(migration, sql):
    """What is wrong with a migration, in lines for people."""
    allowed = getattr(migration, "allowed", {})
    found = complaints(sql, atomic=migration.atomic)
    for rule, (statement, message) in found.items():
        if rule not in allowed:
            yield f"{rule}: {message}\n    {statement}"
    for rule, reason in allowed.items():
        if rule not in found:
            yield f"{rule}: is allowed, and not done"
        elif not reason.strip():
            yield f"{rule}: is allowed without a reason"


def sql_of(migration, state, connection):
    with connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
        migration.apply(state, editor, collect_sql=True)
    return "\n".join(editor.collected_sql)


def check_all():
    """One migration after the other, on a database that has all those before it. Returns how many are at fault."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    at_fault = 0
    for migration, _ in plan:
        place = (migration.app_label, migration.name)
        if migration.__module__.split(".")[0] in PACKAGES:
            state = executor.loader.project_state(place, at_end=False)
            lines = list(faults(migration, sql_of(migration, state, connection)))
            at_fault += bool(lines)
            for line in lines:
                print(f"{'.'.join(place)}\n  {line}", file=sys.stderr)
        executor.migrate([place])
        executor = MigrationExecutor(connection)
    connection.close()
    return at_fault


def main():
    name = f"upgrades_{os.getpid()}"
    with postgres_url() as url, psycopg.connect(url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            os.environ |= {"DATABASE_URL": url.rpartition("/")[0] + f"/{name}", "DATABASE_POOL_SIZE": "0"}
            os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
            django.setup()
            at_fault = check_all()
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    if at_fault:
        print("See “Migrations” in CONTRIBUTING.md for how to do each of these without a pause.", file=sys.stderr)
    return int(bool(at_fault))


if __name__ == "__main__":
    sys.exit(main())
