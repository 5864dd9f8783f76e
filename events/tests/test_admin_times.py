"""Times on the event's page: those of the venue's clocks, also on the days on which these are changed."""

import datetime as dt

import pytest

from config.tests.harness.pages import faults_of, form_on, messages_of, open_form, send_form, staff, url
from events.models import Event

SPRING, AUTUMN = "2030-03-31", "2030-10-27"  # in Vienna: no 02:00 to 03:00 on the one, and it twice on the other


def utc(day, time):
    return dt.datetime.fromisoformat(f"{day}T{time}:00+00:00")


def add(browser, venue, **typed):
    form = form_on(browser.get(url(Event, "add")), Event)
    return browser.post(url(Event, "add"), {**form, "venue": venue.pk, "name": "Concert", **typed}, follow=True)


def readings_of(answer, name):
    field = answer.context["adminform"].form[name]
    return field.field.widget.get_context(name, field.value(), {})["readings"]


def test_event_page_takes_and_shows_the_venues_time(make_event):
    event = make_event(starts_at=utc("2030-12-24", "18:30"))
    browser = staff()
    form = open_form(browser, event)
    assert form["starts_at"] == "2030-12-24T19:30"
    assert "Europe/Vienna" in browser.get(url(Event, "change", event.pk)).content.decode()
    send_form(browser, event, form, starts_at="2030-12-24T20:15")
    event.refresh_from_db()
    assert event.starts_at == utc("2030-12-24", "19:15")


def test_times_of_a_new_event_are_those_of_the_venue_that_is_chosen(make_venue):
    add(staff(), make_venue(timezone="Asia/Tokyo"), starts_at="2030-12-24T19:30", ends_at="2030-12-24T22:00")
    assert Event.objects.get().starts_at == utc("2030-12-24", "10:30")


def test_times_without_a_venue_wait_for_it(db):
    browser = staff()
    form = form_on(browser.get(url(Event, "add")), Event)
    typed = {"name": "Concert", "starts_at": "2030-12-24T19:30", "ends_at": "2030-12-24T22:00"}
    answer = browser.post(url(Event, "add"), {**form, **typed})
    assert faults_of(answer) == {"venue": ["This field is required."]}
    assert form_on(answer, Event)["starts_at"] == "2030-12-24T19:30"
    assert Event.objects.count() == 0


def test_time_that_the_clocks_skip_is_asked_about(make_venue):
    answer = add(staff(), make_venue(), starts_at=f"{SPRING}T02:30", ends_at=f"{SPRING}T05:00")
    question = (
        "Sun 31 Mar 2030, 02:30 does not exist in Europe/Vienna, because the clocks go forward. "
        "Did you mean 01:30 or 03:30?"
    )
    assert faults_of(answer) == {"starts_at": [question]}
    assert readings_of(answer, "starts_at") == []
    assert Event.objects.count() == 0


@pytest.mark.parametrize(("offset", "expected"), [("+02:00", "00:30"), ("+01:00", "01:30")])
def test_time_that_the_clocks_show_twice_is_asked_about_and_then_taken(make_venue, offset, expected):
    browser, venue = staff(), make_venue()
    times = {"starts_at": f"{AUTUMN}T02:30", "ends_at": f"{AUTUMN}T05:00"}
    answer = add(browser, venue, **times)
    question = (
        "Sun 27 Oct 2030, 02:30 occurs twice in Europe/Vienna, because the clocks go back. Choose one of the two below."
    )
    assert faults_of(answer) == {"starts_at": [question]}
    assert readings_of(answer, "starts_at") == [
        ("+02:00", "02:30 (CEST, UTC+02:00)", False),
        ("+01:00", "02:30 (CET, UTC+01:00)", False),
    ]
    assert Event.objects.count() == 0
    add(browser, venue, **times, starts_at_offset=offset)
    event = Event.objects.get()
    assert event.starts_at == utc(AUTUMN, expected)


@pytest.mark.parametrize("time", ["00:30", "01:30"])
def test_event_in_the_hour_that_comes_twice_stays_in_its_own(make_event, time):
    event = make_event(starts_at=utc(AUTUMN, time))
    browser = staff()
    answer = browser.get(url(Event, "change", event.pk))
    chosen = [offset for offset, _, is_chosen in readings_of(answer, "starts_at") if is_chosen]
    assert chosen == ["+02:00" if time == "00:30" else "+01:00"]
    form = {**form_on(answer, Event), "starts_at_offset": chosen[0]}
    send_form(browser, event, form, name="Gala")
    event.refresh_from_db()
    assert (event.name, event.starts_at) == ("Gala", utc(AUTUMN, time))
    send_form(browser, event, form, starts_at_offset="+01:00")
    event.refresh_from_db()
    assert event.starts_at == utc(AUTUMN, "01:30")


def test_offset_that_a_place_does_not_have_then_is_asked_about(make_venue):
    answer = add(
        staff(),
        make_venue(),
        starts_at=f"{AUTUMN}T02:30",
        starts_at_offset="+05:00",
        ends_at=f"{AUTUMN}T05:00",
    )
    assert list(faults_of(answer)) == ["starts_at"]
    assert Event.objects.count() == 0


def test_event_that_moves_to_another_zone_starts_when_the_clocks_there_show_the_same(make_event, make_venue):
    event = make_event(starts_at=utc("2030-12-24", "18:30"))
    london = make_venue(name="Hall of London", timezone="Europe/London")
    browser = staff()
    answer = send_form(browser, event, open_form(browser, event), venue=london.pk)
    event.refresh_from_db()
    assert (event.venue, event.starts_at) == (london, utc("2030-12-24", "19:30"))
    assert messages_of(answer)[0] == (
        "warning",
        "The times are local times of the new venue: Tue 24 Dec 2030, 19:30 to 22:30 Europe/London.",
    )


def test_event_that_moves_within_a_zone_keeps_its_time(make_event, make_venue):
    event = make_event(starts_at=utc("2030-12-24", "18:30"))
    hall = make_venue(name="New Hall")
    browser = staff()
    answer = send_form(browser, event, open_form(browser, event), venue=hall.pk)
    event.refresh_from_db()
    assert (event.venue, event.starts_at) == (hall, utc("2030-12-24", "18:30"))
    assert [level for level, _ in messages_of(answer)] == ["success"]


def test_time_to_the_second_is_kept_when_it_is_not_changed(make_event):
    event = make_event(starts_at=dt.datetime(2030, 12, 24, 18, 30, 15, 250, tzinfo=dt.UTC))
    browser = staff()
    form = open_form(browser, event)
    assert form["starts_at"] == "2030-12-24T19:30:15"
    send_form(browser, event, form, name="Gala")
    event.refresh_from_db()
    assert event.starts_at == dt.datetime(2030, 12, 24, 18, 30, 15, 250, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "typed", ["tomorrow", "2030-13-01T10:00", "0001-01-01T00:00", "9999-12-31T23:59", "2030-12-24", "2030-12-24T25:00"]
)
def test_time_that_is_none_is_refused(make_venue, typed):
    answer = add(staff(), make_venue(), starts_at=typed, ends_at="2030-12-24T22:00")
    assert faults_of(answer) == {"starts_at": ["Enter a date and a time, such as 2026-12-24 19:30."]}
    assert Event.objects.count() == 0
