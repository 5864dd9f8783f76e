"""What every database session must have set, and the check that says so when it does not."""

import psycopg
import pytest
from django.core.checks import Error
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection

from config.checks import check_sessions
from config.tests.harness.postgres import postgres
from config.tests.harness.server import environment_for, manage


@pytest.mark.django_db
def test_sessions_of_our_own_are_as_they_should_be():
    assert check_sessions(databases=["default"]) == []


@pytest.mark.django_db
def test_sessions_are_left_alone_when_no_database_is_to_be_asked():
    assert check_sessions() == check_sessions(databases=None) == []


@pytest.mark.django_db
def test_session_that_nobody_told_anything_is_an_error_that_says_what_to_do():
    if connection.vendor == "sqlite":
        return  # its settings are those of the connection, and nothing stands between
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 0")
        cursor.execute("SET synchronous_commit = off")
    try:
        found = check_sessions(databases=["default"])
        with pytest.raises(SystemCheckError, match=r"project\.E101"):
            call_command("check", databases=["default"])
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '5s'")
            cursor.execute("SET synchronous_commit = on")
    here = f"ALTER ROLE {connection.settings_dict['USER']} IN DATABASE {connection.settings_dict['NAME']}"
    assert found == [
        Error(
            "Sessions of the database “default” lack the required lock_timeout, synchronous_commit.",
            hint="Behind a pooler, set them in the database, in psql: "
            f"{here} SET lock_timeout = '5s'; {here} SET synchronous_commit = 'on';",
            id="project.E101",
        )
    ]


def test_migrate_through_a_pooler_waits_until_the_database_has_what_sessions_need():
    if connection.vendor == "sqlite":
        return  # the run on PostgreSQL tries it
    with postgres(durable=False) as server:
        environment = {**environment_for(server.url()), "DATABASE_POOLER": "true"}
        with pytest.raises(AssertionError, match=r"project\.E101") as refused:
            manage(environment, "migrate", "--verbosity", "0")
        said = str(refused.value)
        statements = said.partition("in psql: ")[2].splitlines()[0]
        with psycopg.connect(server.url(), autocommit=True) as superuser:
            assert superuser.execute("SELECT to_regclass('django_migrations')").fetchone() == (None,)
            superuser.execute(statements)
        assert manage(environment, "check", "--database", "default").startswith("System check identified no issues")
