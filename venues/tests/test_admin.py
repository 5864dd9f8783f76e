import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from config.history.models import Change
from config.tests.harness.pages import act, faults_of, form_on, messages_of, open_form, send_form, staff, url
from events.models import Event
from venues.models import Venue

STARTS_AT = dt.datetime(2030, 1, 7, 22, 0, tzinfo=dt.UTC)  # 23:00 in Vienna, the next day 07:00 in Tokyo
HALL = {"name": "Old Hall", "address": "1 Main Street", "capacity": "1000", "timezone": "Europe/Vienna"}


def test_venue_can_be_added(db):
    browser = staff()
    browser.post(url(Venue, "add"), {**form_on(browser.get(url(Venue, "add")), Venue), **HALL})
    assert list(Venue.objects.values(*HALL)) == [{**HALL, "capacity": 1000}]


def test_venue_name_that_cannot_be_seen_is_refused(db):
    answer = staff().post(url(Venue, "add"), {**HALL, "name": "\u200b"})
    assert faults_of(answer) == {"name": ["This field is required."]}
    assert Venue.objects.count() == 0


def test_venue_keeps_what_somebody_else_changed_meanwhile(make_venue):
    browser, venue = staff(), make_venue()
    form = open_form(browser, venue)
    Venue.objects.get().revise(name="Great Hall", capacity=2000)
    send_form(browser, venue, form, address="2 Main Street")
    venue.refresh_from_db()
    assert (venue.name, venue.address, venue.capacity) == ("Great Hall", "2 Main Street", 2000)


def test_venue_cannot_shrink_below_an_event_planned_meanwhile(make_venue, make_event):
    browser, venue = staff(), make_venue()
    form = open_form(browser, venue)
    make_event(venue=venue, capacity=800)
    answer = send_form(browser, venue, form, capacity="700", name="Small Hall")
    assert answer.status_code == 200
    refusal = "The event “Concert” has a capacity of 800."
    assert messages_of(answer) == [("error", refusal)]
    assert faults_of(answer) == {"capacity": [refusal]}
    assert form_on(answer, venue)["name"] == "Small Hall"
    venue.refresh_from_db()
    assert (venue.name, venue.capacity) == ("Old Hall", 1000)


def test_venue_without_bookings_is_deleted_with_its_events(make_event, make_type):
    event = make_type().event
    browser = staff()
    browser.post(url(Venue, "delete", event.venue.pk), {"post": "yes"})
    assert (Venue.objects.count(), Event.objects.count()) == (0, 0)


def test_delete_page_of_a_booked_venue_counts_its_bookings(book):
    venue = book().event.venue
    page = staff().get(url(Venue, "delete", venue.pk))
    assert page.context["protected"] == ["Old Hall: 1 booking"]


def test_deleting_a_booked_venue_is_refused_in_words(book):
    venue = book().event.venue
    answer = staff().post(url(Venue, "delete", venue.pk), {"post": "yes"}, follow=True)
    assert messages_of(answer) == [("error", "Not deleted: 1 booking refers to it.")]
    assert Venue.objects.count() == 1


def test_selected_venues_are_deleted_but_the_booked_one(book, make_venue):
    booked = book().event.venue
    empty = make_venue(name="New Hall")
    answer = act(staff(), "delete_selected", booked, empty, post="yes")
    assert messages_of(answer) == [
        ("success", "Deleted: 1 venue."),
        ("error", "Old Hall: 1 booking refers to it."),
    ]
    assert list(Venue.objects.all()) == [booked]


def test_deletion_of_selected_venues_asks_first(make_venue):
    page = act(staff(), "delete_selected", make_venue())
    assert page.context["title"] == "Delete multiple objects"
    assert Venue.objects.count() == 1


def question_on(answer):
    widget = answer.context["adminform"].form.fields["timezone"].widget
    return widget.question, [(value, examples) for value, _label, examples, _is_chosen in widget.meanings]


def times_of(*objects):
    for obj in objects:
        obj.refresh_from_db()
    return [obj.starts_at for obj in objects]


def test_autocomplete_gives_the_zone_for_the_script_of_the_times(make_venue):
    venue, browser = make_venue(timezone="Asia/Tokyo"), staff()
    query = {"app_label": "events", "model_name": "event", "field_name": "venue", "term": "hall"}
    answer = browser.get(reverse("admin:autocomplete"), query)
    assert answer.json()["results"] == [{"id": str(venue.pk), "text": "Old Hall", "timezone": "Asia/Tokyo"}]
    page = browser.get(url(Event, "add")).content.decode()
    assert "pages/zone.js" in page
    unknown = '<span class="zone" id="zone_of_ends_at" data-unknown="local time at the venue">local time at the venue<'
    assert unknown in page


def test_zone_of_a_venue_with_events_to_come_is_asked_about(make_event, make_venue):
    venue = make_venue()
    make_event(venue=venue, starts_at=STARTS_AT)
    make_event(venue=venue, starts_at=timezone.now() - dt.timedelta(days=9), is_published=False)
    browser = staff()
    answer = send_form(browser, venue, open_form(browser, venue), timezone="Asia/Tokyo", name="New Hall")
    assert faults_of(answer) == {"timezone": ["Choose below what happens to the upcoming events."]}
    assert question_on(answer) == (
        "This venue has 1 upcoming event. What happens to it?",
        [
            ("instants", ["Concert: Mon 07 Jan 2030, 23:00 CET → Tue 08 Jan 2030, 07:00 JST"]),
            ("clocks", ["Concert: Mon 07 Jan 2030, 23:00 CET → Mon 07 Jan 2030, 23:00 JST"]),
        ],
    )
    assert 'name="timezone_means" value="clocks"' in answer.content.decode()
    venue.refresh_from_db()
    assert (venue.name, venue.timezone) == ("Old Hall", "Europe/Vienna")


@pytest.mark.parametrize(
    ("means", "starts_at", "moved"),
    [
        ("instants", STARTS_AT, []),
        ("clocks", STARTS_AT - dt.timedelta(hours=8), ["ticket_types.tickettype", "events.event"]),
    ],
)
def test_zone_of_a_venue_is_changed_as_was_meant(make_event, make_venue, make_type, means, starts_at, moved):
    venue = make_venue()
    over = make_event(venue=venue, starts_at=timezone.now() - dt.timedelta(days=9), is_published=False)
    event, before = make_event(venue=venue, starts_at=STARTS_AT), over.starts_at
    sale = make_type(event=event, sales_end_at=STARTS_AT)
    written = Change.objects.count()
    browser = staff()
    form = open_form(browser, venue)
    answer = send_form(browser, venue, form, timezone="Asia/Tokyo", timezone_means=means, address="2 Main Street")
    venue.refresh_from_db()
    sale.refresh_from_db()
    assert (venue.timezone, venue.address) == ("Asia/Tokyo", "2 Main Street")
    assert times_of(event, over) == [starts_at, before]
    assert (event.ends_at, sale.sales_end_at) == (starts_at + dt.timedelta(hours=3), starts_at)
    added = Change.objects.order_by("id")[written:]
    assert [(it.kind, it.by_name) for it in added] == [(kind, "staff-root") for kind in ["venues.venue", *moved]]
    said = "1 event was moved: it starts at the same local time in Asia/Tokyo."
    assert (("warning", said) in messages_of(answer)) == (means == "clocks")


def test_clocks_cannot_stay_at_a_time_that_the_new_zone_skips(make_event, make_venue):
    venue = make_venue(timezone="Asia/Tokyo")
    event = make_event(venue=venue, starts_at=STARTS_AT)
    late = make_event(venue=venue, name="Late", starts_at=dt.datetime(2030, 3, 30, 17, 30, tzinfo=dt.UTC))
    before = times_of(event, late)
    browser = staff()
    form = open_form(browser, venue)
    answer = send_form(browser, venue, form, timezone="Europe/Vienna", timezone_means="clocks")
    refusal = (
        "“Late” cannot stay at Sun 31 Mar 2030, 02:30: that time does not exist in Europe/Vienna. "
        "Change its times first."
    )
    assert faults_of(answer) == {"timezone": [refusal]}
    venue.refresh_from_db()
    assert (venue.timezone, times_of(event, late)) == ("Asia/Tokyo", before)
    assert not Change.objects.filter(verb="change").exists()


def test_zone_whose_clocks_show_the_same_is_changed_without_a_question(make_event, make_venue):
    venue = make_venue()
    make_event(venue=venue, starts_at=STARTS_AT)
    browser = staff()
    send_form(browser, venue, open_form(browser, venue), timezone="Europe/Berlin")
    venue.refresh_from_db()
    assert venue.timezone == "Europe/Berlin"
