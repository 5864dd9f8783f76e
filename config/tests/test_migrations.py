"""Migrations: named by hand, reversible, and safe while the previous release serves."""

import re
import sys
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.models import Q
from django_migration_linter.sql_analyser import analyse_sql_statements

from config.database.operations import AddCheckInUse, AddIndexInUse, RemoveIndexInUse
from config.tests.harness.migrations import APPS, Analyser
from config.tests.harness.project import PACKAGES, ROOT, run

CHECK = models.CheckConstraint(condition=Q(capacity__gt=1), name="venue_capacity_exceeds_1")
INDEX = models.Index(fields=["capacity"], name="venue_by_capacity")


def migration(*operations, atomic=True):
    made = migrations.Migration("made_up", "venues")
    made.operations, made.atomic = list(operations), atomic
    return made


def state():
    return MigrationLoader(connection).project_state(("venues", "0001_initial"))


def broken_rules(made):
    """The codes of the rules that a migration breaks."""
    with connection.schema_editor(collect_sql=True, atomic=made.atomic) as editor:
        made.apply(state(), editor, collect_sql=True)
    errors, _, warnings = analyse_sql_statements(Analyser, editor.collected_sql)
    return [issue.code for issue in errors + warnings]


@pytest.fixture
def on_postgresql(transactional_db):
    if connection.vendor != "postgresql":
        pytest.skip("Locks of PostgreSQL.")


def test_migrations_are_named_by_hand():
    names = {path.stem for package in PACKAGES for path in ROOT.glob(f"{package}/**/migrations/0*.py")}
    assert "0001_initial" in names
    assert [name for name in names if re.search(r"_auto_\d|_and_more$", name)] == []


def own_apps():
    own = [app for app in apps.get_app_configs() if app.name.split(".")[0] in PACKAGES]
    return [app.label for app in own if list(Path(app.path).glob("migrations/0*.py"))]


def test_lint_covers_every_app():
    assert sorted(APPS) == sorted(own_apps())


@pytest.mark.both
def test_every_migration_is_reversible(scratch_url):
    code = f"""
from django.core.management import call_command
from django.db import connection
def tables():
    return {{name for name in connection.introspection.table_names() if name.startswith({tuple(APPS)})}}
call_command("migrate", verbosity=0)
first = tables()
for label in {APPS}:
    call_command("migrate", label, "zero", verbosity=0)
print(sorted(tables()))
call_command("migrate", verbosity=0)
print(tables() == first, len(first) >= {len(APPS)})
"""
    done = run(sys.executable, "manage.py", "shell", "--no-imports", "-c", code,
               DJANGO_SETTINGS_MODULE="config.settings.test", DATABASE_URL=scratch_url)  # fmt: skip
    assert (done.stdout, done.stderr) == ("[]\nTrue True\n", "")


@pytest.mark.parametrize(
    ("operation", "codes"),
    [
        (migrations.AddField("venue", "rows", models.IntegerField(default=1)), ["NOT_NULL"]),
        (migrations.AddField("venue", "rows", models.IntegerField(db_default=1)), []),
        (migrations.AddField("venue", "rows", models.IntegerField(null=True)), []),
        (migrations.AlterField("venue", "timezone", models.CharField(max_length=99)), ["ALTER_COLUMN"]),
        (migrations.RemoveField("venue", "timezone"), ["DROP_COLUMN"]),
        (migrations.RenameField("venue", "timezone", "zone"), ["RENAME_COLUMN"]),
        (migrations.RenameModel("Venue", "House"), ["RENAME_TABLE"]),
        (migrations.DeleteModel("Venue"), ["DROP_TABLE"]),
        (migrations.CreateModel("Door", [("id", models.BigAutoField(primary_key=True))]), []),
        (migrations.AddIndex("venue", INDEX), ["CREATE_INDEX"]),
        (migrations.AddConstraint("venue", CHECK), ["ADD_CHECK"]),
    ],
)
def test_lint_refuses_what_the_previous_release_cannot_run_with(on_postgresql, operation, codes):
    assert broken_rules(migration(operation)) == codes


def test_lint_allows_a_check_on_a_table_of_the_same_migration(on_postgresql):
    door = migrations.CreateModel("Door", [("id", models.BigAutoField(primary_key=True))])
    check = models.CheckConstraint(condition=Q(id__gt=1), name="door_id_exceeds_1")
    assert broken_rules(migration(door, migrations.AddConstraint("door", check))) == []


@pytest.mark.parametrize("operation", [AddIndexInUse("venue", INDEX), AddCheckInUse("venue", CHECK)])
def test_lint_allows_operations_for_tables_in_use(on_postgresql, operation):
    assert broken_rules(migration(operation, atomic=False)) == []


def test_lint_refuses_to_drop_an_index_under_a_lock(on_postgresql):
    drop = migrations.RunSQL("DROP INDEX venue_by_capacity")
    assert broken_rules(migration(drop)) == ["DROP_INDEX"]


def names_of(table):
    with connection.cursor() as cursor:
        return set(connection.introspection.get_constraints(cursor, table))


@pytest.mark.django_db(transaction=True)
@pytest.mark.both
def test_operations_for_tables_in_use_work_forwards_and_backwards(make_venue):
    make_venue()
    made = migration(AddIndexInUse("venue", INDEX), AddCheckInUse("venue", CHECK), atomic=False)
    names = {INDEX.name, CHECK.name}
    before, after = state(), made.mutate_state(state())
    with connection.schema_editor(atomic=False) as editor:
        made.apply(before.clone(), editor)
    assert names_of("venues_venue") >= names
    gone = migration(RemoveIndexInUse("venue", INDEX.name), atomic=False)
    with connection.schema_editor(atomic=False) as editor:
        gone.apply(after.clone(), editor)
    assert names_of("venues_venue") & names == {CHECK.name}
    with connection.schema_editor(atomic=False) as editor:
        gone.unapply(after.clone(), editor)
    assert names_of("venues_venue") >= names
    with connection.schema_editor(atomic=False) as editor:
        made.unapply(before.clone(), editor)
    assert names_of("venues_venue") & names == set()


@pytest.mark.parametrize("operation", [AddIndexInUse("venue", INDEX), AddCheckInUse("venue", CHECK)])
def test_operation_for_tables_in_use_refuses_a_transaction(on_postgresql, operation):
    made = migration(operation)
    with (
        pytest.raises(Exception, match="atomic = False"),
        connection.schema_editor(atomic=True) as editor,
    ):
        made.apply(state(), editor)
    assert names_of("venues_venue") & {INDEX.name, CHECK.name} == set()
