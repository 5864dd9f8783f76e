"""Runs pytest on SQLite, then on PostgreSQL: python -m config.tests.harness.both [ARGS].

With `--share` first among them, what is marked `once` runs on PostgreSQL alone, and `anywhere` on SQLite alone.
"""

import os
import sqlite3
import subprocess
import sys

import psycopg

from config.tests.harness.postgres import postgres_url


def run(name: str, url: str, arguments: list[str]) -> int:
    print(f"\n=== {name}", flush=True)
    environment = {**os.environ, "DATABASE_URL": url}
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False, env=environment).returncode


def name_of(postgres: str) -> str:
    """Names the server; ends the run when nobody answers, since half of the tests is not the tests."""
    try:
        with psycopg.connect(postgres, connect_timeout=10) as connection:
            return f"PostgreSQL {connection.info.server_version // 10_000}"
    except psycopg.OperationalError as error:
        sys.exit(f"No tests were run, because PostgreSQL does not answer: {error}")


def main(arguments: list[str]) -> int:
    is_shared = arguments[:1] == ["--share"]
    arguments = arguments[is_shared:]

    def share(mark: str) -> list[str]:
        return ["-m", f"not {mark}"] if is_shared else []

    with postgres_url() as url:
        sqlite, postgres = f"SQLite {sqlite3.sqlite_version}", name_of(url)
        results = {
            sqlite: run(sqlite, "sqlite:///test.db", [*share("once"), *arguments]),
            postgres: run(postgres, url, [*share("anywhere"), *arguments]),
        }
    print()
    for name, code in results.items():
        print(f"{'passed' if code == 0 else 'FAILED'} on {name}")
    return int(any(results.values()))  # not the greatest: a process that a signal ended has a negative one


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
