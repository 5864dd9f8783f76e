"""The table of results, as Markdown, and the progress until then."""

import time
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.torture.verify import COLUMNS, Findings

TITLES = ("scenario", "database", "requests", "faults", "oversold", "lost", "doubled", "stuck", "refused wrongly",
          "drift", "5xx", "verdict")  # fmt: skip


@dataclass
class Result:
    """One row of the table."""

    scenario: str
    database: str
    verdict: str
    is_good: bool
    requests: int = 0
    faults: int = 0
    findings: Findings = field(default_factory=Findings)
    seconds: float = 0.0
    remarks: list[str] = field(default_factory=list)

    def cells(self) -> list[str]:
        numbers = [self.requests, self.faults, *(getattr(self.findings, column) for column in COLUMNS)]
        return [self.scenario, self.database, *(f"{number:,}" for number in numbers), self.verdict]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def table(results: list[Result]) -> str:
    """Aligned, so that it reads well in a terminal and in a document."""
    rows = [list(TITLES), *(result.cells() for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(TITLES))]
    is_number = [2 <= column < len(TITLES) - 1 for column in range(len(TITLES))]
    rule = [("-" * (width - 1) + ":") if right else "-" * width for width, right in zip(widths, is_number, strict=True)]
    lines = [[pad(cell, *how) for cell, *how in zip(row, widths, is_number, strict=True)] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in [lines[0], rule, *lines[1:]])


def pad(cell: str, width: int, right: bool) -> str:
    return cell.rjust(width) if right else cell.ljust(width)


class Progress:
    """Prints the current scenario every few seconds."""

    INTERVAL = 5.0

    def __init__(self) -> None:
        self.begin("", 0)

    def begin(self, what: str, requests: int) -> None:
        self.what = what
        self.first = requests
        self.began = self.printed = time.monotonic()

    def beat(self, requests: int) -> None:
        now = time.monotonic()
        if self.what and now - self.printed >= self.INTERVAL:
            self.printed = now
            print(f"  {self.what}: {now - self.began:.0f} s, {requests - self.first:,} requests", flush=True)

    def end(self, result: Result) -> None:
        result.seconds = round(time.monotonic() - self.began, 1)
        print(f"{self.what}: {result.verdict} ({result.seconds:.0f} s, {result.requests:,} requests)", flush=True)
        # The findings of a control are expected: two examples are enough.
        notes = result.findings.notes[:2] if result.is_good else result.findings.notes
        for note in [*result.remarks, *notes]:
            print(f"    {note[:600]}", flush=True)
