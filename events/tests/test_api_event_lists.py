"""What is on sale, and how the list finds it."""

import datetime as dt

import pytest
from django.utils import timezone

from config.tests.harness.answers import errors_in, names, refused
from events.models import Event


@pytest.fixture
def event(make_event):
    return make_event(capacity=10)


def on_sale(client, event):
    return client.get(f"/events/{event.pk}").json()["on_sale"]


def available(client, value):
    return names(client.get(f"/events?available={value}"))


def assert_off_sale(client, event, reason):
    assert on_sale(client, event) == {"is_on_sale": False, "reason": reason}
    assert (available(client, "true"), available(client, "false")) == ([], [event.name])


def assert_on_sale(client, event):
    assert on_sale(client, event) == {"is_on_sale": True, "reason": None}
    assert (available(client, "true"), available(client, "false")) == ([event.name], [])


def test_event_without_types_is_off_sale(anonymous, event):
    assert_off_sale(anonymous, event, "no_ticket_types")


def test_event_with_an_open_type_is_on_sale(anonymous, event, make_type):
    make_type(event=event)
    assert_on_sale(anonymous, event)


def test_draft_is_off_sale(manager, event, make_type):
    make_type(event=event)
    Event.objects.update(status="draft", published_at=None)
    assert_off_sale(manager, event, "not_published")


def test_cancelled_event_is_off_sale(anonymous, event, make_type):
    make_type(event=event)
    event.cancel(at=timezone.now())
    assert_off_sale(anonymous, event, "cancelled")


def test_event_is_on_sale_until_it_ends(anonymous, event, make_type, pass_time):
    make_type(event=event)
    pass_time(days=30, hours=2)
    assert_on_sale(anonymous, event)
    pass_time(hours=2)
    assert_off_sale(anonymous, event, "ended")


def test_event_is_off_sale_before_and_after_its_types_windows(anonymous, event, make_type):
    now, hour = timezone.now(), dt.timedelta(hours=1)
    past = make_type(event=event, name="Early bird", sales_end_at=now - hour)
    assert_off_sale(anonymous, event, "ended")
    future = make_type(event=event, name="Door", sales_start_at=now + hour)
    assert_off_sale(anonymous, event, "not_started")
    past.revise(sales_end_at=now + hour)
    assert_on_sale(anonymous, event)
    past.revise(sales_end_at=now - hour)
    future.revise(sales_start_at=now - hour)
    assert_on_sale(anonymous, event)


def test_event_is_sold_out_by_its_own_capacity_until_a_hold_runs_out(anonymous, event, make_type, book, pass_time):
    seat = make_type(event=event)
    book((seat, 10))
    assert_off_sale(anonymous, event, "sold_out")
    pass_time(minutes=16)
    assert_on_sale(anonymous, event)
    book((seat, 10)).confirm()
    pass_time(minutes=16)
    assert_off_sale(anonymous, event, "sold_out")


def test_event_is_sold_out_when_all_its_open_types_are(anonymous, event, make_type, book, pass_time):
    seat = make_type(event=event, capacity=2)
    book((seat, 2))
    assert_off_sale(anonymous, event, "sold_out")
    make_type(event=event, name="Later", sales_start_at=timezone.now() + dt.timedelta(days=1))
    assert_off_sale(anonymous, event, "sold_out")
    other = make_type(event=event, name="Other", capacity=1)
    assert_on_sale(anonymous, event)
    book((other, 1))
    assert_off_sale(anonymous, event, "sold_out")
    pass_time(minutes=16)
    assert_on_sale(anonymous, event)


def test_availability_counts_live_places(anonymous, event, make_type, book, pass_time):
    seat = make_type(event=event)
    book((seat, 3)).confirm()
    book((seat, 2))
    book((seat, 1)).cancel()
    read = lambda: anonymous.get(f"/events/{event.pk}").json()["availability"]  # noqa: E731
    assert read() == {"capacity": 10, "reserved": 5, "available": 5}
    pass_time(minutes=16)
    assert read() == {"capacity": 10, "reserved": 3, "available": 7}


@pytest.fixture
def season(make_event, make_venue, pass_time):
    """One that is over, one that is on, one that is to come and one that is cancelled; made in the order of letters."""
    hall, barn = make_venue(name="Old Hall"), make_venue(name="Barn")
    now = timezone.now()
    start = {"Circus": -48, "Anthem": -1, "Dance": 24, "Ballet": 48}
    for name in sorted(start):
        venue = hall if name in ("Anthem", "Ballet") else barn
        starts_at = now + dt.timedelta(hours=start[name])
        make_event(name=name, venue=venue, starts_at=starts_at, is_published=False)
    Event.objects.update(status="published", published_at=now)
    Event.objects.get(name="Dance").cancel(at=now)
    return {"hall": hall.pk, "barn": barn.pk, "tomorrow": Event.objects.get(name="Dance").starts_at.isoformat()}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "CADB"),
        ("venue={hall}", "AB"),
        ("venue={barn}", "CD"),
        ("venue=4242", ""),
        ("status=published", "CAB"),
        ("status=cancelled", "D"),
        ("starts_after={tomorrow}", "DB"),
        ("starts_before={tomorrow}", "CA"),
        ("starts_after=2000-01-01T00:00:00Z", "CADB"),
        ("starts_after=2090-01-01T00:00:00%2B02:00", ""),
        ("starts_before=2090-01-01T00:00:00-02:00", "CADB"),
        ("upcoming=true", "ADB"),
        ("upcoming=false", "C"),
        ("search=dance", "D"),
        ("search=HALL", "AB"),
        ("search=barn+circus", "C"),
        ("search=barn+hall", ""),
        ("available=true", ""),
        ("available=false", "CADB"),
        ("ordering=name", "ABCD"),
        ("ordering=-name", "DCBA"),
        ("ordering=starts_at", "CADB"),
        ("ordering=-starts_at", "BDAC"),
        ("ordering=created_at", "ABCD"),
        ("ordering=-created_at", "DCBA"),
        ("venue={hall}&upcoming=true&status=published&ordering=-starts_at&search=a", "BA"),
    ],
)
def test_list_filters_and_orders(query, found, season, anonymous):
    answer = anonymous.get(f"/events?{query.format(**season)}")
    assert "".join(name[0] for name in names(answer)) == found
    assert answer.json()["count"] == len(found)


@pytest.mark.parametrize(
    "query",
    [
        "venue=",
        "venue=abc",
        "venue=-1",
        "status=",
        "status=sold",
        "status=DRAFT",
        "starts_after=",
        "starts_after=2027-01-01",
        "starts_after=2027-01-01T00:00:00",
        "starts_before=1999-12-31T00:00:00Z",
        "starts_before=%00",
        "upcoming=",
        "upcoming=yes",
        "available=1",
        "search=%1f",
    ],
)
def test_filter_that_cannot_be_read_is_400_and_named(query, anonymous, db):
    answer = anonymous.get(f"/events?{query}")
    assert refused(answer, 400, "invalid-input")
    assert [name for name, _ in errors_in(answer)] == [query.split("=")[0]]
