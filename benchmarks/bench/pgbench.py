"""The database's own limit: pgbench runs the same statements on the same server, with the same durability.

The statements come from the server's log, which records one request completely. Values stay as they were; only ids,
codes and keys differ each time, as they must.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.torture.databases import Postgresql

NEXT_LINE = r"(?=\n\S+ \S+ \S+ \[\d+\] |\Z)"
EXECUTED = re.compile(
    rf"LOG:  (?:execute [^:]*|statement): (?P<sql>.*?){NEXT_LINE}"
    rf"(?:\n[^\n]*DETAIL:  Parameters: (?P<values>.*?){NEXT_LINE})?",
    re.DOTALL,
)
VALUE = re.compile(r"\$\d+ = (NULL|'(?:[^']|'')*')")
NOT_OURS = ("SET ", "SHOW ", "DEALLOCATE", "SELECT pg_reload_conf", "ALTER SYSTEM")

VARIABLES = "\\set a random(0, 4294967295)\n\\set b random(0, 4294967295)\n\\set c random(0, 4294967295)\n"
A, B, C = (f"lpad(to_hex(:{name}::bigint), 8, '0')" for name in "abc")
CODE = f"translate(upper({A}), '01', 'XY')"
KEY = f"({A} || {B} || {C})"
PARTS = (A, f"left({B}, 4)", f"'4' || right({B}, 3)", f"'8' || left({C}, 3)", f"{C} || right({A}, 4)")
DASH = " || '-' || "
UUID = f"({DASH.join(PARTS)})::uuid"


@dataclass(frozen=True)
class Statement:
    sql: str
    values: tuple[str | None, ...]

    def with_values(self, expressions: dict[str, str]) -> str:
        """The SQL with its values. Where `expressions` has a value, the expression takes its place."""

        def replace(match: re.Match[str]) -> str:
            value = self.values[int(match[1]) - 1]
            if value is None:
                return "NULL"
            quoted = value.replace("'", "''")
            return expressions.get(value, f"'{quoted}'")

        return re.sub(r"\$(\d+)", replace, self.sql).replace("\n", " ").rstrip("; ") + ";"


def statements(log: str) -> list[Statement]:
    """The statements of the log in order, without those that only configure a session."""
    found = [Statement(match["sql"].strip(), parameters(match["values"] or "")) for match in EXECUTED.finditer(log)]
    return [statement for statement in found if not statement.sql.startswith(NOT_OURS)]


def parameters(detail: str) -> tuple[str | None, ...]:
    return tuple(None if it == "NULL" else it[1:-1].replace("''", "'") for it in VALUE.findall(detail))


def script(found: list[Statement], expressions: dict[str, str]) -> str:
    return VARIABLES + "\n".join(statement.with_values(expressions) for statement in found) + "\n"


def run(database: Postgresql, name: str, script: Path, *, clients: int, seconds: int) -> float:
    """Transactions per second. One run of the script counts as one transaction."""
    server = database.server
    command = [
        str(server.bin / "pgbench"), "--host=127.0.0.1", f"--port={server.port}", "--username=postgres", "--no-vacuum",
        "--protocol=prepared", f"--client={clients}", "--jobs=1", f"--time={seconds}", f"--file={script}", name,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    if done.returncode or rate is None or "number of failed transactions: 0 " not in done.stdout:
        raise RuntimeError(f"pgbench failed: {done.stdout[-300:]} {done.stderr[-500:]}")
    return float(rate[1])
