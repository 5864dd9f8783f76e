"""What of Django's work at both ends of a request is left out, and when it is not."""

import pytest
from django.core.cache import close_caches
from django.core.cache.backends.base import BaseCache
from django.core.signals import request_finished
from django.db import close_old_connections, reset_queries
from django.dispatch import Signal

from config import receivers

RECEIVERS = (close_old_connections, reset_queries, close_caches)


class Closing(BaseCache):
    def __init__(self, location, params):
        super().__init__(params)

    def close(self, **kwargs):
        pass


@pytest.fixture
def left(monkeypatch):
    """What receives the beginning and the end of a request afterwards."""
    started, finished = Signal(), Signal()
    for receiver in (close_old_connections, reset_queries):
        started.connect(receiver)
    for receiver in (close_old_connections, close_caches):
        finished.connect(receiver)
    monkeypatch.setattr(receivers, "request_started", started)
    monkeypatch.setattr(receivers, "request_finished", finished)

    def leave_out():
        receivers.leave_out_idle()
        return [[it for it in RECEIVERS if signal.disconnect(it)] for signal in (started, finished)]

    return leave_out


def test_only_connections_are_closed_and_only_in_the_end(left):
    assert left() == [[], [close_old_connections]]


def test_it_is_so_from_the_start():
    assert request_finished.disconnect(close_caches) is False
    assert request_finished.disconnect(close_old_connections) is True
    request_finished.connect(close_old_connections)


def test_connections_that_are_kept_are_looked_at_first(left, settings, monkeypatch):
    monkeypatch.setitem(settings.DATABASES["default"], "CONN_MAX_AGE", 60)
    assert left() == [[close_old_connections], [close_old_connections]]


@pytest.mark.parametrize("name", ["DEBUG", "DATABASE_ECHO"])
def test_queries_that_are_noted_are_forgotten(left, settings, name):
    setattr(settings, name, True)
    assert left() == [[reset_queries], [close_old_connections]]


def test_cache_that_has_something_to_close_is_closed(left, settings):
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.Closing"}}
    assert left() == [[], [close_old_connections, close_caches]]


@pytest.mark.parametrize("backend", ["locmem.LocMemCache", "redis.RedisCache"])
def test_caches_that_this_project_knows_have_nothing_to_close(left, settings, backend):
    settings.CACHES = {"default": {"BACKEND": f"django.core.cache.backends.{backend}", "LOCATION": "redis://nowhere"}}
    assert left() == [[], [close_old_connections]]
