"""Charts are pictures of their figures."""

import re
from xml.etree import ElementTree

import pytest

from config.backoffice.charts import Point, bar_chart, line_chart, ticks

SVG = "{http://www.w3.org/2000/svg}"


def parsed(picture):
    return ElementTree.fromstring(picture.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def of_class(root, name):
    return [element for element in root.iter() if element.get("class") == name]


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (5, [0, 1, 2, 3, 4, 5]),
        (6, [0, 2, 4, 6]),
        (99, [0, 20, 40, 60, 80, 100]),
        (137, [0, 50, 100, 150]),
        (12_345, [0, 5000, 10_000, 15_000]),
    ],
)
def test_axis_has_a_few_round_numbers(most, expected):
    assert ticks(most) == expected


def test_axis_reaches_the_highest_value_in_six_steps_at_most():
    for most in range(2000):
        found = ticks(most)
        assert found[-1] >= most
        assert len(found) <= 6


def test_columns_are_as_high_as_their_values():
    points = [Point(f"{n}", value, f"day {n}: {value}", f"/?day={n}") for n, value in enumerate([0, 50, 100])]
    root = parsed(bar_chart(points))
    heights = [float(bar.get("height")) for bar in of_class(root, "bar")]
    assert heights[0] == 0
    assert heights[2] == pytest.approx(2 * heights[1], abs=0.2)
    bottoms = {round(float(bar.get("y")) + float(bar.get("height"))) for bar in of_class(root, "bar")}
    assert len(bottoms) == 1
    assert [title.text for title in root.iter(f"{SVG}title")] == ["day 0: 0", "day 1: 50", "day 2: 100"]
    assert [link.get("href") for link in root.iter(f"{SVG}a")] == ["/?day=0", "/?day=1", "/?day=2"]


def test_curve_goes_from_edge_to_edge_and_up_to_its_last_value():
    root = parsed(line_chart([Point("1", 0, "none"), Point("2", 3, "three"), Point("3", 5, "five")]))
    (line,) = of_class(root, "line")
    places = [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]
    assert [x for x, _ in places] == [46, 379, 712]
    assert places[0][1] > places[1][1] > places[2][1] == 12


def test_picture_holds_no_style_no_script_and_no_markup_of_others():
    evil = '"><script>alert(1)</script>'
    for draw in (bar_chart, line_chart):
        picture = draw([Point(evil, 1, evil, evil), Point("b", 2, "b", "b")])
        assert re.findall(r"style|<script|on\w+=", picture) == []
        parsed(picture)


def test_axis_of_many_points_labels_some_of_them():
    labels = [it.text for it in of_class(parsed(bar_chart([Point(str(n), 1, "") for n in range(30)])), "tick minor")]
    assert labels == ["3", "9", "15", "21", "27"]
