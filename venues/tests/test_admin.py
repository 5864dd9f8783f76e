from config.tests.pages import act, faults_of, form_on, messages_of, open_form, send_form, staff, url
from events.models import Event
from venues.models import Venue

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
