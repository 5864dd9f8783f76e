"""Cleans up after the harness, even when it is killed.

A separate process reads from its standard input what it has to end: process groups, PostgreSQL servers, folders. When
the input ends, because the harness has finished or was killed, it ends all of them.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path


class Keeper:
    """The harness's side of the connection to that process."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "benchmarks.torture.keeper"]
        # In a session of its own, so that Ctrl-C in the terminal does not reach it.
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True)

    def keep(self, kind: str, what: object) -> None:
        """Ends a "group" of processes, a "postgres" (its folder) or a "folder" together with the harness."""
        self.send(f"+{kind} {what}")

    def forget(self, kind: str, what: object) -> None:
        """For what has ended already: its process id may belong to another process now."""
        self.send(f"-{kind} {what}")

    def send(self, line: str) -> None:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def finish(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def end_group(number: str) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(int(number), signal.SIGKILL)


def end_postgres(folder: str) -> None:
    """Its process id changes with each crash, so it is read now."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        os.kill(int((Path(folder) / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
    shutil.rmtree(folder, ignore_errors=True)


def end_folder(folder: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)


ENDS = {"group": end_group, "postgres": end_postgres, "folder": end_folder}  # in this order


def main() -> None:
    kept: set[tuple[str, str]] = set()
    for line in sys.stdin:
        kind, _, what = line[1:].strip().partition(" ")
        if line[0] == "+":
            kept.add((kind, what))
        else:
            kept.discard((kind, what))
    for kind, end in ENDS.items():
        for what in [what for each, what in kept if each == kind]:
            end(what)


if __name__ == "__main__":
    main()
