"""The calendar of the back office."""

import datetime as dt

import pytest
from django.utils import timezone

from config.access.roles import Role
from config.tests.harness.pages import messages_of, staff, url
from events.admin import calendar
from events.models import Event


def see(browser=None, **query):
    return (browser or staff()).get(url(Event, "calendar"), query)


def by_day(page):
    """The names of the events that each day shows, without the days that show none."""
    days = (day for week in page.context["weeks"] for day in week)
    return {
        day["date"].isoformat(): [entry["event"].name for entry in [*day["entries"], *day["more"]]]
        for day in days
        if day["entries"]
    }


def utc(text):
    return dt.datetime.fromisoformat(f"{text}+00:00")


def test_events_stand_on_the_day_that_it_is_at_their_venue(make_event, make_venue):
    auckland, honolulu = (make_venue(timezone=zone) for zone in ("Pacific/Auckland", "Pacific/Honolulu"))
    make_event(name="New Year", venue=auckland, starts_at=utc("2029-12-31T11:30"))
    make_event(name="Old Year", venue=honolulu, starts_at=utc("2030-01-01T09:30"))
    make_event(name="Later", venue=auckland, starts_at=utc("2030-01-31T11:00"))
    browser = staff(Role.DOOR)
    assert by_day(see(browser, month="2030-01")) == {"2030-01-01": ["New Year"]}
    assert by_day(see(browser, month="2029-12")) == {"2029-12-31": ["Old Year"]}
    assert by_day(see(browser, month="2030-02")) == {"2030-02-01": ["Later"]}
    assert '<span class="time">00:30</span> New Year' in see(browser, month="2030-01").content.decode()


def test_events_of_a_day_stand_in_the_order_of_their_clocks(make_event, make_venue):
    tokyo, vienna = make_venue(timezone="Asia/Tokyo"), make_venue(timezone="Europe/Vienna")
    make_event(name="Night", venue=tokyo, starts_at=utc("2030-05-10T12:00"))
    make_event(name="Noon", venue=vienna, starts_at=utc("2030-05-10T10:00"))
    make_event(name="Evening", venue=tokyo, starts_at=utc("2030-05-10T09:00"))
    assert by_day(see(month="2030-05")) == {"2030-05-10": ["Noon", "Evening", "Night"]}


def test_calendar_tells_at_a_glance_what_is_left(make_event, make_type, book):
    at = utc("2030-05-10T18:00")
    for name, capacity in (("Full", 2), ("Half", 4), ("Free", 1000)):
        seat = make_type(event=make_event(name=name, capacity=capacity, starts_at=at))
        if capacity < 1000:
            book((seat, 2)).confirm()
    make_event(name="Draft", is_published=False, starts_at=at)
    make_event(name="Bare", starts_at=at)
    make_event(name="Gone", starts_at=at).cancel(at=timezone.now())
    (day,) = (day for week in see(month="2030-05").context["weeks"] for day in week if day["entries"])
    told = {entry["event"].name: (entry["availability"], entry["kind"]) for entry in [*day["entries"], *day["more"]]}
    assert told == {
        "Full": ("sold out", "sold_out"),
        "Half": ("2 available", "on_sale"),
        "Free": ("1,000 available", "on_sale"),
        "Draft": ("draft", "not_published"),
        "Bare": ("no ticket types", "no_ticket_types"),
        "Gone": ("cancelled", "cancelled"),
    }
    assert (len(day["entries"]), len(day["more"])) == (4, 2)
    assert "2 more" in see(staff_again(), month="2030-05").content.decode()


def staff_again():
    return staff(Role.AUDITOR)


def test_months_lead_to_each_other(db):
    browser = staff()
    page = see(browser, month="2030-12")
    assert (page.context["title"], page.context["previous"], page.context["next"]) == (
        "December 2030",
        "2030-11",
        "2031-01",
    )
    text = page.content.decode()
    assert 'href="?month=2030-11" rel="prev"' in text
    assert 'href="?month=2031-01" rel="next"' in text
    assert see(browser, month="2000-01").context["previous"] is None
    assert see(browser, month="2100-12").context["next"] is None


@pytest.mark.parametrize("text", ["", "x", "2030-13", "1999-12", "2101-01", "2030", "0000-00", "99999-01"])
def test_month_that_is_none_is_this_one(db, text):
    page = see(month=text)
    assert page.context["month"] == f"{timezone.now():%Y-%m}"
    assert page.context["is_this_month"]


def test_calendar_of_one_venue_keeps_it_from_month_to_month(make_event, make_venue):
    here, there = make_venue(), make_venue(name="Barn")
    at = utc("2030-05-10T18:00")
    make_event(name="Here", venue=here, starts_at=at)
    make_event(name="There", venue=there, starts_at=at)
    browser = staff()
    page = see(browser, month="2030-05", venue=there.pk)
    assert by_day(page) == {"2030-05-10": ["There"]}
    assert f'href="?month=2030-06&amp;venue={there.pk}"' in page.content.decode()
    assert f'<option value="{there.pk}" selected>Barn</option>' in page.content.decode()
    assert len(by_day(see(browser, month="2030-05", venue="x"))["2030-05-10"]) == 2


def test_month_of_too_many_events_says_so(make_event, monkeypatch):
    monkeypatch.setattr(calendar, "MAX_EVENTS", 2)
    for _ in range(3):
        make_event(starts_at=utc("2030-05-10T18:00"))
    assert "There are more events in this month" in see(month="2030-05").content.decode()


def test_calendar_takes_as_many_queries_for_three_events_as_for_one(make_event, django_assert_num_queries):
    browser = staff()
    for _ in range(2):
        make_event(starts_at=utc("2030-05-10T18:00"))
        with django_assert_num_queries(5):
            see(browser, month="2030-05")


def test_calendar_is_for_whom_may_see_events(db, django_user_model):
    from django.test import Client

    browser = Client()
    browser.force_login(django_user_model.objects.create(username="temp", is_staff=True))
    assert see(browser).status_code == 403
    assert Client().get(url(Event, "calendar")).status_code == 302


@pytest.mark.parametrize("month", ["2026-13", "abc", "1999-12", "2101-01"])
def test_calendar_says_that_there_is_no_such_month(db, month):
    page = see(month=month)
    said = f"“{month}” is not a month: enter one such as 2026-12. The current month is shown."
    assert (messages_of(page), page.context["is_this_month"]) == ([("error", said)], True)


@pytest.mark.parametrize("venue", ["999", "x"])
def test_calendar_says_that_there_is_no_such_venue(db, venue):
    page = see(venue=venue)
    assert messages_of(page) == [("error", f"There is no venue “{venue}”. The events of all venues are shown.")]
    assert messages_of(see(staff(Role.MANAGER), venue="", month="")) == []
