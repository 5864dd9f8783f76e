"""Regular expressions take time in proportion to the text."""

import re

import pytest

from config.tests.harness.patterns import patterns, slow_text


def test_every_pattern_is_linear():
    found = patterns()
    slow = {f"{name} {method}": slow_text(pattern, method) for (pattern, method), name in found.items()}
    assert {name: text for name, text in slow.items() if text} == {}
    assert len(found) > 60


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r"(a+)+$", "match"),
        (r"(a|aa)+$", "fullmatch"),
        (r"x*x*x*=", "fullmatch"),
        (r"\s+$", "search"),
        (r"\[[^\]]+\]", "search"),
        (r"id=\d+\d+;", "match"),
        (r"[^@]+@", "sub"),
        (r"\w*secret\w*=", "sub"),
        (r"\b(cursor|\w*(?:password|secret)\w*)(['\"]?\s?[=:]\s?['\"]?)[^\s&'\",;]+", "sub"),
    ],
)
def test_pattern_that_is_not_linear_is_found(pattern, method):
    assert slow_text(re.compile(pattern), method)


def test_every_kind_of_place_is_searched():
    names = " ".join(patterns().values())
    places = ("config.logs.CREDENTIALS", "config.api.fields.INSTANT", "config.values.text.UUID", "bookings/codes.py",
              "URL ^events", "URL admin/", "auth.User.username")  # fmt: skip
    assert [place for place in places if place not in names] == []
