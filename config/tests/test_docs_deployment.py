"""docs/deployment.md: its commands run as printed, and a backup, a restore and a move keep every row."""

import configparser
import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from config.management.commands.serve import Command
from config.settings.database import SQLITE, parse
from config.tests.harness.postgres import newest_programs
from config.tests.harness.server import environment_for, fresh_database, manage
from config.tests.test_copy_database import FILL, shell
from config.tests.test_settings import example

# All tests of this module share what one process creates.
pytestmark = pytest.mark.xdist_group("deployment")

ROOT = settings.BASE_DIR
GUIDE = (ROOT / "docs" / "deployment.md").read_text()
IS_SQLITE = settings.DATABASES["default"]["ENGINE"] == SQLITE


def block(title):
    """The commands below a comment."""
    (found,) = re.findall(rf"^```sh\n# {re.escape(title)}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    return found


def run(title, environment, folder=ROOT, **values):
    """Runs a block with other values of its variables; returns its output."""
    script = block(title)
    for name, value in values.items():
        script, count = re.subn(rf"\b{name}=\S+", f"{name}={shlex.quote(value)}", script, count=1)
        assert count == 1, name
    script = script.replace(".venv/bin/python", sys.executable)
    programs = f"{newest_programs()}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["sh", "-e", "-c", script],
        cwd=folder,
        env={**environment, "PATH": programs},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


def filled(url):
    environment = environment_for(url)
    manage(environment, "migrate", "--verbosity", "0")
    shell(environment, FILL)
    return environment


def damage(environment):
    """Deletes rows, as by accident."""
    shell(environment, "from bookings.models import Ticket; Ticket.objects.all()._raw_delete('default')")


def test_drill_backup_is_restored_to_the_last_row(tmp_path):
    with fresh_database() as url:
        environment = filled(url)
        before = manage(environment, "fingerprint")
        if IS_SQLITE:
            place = {"FILE": url.removeprefix("sqlite:///"), "BACKUP": str(tmp_path / "backup.db")}
            assert run("SQLite: backup", environment, **place) == "ok\n"
            damage(environment)
            assert manage(environment, "fingerprint") != before
            assert run("SQLite: restore", environment, **place) == ""
        else:
            name = f"restored_{os.getpid()}"
            place = {"URL": url, "BACKUP": str(tmp_path / "backup.dump")}
            assert run("PostgreSQL: backup", environment, **place) == ""
            damage(environment)
            assert manage(environment, "fingerprint") != before
            assert run("PostgreSQL: restore", environment, **place, NEW=name) == ""
            environment["DATABASE_URL"] = urlsplit(url)._replace(path=f"/{name}").geturl()
        try:
            assert run("Check the restored data", environment) == f"{before}Every counter equals its rows.\n"
        finally:
            if not IS_SQLITE:
                drop = f"DROP DATABASE {name} WITH (FORCE)"
                subprocess.run([newest_programs() / "psql", url, "--quiet", f"--command={drop}"], check=True)


def test_drill_sqlite_is_moved_to_postgresql_to_the_last_row(tmp_path):
    if IS_SQLITE:
        return  # needs PostgreSQL
    old = filled(f"sqlite:///{tmp_path}/old.db")
    with fresh_database() as url:
        script = block("From SQLite to PostgreSQL")
        assert "sqlite:///ticket_booking.db" in script
        link = ROOT / f"moving-{os.getpid()}.db"
        link.symlink_to(tmp_path / "old.db")
        try:
            script = script.replace("ticket_booking.db", link.name).replace(".venv/bin/python", sys.executable)
            script = re.sub(r"DATABASE_URL=\S+", f"DATABASE_URL={url}", script)
            subprocess.run(["sh", "-e", "-c", script], cwd=ROOT, env=old, check=True, capture_output=True)
        finally:
            link.unlink()
        assert manage(environment_for(url), "fingerprint") == manage(old, "fingerprint")


def test_secrets_for_containers_match_compose(tmp_path):
    run("Secrets for compose.yaml", dict(os.environ), folder=tmp_path)
    named = set(re.findall(r"\{file: (secrets/\w+)\}", (ROOT / "compose.yaml").read_text()))
    assert {str(path.relative_to(tmp_path)) for path in (tmp_path / "secrets").iterdir()} == named
    password = (tmp_path / "secrets/postgres_password").read_text().strip()
    assert len(password) == 48
    for name, host in (("database_url", "postgres:5432"), ("pooled_database_url", "pgbouncer:6432")):
        url = urlsplit((tmp_path / f"secrets/{name}").read_text().strip())
        assert (url.password, f"{url.hostname}:{url.port}") == (password, host)
    assert (tmp_path / "secrets/pgbouncer_users").read_text() == f'"tickets" "{password}"\n'
    cache = urlsplit((tmp_path / "secrets/cache_url").read_text().strip())
    assert (tmp_path / "secrets/redis_conf").read_text() == f"requirepass {cache.password}\n"
    assert (len(cache.password), cache.netloc.partition("@")[2]) == (48, "redis:6379")
    assert cache.password != password


def test_unit_starts_the_server_with_options_that_it_has():
    (arguments,) = re.findall(r"^ExecStart=/srv/tickets/.venv/bin/python manage.py serve (.+)$", GUIDE, re.MULTILINE)
    parser = Command().create_parser("manage.py", "serve")
    assert parser.parse_args(arguments.replace("%i", "8001").split()).port == 8001
    assert "http://127.0.0.1:%i/health/ready" in GUIDE


def test_proxy_of_the_guide_is_the_tested_file():
    assert "[deploy/nginx.conf](../deploy/nginx.conf)" in GUIDE
    assert (ROOT / "deploy" / "nginx.conf").exists()
    assert "proxy_pass" not in GUIDE  # no second copy
    assert parse("DATABASE_URL", re.search(r"^DATABASE_URL=(\S+)$", GUIDE, re.MULTILINE)[1])["OPTIONS"] == {
        "host": "/var/run/postgresql"
    }


def test_figures_of_the_proxy_are_those_of_the_file():
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    for directive in (
        "client_header_timeout 10s;",
        "client_body_timeout 10s;",
        "client_max_body_size 256k;",
        "client_max_body_size 6m;",
        "large_client_header_buffers 4 8k;",
        "limit_conn tickets_clients 100;",
        "max_size=256m",
        "fail_timeout=2s;",
    ):
        assert directive in text


def test_units_are_complete():
    units = re.findall(r"^```ini\n(\[Unit\].*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    kinds = []
    for text in units:
        unit = configparser.ConfigParser(interpolation=None, strict=False)
        unit.optionxform = str
        unit.read_string(text)
        kinds.append(unit.sections())
        if "Service" in unit:
            assert unit["Service"]["User"] == "tickets"
            assert unit["Service"]["EnvironmentFile"] == "/etc/tickets/environment"
    timer = [["Unit", "Service"], ["Unit", "Timer", "Install"]]
    service = ["Unit", "Service", "Install"]
    assert kinds == [service, service, *timer]


def test_personal_data_is_erased_each_night():
    assert re.search(r"^ExecStart=.+ manage.py purge --older-than \d+d$", GUIDE, re.MULTILINE)
    assert re.search(r"each night\n\n\[Timer\]\nOnCalendar=\d\d:\d\d$", GUIDE, re.MULTILINE)
    assert re.search(r"^systemctl enable --now .*\btickets-purge\.timer", GUIDE, re.MULTILINE)


def test_variables_are_settings():
    known = {*example(), "DJANGO_SETTINGS_MODULE"}
    (environment,) = re.findall(r"^```ini\n(DJANGO_SETTINGS_MODULE=.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    for name in re.findall(r"^(\w+)=", environment, re.MULTILINE):
        assert {name, name.removesuffix("_FILE")} & known, name
    spoken = re.findall(r"`((?:DATABASE|SECRET|CACHE|ALLOWED|NUM|TRUST|WEB|MACHINES)[A-Z_]*)", GUIDE)
    assert {name.removesuffix("_FILE") for name in spoken} <= known


def test_quoted_log_lines_are_in_the_code():
    ours = (ROOT / "config" / "problems.py").read_text()
    granian = "".join(path.read_text() for path in Path(find_spec("granian").origin).parent.glob("server/*.py"))
    lines = ("Unexpected exit from worker-", "Worker crash loop detected", "after it refused to gracefully stop")
    for words, code in (("The database did not answer: ", ours), *[(line, granian) for line in lines]):
        assert words in GUIDE
        assert words in code


def test_links_exist():
    headings = {re.sub(r"[^a-z0-9 -]", "", line.lower()).replace(" ", "-") for line in
                re.findall(r"^#+ (.+)$", GUIDE, re.MULTILINE)}  # fmt: skip
    assert set(re.findall(r"\]\(#([^)]+)\)", GUIDE)) <= headings
    for name in re.findall(r"\]\((\w+\.md)", GUIDE):
        assert (ROOT / "docs" / name).exists(), name
