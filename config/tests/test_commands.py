"""All commands: help texts, and error messages instead of tracebacks."""

import json
import os
import subprocess
import sys

import pytest
from django.core.management import get_commands, load_command_class
from django.db import IntegrityError, OperationalError, ProgrammingError, connection
from django.db.utils import DatabaseError, InterfaceError

from config.database.errors import explain
from config.tests.harness.project import ROOT

OURS = sorted(
    name
    for name, app in get_commands().items()
    if isinstance(app, str) and app.split(".")[0] in ("config", "venues", "events", "ticket_types", "bookings")
)
EVERY_COMMAND = """
import contextlib, io, os, sys
sys.argv = ["manage.py"]
import manage
file = sys.stdin.readline().strip()
for arguments in (["reconcile"], ["worker", "--once"], ["welcome"], ["load_demo"],
                  ["import_catalogue", file], ["create_api_token", "shop", "--role", "manager"]):
    sys.argv = ["manage.py", *arguments]
    try:
        manage.main()
        print(arguments[0], "did not end")
    except SystemExit as stop:
        print(stop.code)
"""


@pytest.mark.parametrize("name", OURS)
def test_command_and_its_options_have_help(name):
    command = load_command_class(get_commands()[name], name)
    parser = command.create_parser("manage.py", name)
    assert len(command.help) > 60
    own = [action for action in parser._actions if action.help and "--settings" not in action.option_strings]
    assert [action.dest for action in own if not action.help.strip()] == []
    assert "--traceback" in parser.format_help()


def test_every_command_is_covered():
    assert {"create_api_token", "doctor", "import_catalogue", "load_demo", "reconcile", "welcome",
            "worker"} <= set(OURS)  # fmt: skip


def test_command_without_tables_advises_migrate(scratch_url, tmp_path):
    file = tmp_path / "season.csv"
    file.write_text("venue_name\nHall\n")
    done = subprocess.run(
        [sys.executable, "-c", EVERY_COMMAND],
        check=False, cwd=ROOT, input=str(file), text=True, capture_output=True, timeout=120,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test", "DATABASE_URL": scratch_url},
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert len(lines) == 6, done.stdout + done.stderr
    for line in lines:
        assert line.startswith("The database schema is not up to date (")
        assert line.endswith("). Run manage.py migrate, then retry.")
    assert "Traceback" not in done.stderr


def manage(*arguments, url):
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        check=False, cwd=ROOT, text=True, capture_output=True, timeout=120,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test", "DATABASE_URL": url},
    )  # fmt: skip


def test_doctor_creates_no_database(tmp_path):
    file = tmp_path / "typo.db"
    done = manage("doctor", "--json", url=f"sqlite:///{file}")
    assert done.returncode == 1, done.stderr
    findings = {it["name"]: it for it in json.loads(done.stdout)["findings"]}
    assert list(findings) == ["settings", "database", "cache"]
    assert findings["database"] == {
        "name": "database",
        "state": "bad",
        "says": f"The database file {file} does not exist.",
        "advice": "Check the path in DATABASE_URL. In a new installation, run manage.py migrate.",
    }
    assert list(tmp_path.iterdir()) == []


def test_doctor_prints_json_when_settings_are_invalid():
    done = manage("doctor", "--json", url="mysql://secret@host/name")
    answer = json.loads(done.stdout)
    assert (done.returncode, done.stderr, answer["is_healthy"]) == (1, "", False)
    said = "Cannot start: DATABASE_URL must start with sqlite:/// or postgresql://."
    assert [it["says"] for it in answer["findings"]] == [said]


def test_command_ends_quietly_on_a_broken_pipe():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "manage.py", "diffsettings"],
        check=False, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True, timeout=120,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test", "DATABASE_URL": "sqlite:///:memory:"},
    )  # fmt: skip
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


class WithState(Exception):
    def __init__(self, state):
        self.sqlstate = state


def caused(error, state):
    error.__cause__ = WithState(state)
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OperationalError("no such table: venues_venue"), "is not up to date"),
        (OperationalError("no such column: events_event.sequence"), "is not up to date"),
        (OperationalError("table venues_venue has no column named zone"), "is not up to date"),
        (
            caused(ProgrammingError('relation "venues_venue" does not exist\nLINE 1'), "42P01"),
            "schema is not up to date",
        ),
        (caused(ProgrammingError("column x does not exist"), "42703"), "is not up to date"),
        (OperationalError("unable to open database file"), "cannot be reached"),
        (OperationalError("connection failed: Connection refused"), "cannot be reached"),
        (OperationalError("couldn't get a connection after 5.00 sec"), "cannot be reached"),
        (InterfaceError("connection already closed"), "cannot be reached"),
        (caused(OperationalError('database "x" does not exist'), "3D000"), "cannot be reached"),
        (caused(OperationalError("password authentication failed"), "28P01"), "cannot be reached"),
    ],
)
def test_database_error_is_one_sentence(error, said):
    assert said in explain(error)
    assert "\n" not in explain(error)


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("database is locked"),
        caused(OperationalError("canceling statement due to lock timeout"), "55P03"),
        caused(ProgrammingError("syntax error"), "42601"),
        IntegrityError("UNIQUE constraint failed: x"),
        DatabaseError("something else"),
    ],
)
def test_other_exception_is_not_hidden(error):
    assert explain(error) is None


@pytest.mark.django_db
def test_missing_table_is_recognized():
    with pytest.raises((OperationalError, ProgrammingError)) as raised, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM nowhere")
    assert "nowhere" in explain(raised.value)
    connection.needs_rollback = False if connection.vendor == "sqlite" else connection.needs_rollback
