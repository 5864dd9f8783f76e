"""What was measured, as a table, as a picture, and as promises kept or not."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

TITLES = (
    "workload",
    "requests/s",
    "p50",
    "p99",
    "errors",
    "CPU server",
    "CPU database",
    "queries",
    "÷ pgbench",
    "÷ peer",
)


@dataclass
class Row:
    """One workload: a number for each slice."""

    name: str
    title: str
    rates: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)  # seconds of CPU for a request
    database: list[float] = field(default_factory=list)
    of_pgbench: list[float] = field(default_factory=list)
    of_peer: list[float] = field(default_factory=list)
    peer_rates: list[float] = field(default_factory=list)
    pgbench_rates: list[float] = field(default_factory=list)
    errors: int = 0
    queries: int | None = None

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    def cells(self) -> list[str]:
        return [
            self.title,
            f"{self.rate:,.0f} ({min(self.rates):,.0f}–{max(self.rates):,.0f})",
            milliseconds(self.p50),
            milliseconds(self.p99),
            f"{self.errors:,}",
            microseconds(self.server),
            microseconds(self.database) if any(self.database) else "–",
            "–" if self.queries is None else str(self.queries),
            ratio(self.of_pgbench),
            ratio(self.of_peer),
        ]


def milliseconds(times: Sequence[float]) -> str:
    return f"{statistics.median(times) * 1e3:.1f} ms"


def microseconds(times: Sequence[float]) -> str:
    return f"{statistics.median(times) * 1e6:,.0f} µs"


def ratio(ratios: Sequence[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})" if ratios else "–"


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned, so that it can be read as it is and pasted into a document."""
    everything = [list(titles), *map(list, rows)]
    widths = [max(len(row[column]) for row in everything) for column in range(len(titles))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [
        [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        for row in everything
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in [lines[0], rule, *lines[1:]])


@dataclass(frozen=True)
class Target:
    what: str
    wanted: str
    found: str
    is_met: bool

    def __str__(self) -> str:
        return f"{'met    ' if self.is_met else 'NOT MET'}  {self.what}: {self.found} (wanted: {self.wanted})"


BAR, GAP, LEFT, WIDTH, TOP = 16, 26, 250, 780, 60
OURS, PEER, LIMIT = "#1d6b52", "#c9792b", "#7c8a99"


def picture(rows: Sequence[Row], heading: str) -> str:
    """Requests per second as bars: ours, the peer's and pgbench's, each workload on a scale of its own row."""
    most = max(max(it.rate, *it.peer_rates[:1], 1) for it in rows)
    pieces, y = [], TOP
    for row in rows:
        bars = [(OURS, row.rate, row.rates)]
        if row.peer_rates:
            bars.append((PEER, statistics.median(row.peer_rates), row.peer_rates))
        if row.pgbench_rates and row.name in ("book", "book-100"):
            bars.append((LIMIT, statistics.median(row.pgbench_rates), row.pgbench_rates))
        most = max(most, *(value for _, value, _ in bars))
        pieces.append((row, bars))
    scale = (WIDTH - LEFT - 130) / most
    body = []
    for row, bars in pieces:
        body.append(text(LEFT - 10, y + 12, row.title, anchor="end"))
        for colour, value, slices in bars:
            label = f"{value:,.0f}"
            body.append(
                f'<rect x="{LEFT}" y="{y}" width="{max(value * scale, 1):.1f}" height="{BAR}" fill="{colour}">'
                f"<title>{escape(row.title)}: {label} a second, {min(slices):,.0f} to {max(slices):,.0f}</title></rect>"
            )
            body.append(text(LEFT + value * scale + 6, y + 12, label))
            y += BAR + 2
        y += GAP - BAR
    key = [(OURS, "this system"), (PEER, "peer"), (LIMIT, "pgbench, same statements")]
    legend, x = [], LEFT
    for colour, label in key:
        if colour == OURS or any(colour == bar[0] for _, bars in pieces for bar in bars):
            legend.append(f'<rect x="{x}" y="34" width="12" height="12" fill="{colour}"/>{text(x + 18, 44, label)}')
            x += 40 + 8 * len(label)
    style = "text{font:13px system-ui,sans-serif;fill:#24292f}@media(prefers-color-scheme:dark){text{fill:#e6edf3}}"
    title = text(10, 20, heading)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img" aria-label="{escape(heading)}">'
        f"<style>{style}</style>{title}{''.join(legend)}{''.join(body)}</svg>\n"
    )


def text(x: float, y: float, said: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(said)}</text>'
