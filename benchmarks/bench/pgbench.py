"""The database's own limit: pgbench runs the same statements, on the same server and with the same durability.

What the statements are, the server's log says: one request is made while it writes down all that it is asked. Values go
into the script as they were; only ids, codes and keys differ each time, as they must.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.torture.databases import Postgresql

EXECUTED = re.compile(
    r"LOG:  (?:execute [^:]*|statement): (?P<sql>.*?)"
    r"(?=\n\S+ \S+ \S+ \[\d+\] (?:LOG|DETAIL|ERROR|STATEMENT|WARNING)|\Z)",
    re.DOTALL,
)
PARAMETERS = re.compile(r"DETAIL:  Parameters: (?P<values>.*?)(?=\n\S+ \S+ \S+ \[\d+\] |\Z)", re.DOTALL)
NOT_OURS = ("SET ", "SHOW ", "DEALLOCATE", "SELECT pg_")
VARIABLES = "\\set a random(0, 4294967295)\n\\set b random(0, 4294967295)\n\\set c random(0, 4294967295)\n"
HEX = "lpad(to_hex(:{}::bigint), 8, '0')"
A, B, C = (HEX.format(name) for name in "abc")
PARTS = (A, f"left({B}, 4)", f"'4' || right({B}, 3)", f"'8' || left({C}, 3)", f"{C} || right({A}, 4)")
DASH = " || '-' || "
UUID = f"({DASH.join(PARTS)})::uuid"


@dataclass(frozen=True)
class Statement:
    sql: str
    values: tuple[str | None, ...]

    def written(self, differing: dict[str, str]) -> str:
        """With its values in it: those that differ each time as expressions."""

        def value(match: re.Match[str]) -> str:
            given = self.values[int(match[1]) - 1]
            if given is None:
                return "NULL"
            quoted = given.replace("'", "''")
            return differing.get(given, f"'{quoted}'")

        return re.sub(r"\$(\d+)", value, self.sql).replace("\n", " ").rstrip("; ") + ";"


def statements(log: str) -> list[Statement]:
    """What the log says was executed, in order, without what only sets up a session."""
    found = []
    for executed in EXECUTED.finditer(log):
        sql = executed["sql"].strip()
        if sql.startswith(NOT_OURS):
            continue
        detail = PARAMETERS.search(log, executed.end())
        following = EXECUTED.search(log, executed.end())
        is_its_own = detail is not None and (following is None or detail.start() < following.start())
        found.append(Statement(sql, values(detail["values"]) if is_its_own else ()))
    return found


def values(said: str) -> tuple[str | None, ...]:
    pairs = re.findall(r"\$\d+ = (NULL|'(?:[^']|'')*')", said)
    return tuple(None if it == "NULL" else it[1:-1].replace("''", "'") for it in pairs)


def script(log: str, differing: dict[str, str]) -> str:
    return VARIABLES + "\n".join(statement.written(differing) for statement in statements(log)) + "\n"


def run(database: Postgresql, name: str, file: Path, *, clients: int, seconds: float) -> tuple[float, int]:
    """Transactions per second, and how many there were. A script is one request, in one transaction or more."""
    server = database.server
    command = [
        str(server.bin / "pgbench"), "--host=127.0.0.1", f"--port={server.port}", "--username=postgres", "--no-vacuum",
        "--protocol=prepared", f"--client={clients}", "--jobs=1", f"--time={max(round(seconds), 1)}", f"--file={file}",
        name,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    if done.returncode or rate is None or "number of failed transactions: 0 " not in done.stdout:
        raise RuntimeError(f"pgbench failed: {done.stdout[-300:]} {done.stderr[-500:]}")
    count = re.search(r"actually processed: (\d+)", done.stdout)
    return float(rate[1]), int(count[1])
