"""Events for calendars, read back by a real parser."""

import datetime as dt

import pytest
from django.utils import timezone
from icalendar import Calendar

from config.tests.harness.answers import errors_in, refused
from events.calendar import render

COPIED = ("venue_id", "name", "status", "published_at", "currency", "capacity")
STARTS_AT = dt.datetime(2030, 6, 12, 19, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))


def entries(answer):
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    found = Calendar.from_ical(answer.content)
    assert found.errors == []
    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT1H" in answer.content
    assert (found["VERSION"], found.calendar_name) == ("2.0", "Ticket Booking System")
    return found.events


@pytest.fixture
def event(make_event, make_venue):
    venue = make_venue(name="Old Hall; the big one", address="1 Main Street, Vienna")
    return make_event(venue=venue, name="Söng, and dance\\", description="Line one\nLine two", starts_at=STARTS_AT)


def test_event_has_all_that_a_calendar_shows(anonymous, event):
    (entry,) = entries(anonymous.get(f"/events/{event.pk}.ics"))
    assert entry.errors == []
    assert (str(entry["SUMMARY"]), str(entry["DESCRIPTION"])) == ("Söng, and dance\\", "Line one\nLine two")
    assert str(entry["LOCATION"]) == "Old Hall; the big one, 1 Main Street, Vienna"
    assert (entry.start, entry.end) == (event.starts_at, event.ends_at)
    assert (entry.status, entry.sequence) == ("CONFIRMED", 1)
    assert (entry.stamp, entry.last_modified) == 2 * (event.updated_at.replace(microsecond=0),)
    assert b"DTSTART:20300612T173000Z" in anonymous.get(f"/events/{event.pk}.ics").content


def test_identity_stays_and_sequence_rises(anonymous, manager, event):
    path = f"/events/{event.pk}.ics"
    seen = [entries(anonymous.get(path))[0]]
    manager.patch(f"/events/{event.pk}", {"starts_at": "2030-06-12T18:00:00Z"})
    seen += entries(anonymous.get(path))
    manager.post(f"/events/{event.pk}/cancel", {"reason": "Rain"})
    seen += entries(anonymous.get(path))
    manager.post(f"/events/{event.pk}/cancel", {"reason": "Rain again"})
    seen += entries(anonymous.get(path))
    assert len({entry.uid for entry in seen}) == 1
    assert [entry.sequence for entry in seen] == [1, 2, 3, 3]


def test_another_address_of_the_venue_is_a_change_of_the_event(anonymous, manager, event, pass_time):
    pass_time(hours=1)
    before = entries(anonymous.get(f"/events/{event.pk}.ics"))[0]
    manager.patch(f"/venues/{event.venue_id}", {"address": "2 Side Street"})
    after = entries(anonymous.get(f"/events/{event.pk}.ics"))[0]
    assert str(after["LOCATION"]) == "Old Hall; the big one, 2 Side Street"
    assert after.last_modified > before.last_modified
    assert after.stamp == after.last_modified


def test_sale_leaves_the_calendar_as_it_is(anonymous, event, make_type, book):
    before = anonymous.get(f"/events/{event.pk}.ics")
    book((make_type(event=event), 2))
    assert anonymous.get(f"/events/{event.pk}.ics", headers={"If-None-Match": before["ETag"]}).status_code == 304


def test_cancelled_event_is_marked(anonymous, event):
    event.cancel(reason="Rain", at=timezone.now())
    (entry,) = entries(anonymous.get(f"/events/{event.pk}.ics"))
    assert (entry.status, str(entry["SUMMARY"])) == ("CANCELLED", "Cancelled: Söng, and dance\\")
    assert str(entry["DESCRIPTION"]).startswith("Rain")


def test_draft_is_for_staff_alone(anonymous, manager, make_event):
    draft = make_event(is_published=False)
    assert refused(anonymous.get(f"/events/{draft.pk}.ics"), 404, "not-found")
    assert entries(anonymous.get("/events.ics")) == []
    assert entries(manager.get(f"/events/{draft.pk}.ics"))[0].status == "TENTATIVE"


@pytest.mark.parametrize("pk", ["0", "x", "1.5", "%2e", "9" * 30])
def test_event_that_is_not_there_is_404(pk, anonymous, db):
    assert refused(anonymous.get(f"/events/{pk}.ics"), 404, "not-found")


def test_feed_has_the_filters_of_the_list(anonymous, make_event, make_venue):
    hall = make_venue(name="Hall")
    for number, venue in enumerate([hall, hall, make_venue(name="Other")]):
        make_event(name=f"E{number}", venue=venue, starts_at=STARTS_AT + dt.timedelta(days=number))

    def found(query):
        return [str(entry["SUMMARY"]) for entry in entries(anonymous.get(f"/events.ics{query}"))]

    assert found("") == ["E0", "E1", "E2"]
    assert found(f"?venue={hall.pk}&ordering=-starts_at") == ["E1", "E0"]
    assert found("?search=other") == found("?starts_after=2030-06-14T00:00:00Z") == ["E2"]
    assert found("?upcoming=false") == []
    assert found("?limit=1&skip=1") == ["E1"]
    assert 'rel="next"' in anonymous.get("/events.ics?limit=1")["Link"]


@pytest.mark.parametrize("query", ["?expand=venue", "?format=json", "?limit=10001"])
def test_feed_refuses_what_it_does_not_know(query, anonymous, db):
    answer = anonymous.get(f"/events.ics{query}")
    assert refused(answer, 400, "invalid-input")
    assert len(errors_in(answer)) == 1


@pytest.mark.parametrize("rows", [1, 3])
def test_feed_has_the_same_queries_for_1_and_3_rows(rows, anonymous, make_event, django_assert_num_queries):
    for number in range(3):
        make_event(name=f"E{number}")
    with django_assert_num_queries(1 + (rows < 3)):  # where more events follow, they are counted
        assert len(entries(anonymous.get(f"/events.ics?limit={rows}"))) == rows


def test_calendar_is_only_a_calendar(anonymous, event):
    assert entries(anonymous.get("/events.ics", HTTP_ACCEPT="application/json"))
    assert refused(anonymous.post("/events.ics", {}), 405, "method-not-allowed")


def test_event_is_rendered_once_until_it_changes(anonymous, event, make_event):
    make_event(venue=event.venue, starts_at=event.starts_at)
    render.cache_clear()
    first = anonymous.get("/events.ics")
    assert anonymous.get("/events.ics?limit=2").content == first.content
    assert anonymous.get(f"/events/{event.pk}.ics").status_code == 200
    assert render.cache_info().misses == 2
    event.revise(name="New")
    assert b"SUMMARY:New" in anonymous.get("/events.ics").content
    assert render.cache_info().misses == 3
    again = anonymous.get("/events.ics", headers={"If-None-Match": anonymous.get("/events.ics")["ETag"]})
    assert again.status_code == 304
    assert render.cache_info().misses == 3


def test_feed_begins_with_what_is_to_come(anonymous, make_event, make_venue, pass_time):
    venue = make_venue()
    make_event(name="Past", venue=venue, starts_at=timezone.now() + dt.timedelta(minutes=1))
    pass_time(days=1)
    make_event(name="To come", venue=venue)

    def found(query):
        return [str(entry["SUMMARY"]) for entry in entries(anonymous.get(f"/events.ics{query}"))]

    assert found("") == found("?upcoming=true") == ["To come"]
    assert found("?upcoming=false") == ["Past"]
    assert found("?starts_after=2000-01-01T00:00:00Z") == ["Past", "To come"]


def test_feed_has_every_event_to_come(anonymous, make_event, make_venue):
    event = make_event(venue=make_venue())
    days = range(1, 1_005)
    copies = [type(event)(**{name: getattr(event, name) for name in COPIED}) for _ in days]
    for copy, day in zip(copies, days, strict=True):
        copy.starts_at, copy.ends_at = (at + dt.timedelta(days=day) for at in (event.starts_at, event.ends_at))
    type(event).objects.bulk_create(copies)
    answer = anonymous.get("/events.ics")
    assert len(entries(answer)) == 1_005
    assert "Link" not in answer
