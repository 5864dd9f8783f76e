"""The project as a whole: imports, Makefile, version, locks."""

import re
import shutil
import sys

import pytest
from django.conf import settings

from config.tests.harness.private import names_in, private_names
from config.tests.harness.project import PACKAGES, ROOT, run

LOCKS = ("base", "production", "dev")


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


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["self._queryset = None"], ["a.py:1: _queryset: no reason"]),
        (["    def _repr_html(self):  # called by notebooks"], ["a.py:1: _repr_html: called by notebooks"]),
        (["# no public name", "from lib import _name"], ["a.py:2: _name: no public name"]),
        (["one._name", "two._name  # why"], ["a.py:1: _name: why"]),
        (["model._meta.pk", "model.__name__", "text = _('word')", "# see lib._name", "for _ in rows:"], []),
    ],
)
def test_private_names_are_found_with_their_reasons(lines, expected):
    assert [str(name) for name in names_in("a.py", lines)] == expected


def test_private_names_of_libraries_are_few_and_have_reasons():
    names = list(private_names())
    assert [str(name) for name in names if not name.reason] == []
    assert len(names) < 10


def test_make_lists_every_target():
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)[1].split()
    targets = re.findall(r"^([a-z]\w*):(?! export)", makefile, re.MULTILINE)
    done = run("make", "--no-print-directory", MAKEFLAGS="")  # the tests themselves may be run by make
    lines = [re.fullmatch(r"make (\w+) +[A-Z].+", line)[1] for line in done.stdout.splitlines()]
    assert lines == targets
    assert sorted(lines) == sorted(phony)


def test_make_serve_passes_the_number_of_workers_to_the_settings():
    done = run("make", "--dry-run", "--eval=serve: show", "--eval=show: ; +@echo told $$WEB_CONCURRENCY", "serve",
               "WORKERS=3", MAKEFLAGS="")  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "told 3\n" in done.stdout
    assert "--workers 3" in done.stdout


def test_version_is_the_newest_of_the_changelog():
    assert re.search(r"^## \[(\d[^]]*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == settings.VERSION


def pins(lock):
    return dict(re.findall(r"^([a-z0-9-]+(?:\[[a-z,]+\])?)==(\S+)", lock, re.MULTILINE))


def test_each_lock_contains_the_one_before_it():
    base, production, dev = (pins((ROOT / f"requirements/{name}.txt").read_text()) for name in LOCKS)
    assert base.items() < production.items() < dev.items()


@pytest.mark.parametrize("name", LOCKS)
def test_lock_has_hashes_and_names_no_index(name):
    lock = (ROOT / f"requirements/{name}.txt").read_text().replace("\\\n", " ")
    lines = [line for line in lock.splitlines() if line and not line.lstrip().startswith("#")]
    assert len(lines) == len(pins(lock)) > 10
    assert [line for line in lines if "--hash=sha256:" not in line] == []
    assert "://" not in lock
