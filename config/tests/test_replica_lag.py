"""How far behind a replica is, from where the primary's log ended and when."""

import logging
import math

import pytest
from django.db import DEFAULT_DB_ALIAS

from config.replica import Replica


@pytest.fixture
def replica(monkeypatch, settings):
    """Knows that the primary's log ended at 100, 200 and 300, three, two and one seconds ago."""
    settings.DATABASE_REPLICA_MAX_LAG = 10
    monkeypatch.setattr("config.replica.time.monotonic", lambda: 50.0)
    known = Replica()
    known.marks.extend([(47.0, 100), (48.0, 200), (49.0, 300)])
    return known


@pytest.mark.parametrize(
    ("replayed", "behind"),
    [
        (None, math.inf),  # it takes writes, so it is no replica
        (99, math.inf),
        (100, 2.0),
        (199, 2.0),
        (200, 1.0),
        (300, 0.0),
        (999, 0.0),  # the primary has gone on since
    ],
)
def test_replica_is_as_far_behind_as_the_last_mark_that_it_has_reached(replica, replayed, behind):
    assert replica.behind(replayed) == behind


def test_replica_of_which_nothing_is_known_is_too_far_behind():
    assert Replica().behind(10**9) == math.inf


def test_marks_that_are_too_old_to_matter_are_forgotten(replica, settings):
    settings.DATABASE_REPLICA_MAX_LAG = 5
    replica.marks.clear()
    replica.marks.extend((float(second), 100 * second) for second in range(20, 51))
    assert replica.behind(0) == math.inf
    assert [at for at, _ in replica.marks] == [44.0, 45.0, 46.0, 47.0, 48.0, 49.0, 50.0]


def test_change_of_mind_is_logged_once(replica, caplog):
    with caplog.at_level(logging.WARNING, logger="config.replica"):
        for trouble in ("it is too far behind", "it is too far behind", None, None):
            replica.note(trouble)
    assert caplog.messages == [
        "The catalogue is read from the primary, not the replica: it is too far behind.",
        "The catalogue is read from the replica.",
    ]


@pytest.mark.django_db
def test_without_a_replica_the_primary_is_read():
    assert Replica().database_for_reading() == DEFAULT_DB_ALIAS
