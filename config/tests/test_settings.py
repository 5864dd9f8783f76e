"""Settings, each read by a process of its own."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction

from config.access.roles import Role
from config.tests.harness.postgres import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
BARE = {"PATH": os.environ["PATH"], "ENV_FILE": "", "DATABASE_URL": "sqlite:///:memory:"}
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "config.settings.production",
    "SECRET_KEY": "a-key-of-a-test",
    "ALLOWED_HOSTS": "tickets.example.com",
    "DATABASE_URL": "sqlite:///:memory:",
}
# Prints each variable that the settings read, with its default.
RECORD = """
import importlib, json, environ
read, original = {}, environ.FileAwareEnv.get_value
def get_value(self, var, cast=None, default="", **options):
    read.setdefault(var, str(default))
    return original(self, var, cast=cast, default=default, **options)
environ.FileAwareEnv.get_value = get_value
importlib.import_module("SETTINGS")
print(json.dumps(read))
"""


def run(*arguments, **environment):
    """Runs Python with a clean environment."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={name: value for name, value in {**BARE, **environment}.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
    )


def setting(name, **environment):
    """The value of a setting, read without loading the apps."""
    code = f"import json; from django.conf import settings; print(json.dumps(settings.{name}))"
    done = run("-c", code, **{"DJANGO_SETTINGS_MODULE": "config.settings.local", **environment})
    assert done.stderr == ""
    return json.loads(done.stdout)


def example():
    """The variables of .env.example with their values, in order."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.removeprefix("# ").split("=", 1) for line in lines if re.match(r"# [A-Z][A-Z0-9_]*=", line))


def variables_of(module, **environment):
    done = run("-c", RECORD.replace("SETTINGS", f"config.settings.{module}"), **{**PRODUCTION, **environment})
    return json.loads(done.stdout)


def test_env_example_lists_all_variables_with_defaults():
    listed = example()
    read = [
        variables_of("production"),
        variables_of("production", DATABASE_URL="postgresql://localhost/tickets"),
        variables_of("local"),
    ]
    for variables in read:
        assert list(variables) == [name for name in listed if name in variables]
    defaults = {**read[2], **read[1], **read[0]}
    assert listed == {name: defaults[name] for name in listed}
    assert set(listed) == set(defaults)


def test_env_example_has_a_comment_above_each_variable():
    lines = (ROOT / ".env.example").read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"# [A-Z][A-Z0-9_]*=", line):
            assert re.fullmatch(r"# [A-Z].*\.", lines[number - 1]), line
            assert lines[number - 2] == "", line


def test_every_variable_is_in_the_documentation():
    text = "".join(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")))
    assert [name for name in example() if not re.search(rf"\b{name}\b", text)] == []


def test_real_environment_beats_env_file_beats_default(tmp_path):
    file = tmp_path / "env"
    assert setting("PROJECT_NAME") == "Ticket Booking System"
    file.write_text("PROJECT_NAME=From the file\n")
    assert setting("PROJECT_NAME", ENV_FILE=str(file)) == "From the file"
    assert setting("PROJECT_NAME", ENV_FILE=str(file), PROJECT_NAME="From outside") == "From outside"


def test_file_variable_drops_the_last_line_break(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("of the file\n")
    assert setting("SECRET_KEY", SECRET_KEY_FILE=str(secret)) == "of the file"
    assert setting("SECRET_KEY", **{**PRODUCTION, "SECRET_KEY": "", "SECRET_KEY_FILE": str(secret)}) == "of the file"


def test_real_environment_beats_a_file_variable_of_the_env_file(tmp_path):
    secret, file = tmp_path / "secret", tmp_path / "env"
    secret.write_text("of the file")
    file.write_text(f"SECRET_KEY_FILE={secret}\n")
    assert setting("SECRET_KEY", ENV_FILE=str(file)) == "of the file"
    assert setting("SECRET_KEY", ENV_FILE=str(file), SECRET_KEY="from outside") == "from outside"


@pytest.mark.parametrize("value", ["$abc", r"\$abc", "a$b$$", r"a\$b", "#x", "a=b", '"', "ключ"])
def test_value_is_not_expanded(value):
    assert setting("SECRET_KEY", SECRET_KEY=value) == value


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DEBUG", "maybe"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("API_V1_STR", "/"),
        ("API_V1_STR", "/api v1"),
        ("DEFAULT_CURRENCY", "EURO"),
        ("DEFAULT_CURRENCY", "BGN"),
        ("DEFAULT_CURRENCY", "eur"),
        ("BOOKING_HOLD_MINUTES", "abc"),
        ("BOOKING_HOLD_MINUTES", ""),
        ("BOOKING_HOLD_MINUTES", "0"),
        ("BOOKING_HOLD_MINUTES", "61"),
        ("BOOKING_HOLD_MINUTES_MAX", "-1"),
        ("DATABASE_URL", "mysql://user:hunter2@host/name"),
        ("DATABASE_URL", "garbage"),
        ("DATABASE_URL", "sqlite://tickets.db"),
        ("DATABASE_URL", "postgresql://user:hunter2@host:port/name"),
        ("DATABASE_URL", "postgresql://user:hunter2@host"),
        ("DATABASE_BUSY_TIMEOUT", "1.5"),
        ("DATABASE_ECHO", "2"),
        ("CACHE_URL", "garbage"),
        ("EMAIL_URL", "garbage"),
        ("EMAIL_URL", "smtp+tls://user:hunter2@host:port"),
        ("EMAIL_URL", "smtp+tls://user:hunter2@host:587?ssl=no"),
        ("CONFIRM_URL", "https://shop.example.com/confirm"),
        ("CONFIRM_URL", "javascript:alert({token})"),
        ("CONFIRM_URL", "https://shop.example.com/{name}?token={token}"),
        ("BACK_OFFICE_NETWORKS", "192.0.2.0/24, office"),
        ("BACK_OFFICE_NETWORKS", "192.0.2.1/24"),
        ("METRICS_ALLOW", "localhost"),
        ("REQUIRE_SECOND_FACTOR", "manager, king"),
        ("CORS_ALLOWED_ORIGINS", "https://a.example.com, b.example.com"),
        ("CSRF_TRUSTED_ORIGINS", "https://a.example.com/path"),
        ("RATE_LIMIT_ANONYMOUS_BOOKINGS", "20"),
        ("RATE_LIMIT_ANONYMOUS_READS", "0/min"),
        ("RATE_LIMIT_TOKENS", "20/week"),
        ("RATE_LIMIT_LOGINS", "-1/min"),
        ("RATE_LIMIT_GUESSES", "many"),
        ("RATE_LIMIT_DOOR", "many"),
        ("NUM_PROXIES", "-1"),
        ("WEB_CONCURRENCY", "0"),
        ("MACHINES", "0"),
        ("ENV_FILE", "/nonexistent"),
    ],
)
def test_invalid_value_stops_with_one_line_that_names_the_variable(variable, value):
    done = run("manage.py", "check", **{variable: value})
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(rf"Cannot start: {variable} .+\n", done.stderr)
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20/min", [20, 60]),
        ("5/s", [5, 1]),
        (" 100 / hour ", [100, 3600]),
        ("7/Day", [7, 86_400]),
        ("1/second", [1, 1]),
        ("1/m", [1, 60]),
        ("", None),
        (" ", None),
    ],
)
def test_rate_is_parsed_to_count_and_seconds(text, expected):
    assert setting("RATE_LIMITS", RATE_LIMIT_LOGINS=text)["logins"] == expected


def test_cache_has_the_options_of_its_url():
    assert setting("CACHES")["default"]["OPTIONS"] == {"MAX_ENTRIES": 50_000}
    shared = setting("CACHES", CACHE_URL="redis://:secret@127.0.0.1:6379/1?socket_timeout=2")["default"]
    assert shared["LOCATION"] == "redis://:secret@127.0.0.1:6379/1"
    serializer = "config.access.counter.Integers"
    assert shared["OPTIONS"] == {"serializer": serializer, "socket_connect_timeout": 0.5, "socket_timeout": 2}


def test_sessions_are_in_the_database_as_json():
    assert setting("SESSION_ENGINE", **PRODUCTION) == "django.contrib.sessions.backends.db"
    assert setting("SESSION_SERIALIZER", **PRODUCTION) == "django.contrib.sessions.serializers.JSONSerializer"


@pytest.mark.parametrize(
    ("url", "host", "password", "port", "tls", "ssl"),
    [
        ("smtp+tls://me:a%40b$c@mail.example.com:587", "mail.example.com", "a@b$c", 587, True, False),
        ("smtp+ssl://me:abc@mail.example.com:465", "mail.example.com", "abc", 465, False, True),
        (None, "localhost", "", 25, False, False),
    ],
)
def test_email_url_names_the_mail_server(url, host, password, port, tls, ssl):
    names = ["EMAIL_HOST", "EMAIL_HOST_PASSWORD", "EMAIL_PORT", "EMAIL_USE_TLS", "EMAIL_USE_SSL", "EMAIL_TIMEOUT"]
    code = f"import json; from django.conf import settings; print(json.dumps([getattr(settings, n) for n in {names}]))"
    found = json.loads(run("-c", code, **PRODUCTION, EMAIL_URL=url).stdout)
    assert [found[0], found[1] or "", *found[2:]] == [host, password, port, tls, ssl, 10]


def test_each_role_can_be_made_to_need_a_second_factor():
    roles = [*Role.values, "all"]
    assert setting("REQUIRE_SECOND_FACTOR", REQUIRE_SECOND_FACTOR=", ".join(roles).upper()) == roles


@pytest.mark.parametrize("given", [{}, {"EMAIL_URL": ""}])
def test_mails_are_printed_on_a_laptop(given):
    assert setting("EMAIL_BACKEND", **given) == "django.core.mail.backends.console.EmailBackend"
    assert setting("HAS_MAIL", **given) is False


def test_unreadable_file_variable_stops_with_one_line_that_names_it():
    done = run("manage.py", "check", SECRET_KEY_FILE="/nonexistent")
    assert done.returncode == 1
    assert re.fullmatch(r"Cannot start: SECRET_KEY cannot be read: .+\n", done.stderr)


POSTGRESQL = "postgresql://user:hunter2@host/name"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_POOLER", "perhaps"),
    ],
)
def test_invalid_postgresql_value_stops_with_one_line_that_names_the_variable(variable, value):
    done = run("manage.py", "check", **{"DATABASE_URL": POSTGRESQL, variable: value})
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(rf"Cannot start: {variable} .+\n", done.stderr)
    assert "hunter2" not in done.stderr


def test_pooler_keeps_nothing_in_a_session():
    found = setting("DATABASES", DATABASE_URL=POSTGRESQL, DATABASE_POOLER="true")["default"]
    assert found["DISABLE_SERVER_SIDE_CURSORS"] is True
    assert found["OPTIONS"]["prepare_threshold"] is None
    assert "options" not in found["OPTIONS"]


@pytest.mark.parametrize("value", [None, "", " "])
@pytest.mark.parametrize("missing", ["SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL"])
def test_production_refuses_to_start_without(missing, value):
    done = run("manage.py", "check", **{**PRODUCTION, missing: value})
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(rf"Cannot start: {missing} must be set.*\n", done.stderr)


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all.db", "postgresql://nobody@127.0.0.1:{port}/none"])
def test_unreachable_database_is_one_line(url):
    done = run(
        "manage.py", "migrate", DATABASE_URL=url.format(port=free_port()), LOG_LEVEL="ERROR", DATABASE_POOL_SIZE="0"
    )
    assert done.returncode == 1
    assert done.stderr.startswith("The database that DATABASE_URL names cannot be reached: ")
    assert "Traceback" not in done.stderr


def test_production_refuses_debug():
    done = run("manage.py", "check", **PRODUCTION, DEBUG="true")
    assert done.returncode == 1
    assert re.fullmatch(r"Cannot start: DEBUG must be false in production.+\n", done.stderr)


COOKIES = """
import json
from django.conf import settings
kinds = ("SESSION", "CSRF", "LANGUAGE")
print(json.dumps([[getattr(settings, f"{kind}_COOKIE_{what}") for kind in kinds] for what in ("SECURE", "SAMESITE")]))
"""


@pytest.mark.parametrize("redirect", ["true", "false"])
@pytest.mark.parametrize(("value", "secure"), [(None, True), ("true", True), ("false", False)])
def test_cookies_are_secure_by_a_setting_of_their_own(value, secure, redirect):
    done = run("-c", COOKIES, **PRODUCTION, SECURE_COOKIES=value, SECURE_SSL_REDIRECT=redirect)
    assert json.loads(done.stdout) == [[secure] * 3, ["Lax"] * 3]
    assert setting("SESSION_COOKIE_HTTPONLY", **PRODUCTION) is True


@pytest.mark.parametrize(("value", "statements"), [("true", 1), ("false", 0)])
def test_database_echo_shows_statements(value, statements):
    code = "from django.db import connection; connection.cursor().execute('SELECT 41 + 1')"
    done = run("manage.py", "shell", "--no-imports", "-c", code, DATABASE_ECHO=value, DEBUG="false", LOG_LEVEL="ERROR")
    assert done.returncode == 0
    assert done.stderr.count("SELECT 41 + 1; args=") == statements
    assert len(done.stderr.splitlines()) == statements


@pytest.mark.parametrize(("level", "heard"), [("DEBUG", 6), ("INFO", 4), ("warning", 2), ("ERROR", 2), ("CRITICAL", 0)])
def test_log_level_filters_messages(level, heard):
    code = "import logging\n" + "".join(
        f"logging.getLogger({name!r}).{verb}('heard')\n"
        for name in ("bookings", "django.anything")
        for verb in ("debug", "info", "error")
    )
    done = run("manage.py", "shell", "--no-imports", "-c", code, LOG_LEVEL=level)
    assert done.returncode == 0
    assert done.stderr.count("heard") == heard


def test_production_logs_in_json():
    code = "import logging; logging.getLogger('bookings').error('heard')"
    done = run("manage.py", "shell", "--no-imports", "-c", code, **PRODUCTION)
    line = json.loads(done.stderr)
    assert (line["levelname"], line["name"], line["message"]) == ("ERROR", "bookings", "heard")


def test_api_v1_str_moves_the_api_and_its_schema():
    code = """
import json
from django.test import Client
client = Client(SERVER_NAME="localhost")
schema = client.get("/tickets/one/openapi.json")
print(json.dumps({
    "root": client.get("/").json()["api_url"],
    "old": client.get("/api/v1/openapi.json").status_code,
    "unknown": client.get("/tickets/one/nowhere").headers["Content-Type"],
    "paths": list(schema.json()["paths"]),
    "docs": client.get("/docs").status_code,
}))
"""
    done = run("manage.py", "shell", "--no-imports", "-c", code, API_V1_STR="/tickets/one/", LOG_LEVEL="CRITICAL")
    found = json.loads(done.stdout)
    assert found["root"] == "/tickets/one"
    assert found["old"] == 404
    assert found["unknown"] == "application/problem+json"
    assert found["docs"] == 200
    assert "/tickets/one/venues" in found["paths"]
    assert [path for path in found["paths"] if not path.startswith("/tickets/one/")] == []


def values_of(*statements):
    with connection.cursor() as cursor:
        return {statement: cursor.execute(statement).fetchone()[0] for statement in statements}


@pytest.mark.both
@pytest.mark.django_db
def test_connection_is_durable_and_has_timeouts():
    if connection.vendor == "sqlite":
        expected = {
            "PRAGMA journal_mode": "wal",
            "PRAGMA synchronous": 2,
            "PRAGMA foreign_keys": 1,
            "PRAGMA busy_timeout": 20_000,
        }
    else:
        expected = {
            "SHOW lock_timeout": "5s",
            "SHOW statement_timeout": "30s",
            "SHOW idle_in_transaction_session_timeout": "30s",
            "SHOW synchronous_commit": "on",
        }
    assert values_of(*expected) == expected


@pytest.mark.both
@pytest.mark.django_db(transaction=True)
def test_transaction_on_sqlite_takes_the_write_lock_first():
    if connection.vendor != "sqlite":
        return  # PostgreSQL locks rows
    other = sqlite3.connect(settings.DATABASES["default"]["NAME"], timeout=0, isolation_level=None)
    try:
        with transaction.atomic():
            connection.ensure_connection()
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
        other.execute("BEGIN IMMEDIATE")
    finally:
        other.close()


@pytest.mark.django_db
def test_postgresql_pool_has_the_configured_size():
    if connection.vendor == "postgresql":
        assert connection.pool.max_size == 8
        assert connection.settings_dict["CONN_MAX_AGE"] == 0
