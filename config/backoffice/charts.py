"""Charts as SVG, without scripts and inline styles."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from config.backoffice.formats import format_number

WIDTH, HEIGHT = 720, 280
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 12, 30  # margins, for the labels of the axes
MAX_LABELS = 10


@dataclass(frozen=True)
class Point:
    """`label` is on the horizontal axis; `title` is the tooltip."""

    label: str
    value: int
    title: str
    url: str = ""


@dataclass(frozen=True)
class Chart:
    """A picture, and the same figures as a table."""

    name: str
    picture: SafeString
    header: Sequence[str]
    rows: Sequence[Sequence[Any]] = field(default_factory=list)


def ticks(maximum: int) -> list[int]:
    """Two to six round numbers from 0 to `maximum` or somewhat above."""
    steps = (digit * 10**power for power in range(20) for digit in (1, 2, 5))
    step = next(step for step in steps if maximum <= 5 * step)
    return [step * n for n in range(max(-(-maximum // step), 1) + 1)]


def bar_chart(points: Sequence[Point]) -> SafeString:
    """A bar for each point, which is a link when the point has a URL."""
    axes = Axes(points)
    width = axes.step * 0.72
    bars = [
        (
            *(point.url, point.title, *axes.hover_area(index)),
            *rounded(axes.x(index) - width / 2, axes.y(point.value), width, axes.y(0) - axes.y(point.value)),
        )
        for index, point in enumerate(points)
    ]
    shapes = format_html_join(
        "",
        '<a href="{}" tabindex="-1"><g class="column"><title>{}</title>'
        '<rect class="reach" x="{}" y="{}" width="{}" height="{}"/>'
        '<rect class="bar" x="{}" y="{}" width="{}" height="{}"/></g></a>',
        bars,
    )
    return axes.picture(shapes)


def line_chart(points: Sequence[Point]) -> SafeString:
    """A line through the points, and the area below it."""
    axes = Axes(points, is_line=True)
    places = [rounded(axes.x(index), axes.y(point.value)) for index, point in enumerate(points)]
    line = " ".join(f"{x},{y}" for x, y in places)
    (ground,) = rounded(axes.y(0))
    dots = format_html_join(
        "",
        '<g class="dot"><title>{}</title><rect class="reach" x="{}" y="{}" width="{}" height="{}"/>'
        '<circle cx="{}" cy="{}" r="3.5"/></g>',
        ((point.title, *axes.hover_area(index), *places[index]) for index, point in enumerate(points)),
    )
    area = f"{places[0][0]},{ground} {line} {places[-1][0]},{ground}"
    shapes = '<polygon class="area" points="{}"/><polyline class="line" points="{}"/>{}'
    return axes.picture(format_html(shapes, area, line, dots))


def rounded(*values: float) -> list[str]:
    return [f"{value:.1f}".removesuffix(".0") for value in values]


class Axes:
    """Coordinates of the values in the picture, and the axes."""

    def __init__(self, points: Sequence[Point], *, is_line: bool = False) -> None:
        self.points = points
        self.ticks = ticks(max(point.value for point in points))
        width = WIDTH - LEFT - RIGHT
        # Bars are centred in their steps; a line goes from edge to edge.
        self.step = width / max(len(points) - 1, 1) if is_line else width / len(points)
        self.start = LEFT if is_line else LEFT + self.step / 2

    def x(self, index: int) -> float:
        return self.start + index * self.step

    def y(self, value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / self.ticks[-1])

    def hover_area(self, index: int) -> Iterable[str]:
        """The full height of the chart, so that a point with the value 0 has a tooltip, too."""
        return rounded(self.x(index) - self.step / 2, TOP, self.step, HEIGHT - TOP - BOTTOM)

    def picture(self, shapes: SafeString) -> SafeString:
        # Hidden from screen readers: the table beside it has the same figures.
        return format_html(
            '<svg class="chart" viewBox="0 0 {} {}" aria-hidden="true" focusable="false">{}{}{}</svg>',
            *(WIDTH, HEIGHT, self.vertical_axis(), shapes, self.horizontal_axis()),
        )

    def vertical_axis(self) -> SafeString:
        lines = (
            (LEFT, *rounded(self.y(tick)), WIDTH - RIGHT, LEFT - 6, *rounded(self.y(tick) + 4), format_number(tick))
            for tick in self.ticks
        )
        return format_html_join(
            "",
            '<path class="grid" d="M{0} {1}H{2}"/><text class="tick" x="{3}" y="{4}" text-anchor="end">{5}</text>',
            lines,
        )

    def horizontal_axis(self) -> SafeString:
        interval = max(math.ceil(len(self.points) / MAX_LABELS), 1)
        last = len(self.points) - 1
        labels = [
            (
                "tick" if n % 2 == 0 else "tick minor",  # small screens hide every second label
                *rounded(self.x(index)),
                HEIGHT - 8,
                "end" if index > last - interval / 2 and self.x(index) > WIDTH - 40 else "middle",
                self.points[index].label,
            )
            for n, index in enumerate(range(0, len(self.points), interval))
        ]
        return format_html_join("", '<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>', labels)
