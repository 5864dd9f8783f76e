"""The project as a whole: its migrations, what imports what, its Makefile and its locks."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("config", "venues", "events", "ticket_types", "bookings")
LOCKS = ("base", "production", "dev")


@pytest.fixture
def scratch_url(tmp_path):
    """The URL of an empty database of the same kind, beside that of the tests."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{tmp_path}/scratch.db"
        return
    url, name = os.environ["DATABASE_URL"], f"scratch_{os.getpid()}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            yield urlsplit(url)._replace(path=f"/{name}").geturl()
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def run(*command, cwd=ROOT, **environment):
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


@pytest.mark.django_db
def test_migrations_are_what_the_models_say(capsys):
    call_command("makemigrations", check=True, dry_run=True)
    assert capsys.readouterr().out == "No changes detected\n"


def test_migrations_are_named_by_hand():
    names = {path.stem for package in PACKAGES for path in ROOT.glob(f"{package}/**/migrations/0*.py")}
    assert "0001_initial" in names
    assert [name for name in names if re.search(r"_auto_\d|_and_more$", name)] == []


def test_every_migration_can_be_taken_back_and_done_again(scratch_url):
    own = [app for app in apps.get_app_configs() if app.name.split(".")[0] in PACKAGES]
    labels = [app.label for app in own if list(Path(app.path).glob("migrations/0*.py"))]
    code = f"""
from django.core.management import call_command
from django.db import connection
def tables():
    return {{name for name in connection.introspection.table_names() if name.startswith({tuple(labels)})}}
call_command("migrate", verbosity=0)
first = tables()
for label in {labels}:
    call_command("migrate", label, "zero", verbosity=0)
print(sorted(tables()))
call_command("migrate", verbosity=0)
print(tables() == first, len(first) >= {len(labels)})
"""
    done = run(sys.executable, "manage.py", "shell", "--no-imports", "-c", code,
               DJANGO_SETTINGS_MODULE="config.settings.test", DATABASE_URL=scratch_url)  # fmt: skip
    assert (done.stdout, done.stderr) == ("[]\nTrue True\n", "")


def lint_imports(folder):
    code = "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache', '--no-logo'])"
    return run(sys.executable, "-c", code, cwd=folder, COLUMNS="200")


def test_import_contract_holds():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout
    assert "Contracts: 1 kept, 0 broken." in done.stdout


@pytest.mark.parametrize(
    ("importer", "line", "broken"),
    [
        ("venues/models.py", "from bookings.models import Booking", "venues is not allowed to import bookings"),
        ("events/apps.py", "import ticket_types.models", "events is not allowed to import ticket_types"),
        ("config/api/fields.py", "from venues.models import Venue", "config.api is not allowed to import venues"),
        ("config/history/models.py", "import venues.models", "config.history is not allowed to import venues"),
        ("config/api/tables.py", "import bookings.models", "config.api is not allowed to import bookings"),
        ("config/problems.py", "import events.problems", "config.problems is not allowed to import events"),
    ],
)
def test_import_contract_catches(importer, line, broken, tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / importer).open("a") as file:
        file.write(f"\n{line}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert broken in done.stdout


def test_make_alone_lists_every_target_in_a_line():
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)[1].split()
    targets = re.findall(r"^([a-z]\w*):(?! export)", makefile, re.MULTILINE)
    done = run("make", "--no-print-directory", MAKEFLAGS="")  # the tests themselves may be run by make
    lines = [re.fullmatch(r"make (\w+) +[A-Z].+", line)[1] for line in done.stdout.splitlines()]
    assert lines == targets
    assert sorted(lines) == sorted(phony)


def test_make_serve_tells_the_settings_how_many_workers_there_are():
    done = run("make", "--dry-run", "--eval=serve: show", "--eval=show: ; +@echo told $$WEB_CONCURRENCY", "serve",
               "WORKERS=3", MAKEFLAGS="")  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "told 3\n" in done.stdout
    assert "--workers 3" in done.stdout


def test_version_is_the_newest_in_the_changelog():
    assert re.search(r"^## \[(\d[^]]*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == settings.VERSION


def pins(lock):
    return dict(re.findall(r"^([a-z0-9-]+(?:\[[a-z,]+\])?)==(\S+)", lock, re.MULTILINE))


def test_each_lock_holds_all_of_the_one_before_it():
    base, production, dev = (pins((ROOT / f"requirements/{name}.txt").read_text()) for name in LOCKS)
    assert base.items() < production.items() < dev.items()


@pytest.mark.parametrize("name", LOCKS)
def test_lock_has_hashes_and_names_no_index(name):
    lock = (ROOT / f"requirements/{name}.txt").read_text().replace("\\\n", " ")
    lines = [line for line in lock.splitlines() if line and not line.lstrip().startswith("#")]
    assert len(lines) == len(pins(lock)) > 10
    assert [line for line in lines if "--hash=sha256:" not in line] == []
    assert "://" not in lock
