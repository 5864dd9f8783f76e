"""Charts as SVG, made here: no script draws them, and no style is written into them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from config.backoffice.columns import number

WIDTH, HEIGHT = 720, 280
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 12, 30  # margins, for the labels of the axes
MAX_LABELS = 10


@dataclass(frozen=True)
class Point:
    """One place on the horizontal axis. `title` is what is told about it when it is pointed at."""

    label: str
    value: int
    title: str
    url: str = ""


@dataclass(frozen=True)
class Chart:
    """A picture, and the same figures as a table: each row's cells are texts, or texts with URLs."""

    name: str
    picture: SafeString
    header: Sequence[str]
    rows: Sequence[Sequence[Any]] = field(default_factory=list)


def ticks(most: int) -> list[int]:
    """Round numbers from 0 to `most` or somewhat above, two to six of them."""
    steps = (digit * 10**power for power in range(20) for digit in (1, 2, 5))
    step = next(step for step in steps if most <= 5 * step)
    return [step * n for n in range(max(-(-most // step), 1) + 1)]


def columns(points: Sequence[Point]) -> SafeString:
    """A column for each point, which is a link where the point has a URL."""
    scale = Scale(points)
    width = scale.step * 0.72
    bars = [
        (
            point.url,
            scale.x(index) - scale.step / 2,
            scale.step,
            point.title,
            scale.x(index) - width / 2,
            scale.y(point.value),
            width,
            scale.y(0) - scale.y(point.value),
        )
        for index, point in enumerate(points)
    ]
    # The whole height can be pointed at: a day without sales has no column to meet.
    shapes = format_html_join(
        "",
        '<a href="{}" tabindex="-1"><g class="column"><title>{}</title>'
        '<rect class="reach" x="{}" y="{}" width="{}" height="{}"/>'
        '<rect class="bar" x="{}" y="{}" width="{}" height="{}"/></g></a>',
        (
            (url, title, *map(short, (left, TOP, step, HEIGHT - TOP - BOTTOM)), *map(short, bar))
            for url, left, step, title, *bar in bars
        ),
    )
    return scale.picture(shapes)


def curve(points: Sequence[Point]) -> SafeString:
    """A line from point to point, and the area below it."""
    scale = Scale(points, is_line=True)
    places = [(short(scale.x(index)), short(scale.y(point.value))) for index, point in enumerate(points)]
    line = " ".join(f"{x},{y}" for x, y in places)
    ground = short(scale.y(0))
    dots = format_html_join(
        "",
        '<g class="dot"><title>{}</title><rect class="reach" x="{}" y="{}" width="{}" height="{}"/>'
        '<circle cx="{}" cy="{}" r="3.5"/></g>',
        (
            (
                point.title,
                short(scale.x(index) - scale.step / 2),
                TOP,
                short(scale.step),
                HEIGHT - TOP - BOTTOM,
                *places[index],
            )
            for index, point in enumerate(points)
        ),
    )
    return scale.picture(
        format_html(
            '<polygon class="area" points="{},{} {} {},{}"/><polyline class="line" points="{}"/>{}',
            places[0][0],
            ground,
            line,
            places[-1][0],
            ground,
            line,
            dots,
        )
    )


def short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


class Scale:
    """Where values are in the picture, and the axes that say so."""

    def __init__(self, points: Sequence[Point], *, is_line: bool = False) -> None:
        self.points = points
        self.ticks = ticks(max(point.value for point in points))
        room = WIDTH - LEFT - RIGHT
        # Columns stand in the middle of their places; a line goes from edge to edge.
        self.step = room / max(len(points) - 1, 1) if is_line else room / len(points)
        self.start = LEFT if is_line else LEFT + self.step / 2

    def x(self, index: int) -> float:
        return self.start + index * self.step

    def y(self, value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / self.ticks[-1])

    def picture(self, shapes: SafeString) -> SafeString:
        # The figures are in the table beside it: readers of the screen need not walk through the picture.
        return format_html(
            '<svg class="chart" viewBox="0 0 {} {}" aria-hidden="true" focusable="false">{}{}{}</svg>',
            WIDTH,
            HEIGHT,
            self.vertical_axis(),
            shapes,
            self.horizontal_axis(),
        )

    def vertical_axis(self) -> SafeString:
        lines = (
            (LEFT, short(self.y(tick)), WIDTH - RIGHT, LEFT - 6, short(self.y(tick) + 4), number(tick))
            for tick in self.ticks
        )
        return format_html_join(
            "",
            '<path class="grid" d="M{0} {1}H{2}"/><text class="tick" x="{3}" y="{4}" text-anchor="end">{5}</text>',
            lines,
        )

    def horizontal_axis(self) -> SafeString:
        every = max(math.ceil(len(self.points) / MAX_LABELS), 1)
        last = len(self.points) - 1
        labels = [
            (
                "tick" if n % 2 == 0 else "tick minor",  # on a small screen there is room for every second one
                short(self.x(index)),
                HEIGHT - 8,
                "end" if index > last - every / 2 and self.x(index) > WIDTH - 40 else "middle",
                self.points[index].label,
            )
            for n, index in enumerate(range(0, len(self.points), every))
        ]
        return format_html_join("", '<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>', labels)
