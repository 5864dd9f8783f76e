"""The results as Markdown tables: what was measured, and which bounds are met."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.bench.wrk import Load


@dataclass
class Row:
    """One workload, with one number for each slice."""

    title: str
    loads: list[Load] = field(default_factory=list)
    server: list[float] = field(default_factory=list)  # seconds of CPU for each request
    database: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)  # rates of the original system
    others_cpu: list[float] = field(default_factory=list)  # its CPU time for each request, with the database's
    errors: int = 0

    @property
    def rates(self) -> list[float]:
        return [load.rate for load in self.loads]

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def p50(self) -> float:
        return statistics.median(load.p50 for load in self.loads)

    @property
    def ratios(self) -> list[float]:
        return [load.rate / other for load, other in zip(self.loads, self.others, strict=False)]

    def cells(self) -> list[str]:
        server, database = statistics.median(self.server) * 1e3, statistics.median(self.database) * 1e3
        compared = [f"{statistics.median(self.others):,.0f}", spread(self.ratios)] if self.others else ["–", "–"]
        cpu = f"{statistics.median(self.others_cpu) * 1e3:.2f} ms" if self.others else "–"
        return [
            self.title,
            f"{self.rate:,.0f} ({min(self.rates):,.0f}–{max(self.rates):,.0f})",
            *compared,
            f"{self.p50 * 1e3:.1f} ms",
            f"{statistics.median(load.p99 for load in self.loads) * 1e3:.1f} ms",
            f"{server:.2f} + {database:.2f} ms",
            cpu,
            f"{self.errors:,}",
        ]


TITLES = (
    "workload",
    "requests/s",
    "original",
    "ratio",
    "p50",
    "p99",
    "CPU server + database",
    "CPU original",
    "errors",
)


@dataclass(frozen=True)
class Bound:
    what: str
    wanted: str
    found: str
    is_met: bool

    def cells(self) -> list[str]:
        return [self.what, self.wanted, self.found, "met" if self.is_met else "**not met**"]


def at_least(what: str, wanted: float, ratios: Sequence[float]) -> Bound:
    return Bound(what, f"≥ {wanted:g}", spread(ratios), statistics.median(ratios) >= wanted)


def at_most(what: str, wanted: float, found: float, unit: str = "") -> Bound:
    return Bound(what, f"≤ {wanted:g}{unit}", f"{found:.2f}{unit}", found <= wanted)


def spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned, so that it reads well in a terminal and in a document."""
    lines = [list(titles), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    lines.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
    padded = [
        [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        for line in lines
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)
