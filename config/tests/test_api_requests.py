"""What each request of the API is spared: what would come out the same, or finds nothing."""

from django.http import request as http
from django.urls import resolve


def test_host_is_looked_at_once(anonymous, monkeypatch, make_venue):
    looked = []
    validate = http.validate_host
    monkeypatch.setattr(http, "validate_host", lambda *args: looked.append(args) or validate(*args))
    assert anonymous.get(f"/venues/{make_venue().pk}").status_code == 200
    assert len(looked) == 1


def test_api_is_found_before_all_else():
    assert len(resolve("/api/v1/venues/7").tried) < 5
