"""Runs pytest on SQLite, then on PostgreSQL, with the arguments it is given: python -m config.tests.both [ARGS]."""

import os
import sqlite3
import subprocess
import sys

import psycopg

from config.tests.postgres import postgres_url


def run(name: str, url: str, arguments: list[str]) -> int:
    print(f"\n=== {name}", flush=True)
    environment = {**os.environ, "DATABASE_URL": url}
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], env=environment).returncode


def main(arguments: list[str]) -> int:
    results = {f"SQLite {sqlite3.sqlite_version}": 0}
    name = next(iter(results))
    results[name] = run(name, "sqlite:///test.db", arguments)
    with postgres_url() as url:
        with psycopg.connect(url) as connection:
            name = f"PostgreSQL {connection.info.server_version // 10_000}"
        results[name] = run(name, url, arguments)
    print()
    for name, code in results.items():
        print(f"{'passed' if code == 0 else 'FAILED'} on {name}")
    return max(results.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
