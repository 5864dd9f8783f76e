"""docs/security.md: the tests, commands and files that it names exist."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from bookings import personal_data

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs/security.md").read_text()
THREATS = re.findall(r"^\|(.+)\|$", PAGE.partition("\n## Threats\n")[2].partition("\n## ")[0], re.MULTILINE)[2:]
PACKAGES = ("config", "venues", "events", "ticket_types", "bookings")


def test_named_tests_exist():
    known = {path.name for package in PACKAGES for path in (ROOT / package).rglob("test_*.py")}
    named = set(re.findall(r"test_\w+\.py", PAGE))
    assert len(named) > 8
    assert named - known == set()


def test_every_threat_names_tests_that_exist():
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "tests" in path.parts]
    known = {
        f"{path.name}::{name}"
        for path in files
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert THREATS
    for row in THREATS:
        threat, held_by, shown_by = row.split(" | ")
        named = re.findall(r"`(\w+\.py::\w+)`", shown_by)
        assert held_by.strip()
        assert named, threat
        assert set(named) - known == set(), threat


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)", PAGE))))
def test_links_exist(target):
    assert (ROOT / "docs" / target).resolve().exists()


def test_named_files_and_commands_exist():
    assert [name for name in re.findall(r"config/[\w/]+\.py", PAGE) if not (ROOT / name).exists()] == []
    assert set(re.findall(r"manage\.py (\w+)", PAGE)) <= set(get_commands())


def test_marks_of_erased_customers_match_the_code():
    assert f"The name becomes “{personal_data.NAME}”, the address `{personal_data.EMAIL}`" in PAGE


def test_readme_links_to_it():
    assert "docs/security.md" in (ROOT / "README.md").read_text()
