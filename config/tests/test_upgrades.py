"""What `make migrations` refuses, and the operations that do the same without a pause."""

import pytest
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.models import Q

from config.database.operations import AddCheckInUse, AddIndexInUse, RemoveIndexInUse
from config.tests.harness.upgrades import faults, sql_of

CHECK = models.CheckConstraint(condition=Q(capacity__gt=1), name="venue_is_no_phone_box")
INDEX = models.Index(fields=["capacity"], name="venue_by_capacity")


def migration(*operations, atomic=True, allowed=None):
    made = migrations.Migration("made_up", "venues")
    made.operations = list(operations)
    made.atomic = atomic
    made.allowed = allowed or {}
    return made


def state():
    return MigrationLoader(connection).project_state(("venues", "0001_initial"))


def refused(made):
    return [line.split(":")[0] for line in faults(made, sql_of(made, state(), connection))]


@pytest.fixture
def on_postgresql(transactional_db):
    if connection.vendor != "postgresql":
        pytest.skip("It is about what PostgreSQL locks; the run on PostgreSQL tries it.")


@pytest.mark.parametrize(
    ("operation", "rules"),
    [
        (migrations.AddField("venue", "rows", models.IntegerField(default=1)), ["ban-drop-default"]),
        (migrations.AddField("venue", "rows", models.IntegerField(db_default=1)), []),
        (migrations.AddField("venue", "rows", models.IntegerField(null=True)), []),
        (migrations.AlterField("venue", "timezone", models.CharField(max_length=99)), ["changing-column-type"]),
        (migrations.RemoveField("venue", "timezone"), ["ban-drop-column"]),
        (migrations.RenameField("venue", "timezone", "zone"), ["renaming-column"]),
        (migrations.RenameModel("Venue", "House"), ["renaming-table"]),
        (migrations.DeleteModel("Venue"), ["ban-drop-table"]),
        (migrations.CreateModel("Door", [("id", models.BigAutoField(primary_key=True))]), []),
        (migrations.AddIndex("venue", INDEX), ["require-concurrent-index-creation"]),
        (migrations.AddConstraint("venue", CHECK), ["constraint-missing-not-valid"]),
        (migrations.RemoveConstraint("venue", "venue_capacity_is_1_to_1000000"), ["ban-drop-constraint"]),
    ],
)
def test_migration_that_the_release_before_cannot_live_with_is_refused(on_postgresql, operation, rules):
    assert refused(migration(operation)) == rules


@pytest.mark.parametrize("operation", [AddIndexInUse("venue", INDEX), AddCheckInUse("venue", CHECK)])
def test_operation_for_tables_in_use_is_not_refused(on_postgresql, operation):
    assert refused(migration(operation, atomic=False)) == []


@pytest.mark.parametrize(
    ("allowed", "said"),
    [
        ({"ban-drop-column": "Nothing reads it."}, []),
        ({"ban-drop-column": " "}, ["ban-drop-column: is allowed without a reason"]),
        (
            {"ban-drop-column": "Nothing reads it.", "renaming-table": "Once."},
            ["renaming-table: is allowed, and not done"],
        ),
    ],
)
def test_migration_may_say_why_it_does_it_all_the_same(on_postgresql, allowed, said):
    made = migration(migrations.RemoveField("venue", "timezone"), allowed=allowed)
    assert list(faults(made, sql_of(made, state(), connection))) == said


def names_of(table):
    with connection.cursor() as cursor:
        return set(connection.introspection.get_constraints(cursor, table))


@pytest.mark.django_db(transaction=True)
def test_operations_for_tables_in_use_work_forwards_and_backwards_on_both_databases(make_venue):
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
def test_operation_for_tables_in_use_refuses_to_work_in_a_transaction(on_postgresql, operation):
    made = migration(operation)
    with (
        pytest.raises(Exception, match="atomic = False"),
        connection.schema_editor(atomic=True) as editor,
    ):
        made.apply(state(), editor)
    assert names_of("venues_venue") & {INDEX.name, CHECK.name} == set()
