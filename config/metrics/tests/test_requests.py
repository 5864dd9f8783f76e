"""Requests by route, method and status."""

import pytest

from config.metrics import requests


def count(samples, route, method, status):
    return samples.get(("http_requests_total", ("method", method), ("route", route), ("status", status)), 0)


def timed(samples, route, method):
    return samples.get(("http_request_duration_seconds_count", ("method", method), ("route", route)), 0)


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", "/api/v1/events/{}", "/api/v1/events/<pk>", 200),
        ("GET", "/api/v1/events/0", "/api/v1/events/<pk>", 404),
        ("POST", "/api/v1/events", "/api/v1/events", 401),
        ("GET", "/api/v1/events.ics", "/api/v1/events.ics", 200),
        ("GET", "/api/v1/nonsense", "/api/v1/<rest>", 404),
        ("GET", "/health", "/health", 200),
        ("GET", "/", "/", 200),
        ("GET", "/nonsense", "none", 404),
        pytest.param("GET", f"/{'x' * 9000}", "none", 414, id="too long"),
        ("GET", "/admin/nonsense/", "/admin/<url>", 302),
        ("BREW", "/health", "/health", 405),
    ],
)
def test_request_is_counted(method, path, route, status, anonymous, make_event, scrape):
    path, seen = path.format(make_event().pk), method if method != "BREW" else "other"
    before = scrape()
    assert anonymous.generic(method, f"/{path}").status_code == status
    after = scrape()
    assert count(after, route, seen, str(status)) == count(before, route, seen, str(status)) + 1
    assert timed(after, route, seen) == timed(before, route, seen) + 1


def test_series_do_not_grow_with_paths(anonymous, make_event, scrape):
    event = make_event()

    def ask(number):
        for path in (
            f"//x{number}",
            f"/events/{number}",
            f"/x/{number}",
            f"/tickets/CODE{number}",
            f"//problems/{number}",
        ):
            anonymous.get(path)
            anonymous.generic(f"BREW{number}", f"/{path}")
        anonymous.get(f"/events/{event.pk}?expand=venue")

    scrape()
    ask(1)
    before = scrape().keys()
    for number in range(2, 12):
        ask(number)
    assert scrape().keys() == before


def test_request_that_cannot_be_counted_is_answered(anonymous, monkeypatch):
    def fail(*labels):
        raise OSError("No space left on device")

    monkeypatch.setattr(requests, "duration_of", fail)
    assert anonymous.get("//health").status_code == 200
