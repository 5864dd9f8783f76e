"""Figures of the database."""

import datetime as dt

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.models import Booking
from bookings.payments.models import ProviderEvent
from config.metrics import figures
from config.metrics.figures import Figure
from config.metrics.models import Measurement
from config.outbox.models import Feed, FeedChange, WorkerHeartbeat
from config.outbox.publishing import publish
from events.models import Event

pytestmark = [pytest.mark.both, pytest.mark.django_db]


@pytest.fixture
def registry(monkeypatch):
    found = {}
    monkeypatch.setattr(figures, "figures", found)
    return found


def outcomes(samples):
    return {key[1][1]: value for key, value in samples.items() if key[0] == "tickets_bookings_total"}


def test_bookings_are_counted_when_their_changes_are_published(scrape, book, pass_time):
    book().confirm()
    book().cancel()
    book()
    assert set(outcomes(scrape()).values()) == {0}
    publish()
    assert outcomes(scrape()) == {"placed": 3, "confirmed": 1, "cancelled": 1, "expired": 0}
    publish()
    book()
    publish()
    assert outcomes(scrape()) == {"placed": 4, "confirmed": 1, "cancelled": 1, "expired": 0}


def test_totals_equal_the_published_changes_also_when_those_are_purged(book):
    book().confirm()
    publish()
    found = {name: FeedChange.objects.filter(type=name).count() for name in Feed.objects.get().totals}
    assert Feed.objects.get().totals == found
    assert sum(found.values()) == Feed.objects.get().last_position
    FeedChange.objects.all().delete()
    publish()
    assert Feed.objects.get().totals == found


def test_holds_are_counted(scrape, book, pass_time):
    book()
    book().confirm()
    hold = ("tickets_holds", ("state", "pending"))
    due = ("tickets_holds", ("state", "due"))
    samples = scrape()
    assert (samples[hold], samples[due]) == (1, 0)
    pass_time(minutes=20)
    samples = scrape()
    assert (samples[hold], samples[due]) == (1, 1)  # a scrape releases nothing


def test_queues_are_counted(scrape, book):
    book().confirm(payment_reference="pay_1").cancel()
    ProviderEvent.objects.create(provider="fake", event_id="1", kind="x")
    ProviderEvent.objects.create(provider="fake", event_id="2", kind="x", handled_at=timezone.now())
    FeedChange.objects.update(created_at=timezone.now() - dt.timedelta(minutes=2))
    samples = scrape()
    assert samples[("tickets_refunds_due",)] == 1
    assert samples[("tickets_provider_events_unhandled",)] == 1
    assert samples[("tickets_changes_unpublished",)] == FeedChange.objects.count() > 0
    assert 120 <= samples[("tickets_changes_unpublished_age_seconds",)] < 180
    publish()
    samples = scrape()
    assert samples[("tickets_changes_unpublished",)] == 0
    assert samples[("tickets_changes_unpublished_age_seconds",)] == 0


def test_workers_are_shown_with_their_age_and_failing_steps(scrape):
    at = timezone.now()
    failing = {"publish-changes": {"failures": 2, "error": "x"}, "release-holds": {"failures": 0, "error": ""}}
    for pid, seconds in ((7, 5), (7, 500), (8, 600)):
        seen_at = at - dt.timedelta(seconds=seconds)
        WorkerHeartbeat.objects.create(host="one", pid=pid, started_at=at, seen_at=seen_at, steps=failing)
    samples = scrape()
    ages = {key[1][1]: value for key, value in samples.items() if key[0] == "tickets_worker_age_seconds"}
    assert set(ages) == {"one:7", "one:8"}
    assert 5 <= ages["one:7"] < 60 < ages["one:8"]
    assert samples[("tickets_worker_step_failing", ("step", "publish-changes"))] == 1
    assert samples[("tickets_worker_step_failing", ("step", "release-holds"))] == 0


@pytest.mark.drifts
def test_differences_are_those_of_the_last_reconcile(scrape, book):
    book()
    assert ("tickets_counter_differences",) not in scrape()
    call_command("reconcile")
    assert scrape()[("tickets_counter_differences",)] == 0
    Event.objects.update(reserved=5)
    with pytest.raises(SystemExit):
        call_command("reconcile")
    samples = scrape()
    assert samples[("tickets_counter_differences",)] == 1
    assert 0 <= samples[("tickets_reconcile_age_seconds",)] < 60
    call_command("reconcile", fix=True)
    assert scrape()[("tickets_counter_differences",)] == 0
    assert Measurement.objects.count() == 1


def test_failing_figure_leaves_the_others(registry, scrape):
    figures.register(Figure("tickets_broken", "x", lambda: 1 / 0))
    figures.register(Figure("tickets_well", "x", lambda: {(): 7}))
    samples = scrape()
    assert samples[("tickets_well",)] == 7
    assert ("tickets_broken",) not in samples
    assert samples[("tickets_figure_failed", ("figure", "tickets_broken"))] == 1
    assert samples[("tickets_figure_failed", ("figure", "tickets_well"))] == 0


def test_database_that_does_not_answer_is_asked_once(registry, scrape):
    asked = []

    def fail():
        asked.append(1)
        raise OperationalError("connection refused")

    for name in ("tickets_one", "tickets_two"):
        figures.register(Figure(name, "x", fail))
    samples = scrape()
    assert len(asked) == 1
    assert samples[("tickets_figure_failed", ("figure", "tickets_two"))] == 1


def test_slow_figures_end_the_scrape_in_time(registry, scrape, monkeypatch):
    monkeypatch.setattr(figures, "MAX_SECONDS", 0.0)
    figures.register(Figure("tickets_one", "x", lambda: {(): 1}))
    assert scrape()[("tickets_figure_failed", ("figure", "tickets_one"))] == 1


def test_queues_are_counted_up_to_a_limit(monkeypatch, book):
    for _ in range(3):
        book()
    monkeypatch.setattr(figures, "MAX_COUNTED", 2)
    assert figures.count_of(Booking.objects.pending()) == 2


def test_queries_do_not_grow(scraper, book):
    def queries():
        with CaptureQueriesContext(connection) as found:
            assert scraper.get("//metrics").status_code == 200
        return len(found)

    book()
    queries()
    first = queries()
    for _ in range(2):
        book().confirm()
    assert queries() == first <= 20
