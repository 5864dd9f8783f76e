"""Runs pytest on SQLite and on PostgreSQL: python -m config.tests.harness.both [--all] [ARGS].

PostgreSQL runs every test, SQLite those marked `both`; with `--all` it runs every test as well.
"""

import os
import sqlite3
import subprocess
import sys

import psycopg
import pytest

from config.tests.harness.postgres import postgres_url


def run(name: str, url: str, arguments: list[str]) -> int:
    print(f"\n=== {name}", flush=True)
    environment = {**os.environ, "DATABASE_URL": url}
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False, env=environment).returncode


def postgres_name(url: str) -> str:
    """Connects to the server for its version; without one the run ends, because half of the tests proves nothing."""
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            return f"PostgreSQL {connection.info.server_version // 10_000}"
    except psycopg.OperationalError as error:
        sys.exit(f"No tests were run: cannot connect to PostgreSQL. {error}")


def main(arguments: list[str]) -> int:
    is_marked = arguments[:1] != ["--all"]
    arguments = arguments if is_marked else arguments[1:]
    sqlite_name = f"SQLite {sqlite3.sqlite_version}"
    with postgres_url() as url:
        name = postgres_name(url)
        sqlite = run(sqlite_name, "sqlite:///test.db", [*(["-m", "both"] if is_marked else []), *arguments])
        if is_marked and sqlite == pytest.ExitCode.NO_TESTS_COLLECTED:
            sqlite = 0  # the chosen tests are all PostgreSQL's
        results = {sqlite_name: sqlite, name: run(name, url, arguments)}
    print()
    for name, code in results.items():
        print(f"{'passed' if code == 0 else 'FAILED'} on {name}")
    return int(any(results.values()))  # not the largest code: that of a process ended by a signal is negative


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
