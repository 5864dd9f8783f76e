import datetime as dt

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from config.access.roles import Role
from config.backoffice.formats import event_label
from config.tests.harness.pages import act, faults_of, form_on, messages_of, open_form, send_form, staff, url
from events.models import Event


def add_form(browser, venue, **typed):
    day = {"starts_at": "2030-12-24T19:30", "ends_at": "2030-12-24T22:00"}
    return {**form_on(browser.get(url(Event, "add")), Event), "venue": venue.pk, "name": "Concert", **day, **typed}


def test_event_is_planned_as_a_draft_with_the_venues_capacity(make_venue):
    browser = staff()
    browser.post(url(Event, "add"), add_form(browser, make_venue(capacity=321)))
    event = Event.objects.get()
    assert (event.name, event.status, event.capacity, event.currency) == ("Concert", "draft", 321, "EUR")
    assert event.starts_at == dt.datetime(2030, 12, 24, 18, 30, tzinfo=dt.UTC)


def test_event_larger_than_its_venue_is_refused_at_the_field(make_venue):
    browser = staff()
    answer = browser.post(url(Event, "add"), add_form(browser, make_venue(capacity=10), capacity="11"))
    assert faults_of(answer) == {"capacity": ["“Old Hall” has a capacity of 10."]}
    assert Event.objects.count() == 0


def test_saving_an_event_keeps_what_was_booked_since_its_page_was_opened(make_type, book):
    seat = make_type(capacity=50)
    browser, event = staff(), seat.event
    form = open_form(browser, event)
    book((seat, 4))
    answer = send_form(browser, event, form, name="Gala", capacity="90")
    assert [level for level, _ in messages_of(answer)] == ["success"]
    event.refresh_from_db()
    assert (event.name, event.capacity, event.reserved) == ("Gala", 90, 4)


def test_saving_an_event_untouched_changes_nothing(make_event):
    browser, event = staff(), make_event(description="One\n\ntwo")
    stored = Event.objects.values().get()
    send_form(browser, event, open_form(browser, event))
    assert Event.objects.values().get() == stored


def test_refused_capacity_lets_the_holds_that_ran_out_go_all_the_same(make_type, book):
    """Each step commits by itself: in one transaction around the page, the first would hold its locks to the end."""
    seat = make_type()
    book((seat, 4))
    ran_out = book((seat, 4), hold=dt.timedelta(microseconds=1))
    browser, event = staff(), seat.event
    send_form(browser, event, open_form(browser, event), capacity="3")
    event.refresh_from_db()
    ran_out.refresh_from_db()
    assert (event.capacity, event.reserved, ran_out.status) == (100, 4, "expired")


def test_event_cannot_shrink_below_what_was_booked_meanwhile(make_type, book):
    seat = make_type()
    browser, event = staff(), seat.event
    form = open_form(browser, event)
    book((seat, 4))
    answer = send_form(browser, event, form, capacity="3")
    assert answer.status_code == 200
    assert faults_of(answer) == {"capacity": ["More places than that are reserved."]}
    event.refresh_from_db()
    assert (event.capacity, event.reserved) == (100, 4)


def test_event_that_vanished_meanwhile_is_said_to_be_gone(make_event):
    browser, event = staff(), make_event()
    form = open_form(browser, event)
    Event.objects.get().remove()
    answer = send_form(browser, event, form, name="Gala")
    assert [level for level, _ in messages_of(answer)] == ["warning"]


def test_event_in_the_wrong_order_is_refused(make_event):
    browser, event = staff(), make_event()
    answer = send_form(browser, event, open_form(browser, event), ends_at="2020-01-01T10:00")
    assert faults_of(answer) == {"__all__": ["An event must end after it starts."]}


@pytest.mark.parametrize("role", [Role.BOX_OFFICE, Role.DOOR, Role.AUDITOR])
def test_event_is_changed_by_nobody_who_may_only_look(make_event, role):
    browser, event = staff(role), make_event()
    assert browser.post(url(Event, "change", event.pk), {"name": "Gala"}).status_code == 403
    for action in ("publish", "cancel", "delete_selected"):
        act(browser, action, event, confirmed="yes", reason="No", post="yes")
    assert list(Event.objects.values_list("name", "status")) == [("Concert", "published")]


def test_publish_puts_drafts_on_sale_at_once_and_refuses_the_past(make_event, make_type):
    draft = make_type(event=make_event(is_published=False)).event
    past = make_event(is_published=False, name="Past", starts_at=dt.datetime(2026, 5, 1, 17, 30, tzinfo=dt.UTC))
    answer = act(staff(Role.MANAGER), "publish", draft, past)
    refusal = "Only an event that starts in the future can be published."
    assert sorted(messages_of(answer)) == [
        ("error", f"Past, Fri 01 May 2026, 19:30 Europe/Vienna: {refusal}"),
        ("success", "Published: 1 event."),
    ]
    assert dict(Event.objects.values_list("name", "status")) == {"Concert": "published", "Past": "draft"}


@pytest.mark.parametrize(
    ("window", "lack"),
    [
        (None, "it has no ticket types, so it cannot be booked."),
        ({"sales_start_at": 1}, "none of its ticket types is on sale yet."),
        ({"sales_end_at": -1}, "the sale of all its ticket types has ended."),
    ],
)
def test_publish_asks_only_about_a_draft_of_which_nothing_is_on_sale(make_event, make_type, window, lack):
    odd = make_event(is_published=False, name="Odd")
    if window is not None:
        make_type(event=odd, **{name: timezone.now() + days * dt.timedelta(days=1) for name, days in window.items()})
    good = make_type(event=make_event(is_published=False, name="Good")).event
    browser = staff(Role.MANAGER)
    page = act(browser, "publish", odd, good)
    assert [line.partition("Old Hall: ")[2] for line in page.context["lines"]] == [lack]
    assert page.context["lines"][0].startswith("Odd, ")
    assert set(Event.objects.values_list("status", flat=True)) == {"draft"}
    answer = act(browser, "publish", odd, good, confirmed="yes")
    assert messages_of(answer) == [("success", "Published: 2 events.")]
    assert set(Event.objects.values_list("status", flat=True)) == {"published"}


def test_publish_passes_over_what_is_published_and_says_so(make_event):
    event = make_event(starts_at=dt.datetime(2030, 12, 24, 18, 30, tzinfo=dt.UTC))
    answer = act(staff(Role.MANAGER), "publish", event)
    name = "Concert, Tue 24 Dec 2030, 19:30 Europe/Vienna"
    assert messages_of(answer) == [("warning", f"{name}: skipped, because it is already published.")]
    assert LogEntry.objects.count() == 0


def test_cancel_asks_first_and_says_what_it_touches(make_type, book):
    seat = make_type()
    book((seat, 4))
    page = act(staff(Role.MANAGER), "cancel", seat.event)
    assert page.templates[0].name == "admin/confirm.html"
    assert "1 live booking will be cancelled, 4 places become available." in page.content.decode()
    assert Event.objects.get().status == "published"


def test_cancel_needs_a_reason(make_event):
    page = act(staff(), "cancel", make_event(), confirmed="yes", reason=" ")
    assert page.context["form"].errors == {"reason": ["Enter a reason: customers see it on their bookings."]}
    assert Event.objects.get().status == "published"


def test_cancel_cancels_the_bookings_in_the_name_of_who_did_it(make_type, book):
    seat = make_type()
    booking = book((seat, 4))
    answer = act(staff(Role.MANAGER), "cancel", seat.event, confirmed="yes", reason="The singer is ill")
    assert messages_of(answer) == [
        ("success", "Cancelled: 1 event."),
        ("warning", "1 booking was cancelled; 0 refunds are due."),
    ]
    event = Event.objects.get()
    assert (event.status, event.cancel_reason, event.reserved) == ("cancelled", "The singer is ill", 0)
    booking.refresh_from_db()
    assert (booking.status, booking.cancel_reason) == ("cancelled", "The singer is ill")
    assert booking.changes.last().by_name == "staff-manager"
    assert LogEntry.objects.get().get_change_message() == "Cancelled."


def test_cancel_says_how_many_bookings_went_and_payments_are_to_be_paid_back(make_venue, make_event, make_type, book):
    day = dt.datetime(2030, 12, 24, 18, 30, tzinfo=dt.UTC)
    seats = [make_type(event=make_event(venue=make_venue(name=f"Hall {number}"), starts_at=day)) for number in range(3)]
    for seat, references in zip(seats, (["a", "b"], [""], []), strict=True):
        for reference in references:
            made = book((seat, 1), customer_email=f"{reference}@example.com")
            made.confirm(payment_reference=reference) if reference else made
    book((seats[0], 1)).cancel()  # of its own, before
    events = [seat.event for seat in seats]
    browser = staff(Role.MANAGER)
    asked = act(browser, "cancel", *events)
    name = "Concert, Tue 24 Dec 2030, 19:30 Europe/Vienna, Hall"
    for number, line in enumerate(sorted(asked.context["lines"])):
        assert line.startswith(f"{name} {number}: ")
    answer = act(browser, "cancel", *events, confirmed="yes", reason="The singer is ill")
    assert messages_of(answer) == [
        ("success", "Cancelled: 3 events."),
        ("warning", "3 bookings were cancelled; 2 refunds are due."),
    ]


def test_cancel_of_an_event_without_bookings_says_no_more(make_event):
    answer = act(staff(Role.MANAGER), "cancel", make_event(), confirmed="yes", reason="The singer is ill")
    assert messages_of(answer) == [("success", "Cancelled: 1 event.")]


def test_button_on_the_page_leads_back_to_it(make_event, make_type):
    draft = make_type(event=make_event(is_published=False)).event
    answer = act(staff(), "publish", draft, from_page="yes")
    assert answer.redirect_chain == [(url(Event, "change", draft.pk), 302)]


def test_page_offers_the_actions_that_make_sense(make_event):
    browser, draft = staff(), make_event(is_published=False)
    page = browser.get(url(Event, "change", draft.pk))
    always = ("clone", "Copy…")
    moves = [("reschedule", "Reschedule…"), always]
    assert page.context["page_actions"] == [("publish", "Publish"), *moves, ("cancel", "Cancel…")]
    draft.publish(at=timezone.now())
    names = [name for name, _ in browser.get(url(Event, "change", draft.pk)).context["page_actions"]]
    assert names == ["pause_sales", "postpone", "reschedule", "clone", "unpublish", "cancel"]
    draft.cancel(at=timezone.now())
    assert browser.get(url(Event, "change", draft.pk)).context["page_actions"] == [always]


def test_deleting_a_booked_event_is_refused_in_words(book):
    event = book().event
    browser = staff(Role.MANAGER)
    answer = browser.post(url(Event, "delete", event.pk), {"post": "yes"}, follow=True)
    assert messages_of(answer) == [("error", "Not deleted: 1 booking refers to it.")]
    answer = act(browser, "delete_selected", event, post="yes")
    assert messages_of(answer) == [("error", f"{event_label(event)}: 1 booking refers to it.")]
    assert (Event.objects.count(), LogEntry.objects.count()) == (1, 0)


def test_event_booked_after_its_delete_page_was_opened_is_kept(make_type, book):
    seat = make_type()
    browser = staff()
    assert browser.get(url(Event, "delete", seat.event.pk)).context["protected"] == []
    book((seat, 1))
    answer = browser.post(url(Event, "delete", seat.event.pk), {"post": "yes"}, follow=True)
    assert messages_of(answer) == [("error", "Not deleted: 1 booking refers to it.")]
    assert Event.objects.count() == 1


def test_list_counts_no_hold_that_ran_out(make_type, book):
    seat = make_type()
    book((seat, 4), hold=dt.timedelta(microseconds=1))
    book((seat, 3))
    rows = staff().get(url(Event, "changelist")).content.decode()
    assert "<title>0 sold, 3 held, 97 available</title>" in rows
    assert "3 / 100" in rows
    assert "On sale" in rows


def test_autocomplete_tells_performances_apart(make_event):
    event = make_event(starts_at=dt.datetime(2030, 12, 24, 18, 30, tzinfo=dt.UTC))
    query = {"app_label": "ticket_types", "model_name": "tickettype", "field_name": "event", "term": "conc"}
    answer = staff().get(reverse("admin:autocomplete"), query)
    label = "Concert, Tue 24 Dec 2030, 19:30 Europe/Vienna"
    assert answer.json()["results"] == [{"id": str(event.pk), "text": label, "timezone": "Europe/Vienna"}]


def test_list_shows_the_next_event_first_and_of_the_past_the_last(make_event):
    now, day = timezone.now(), dt.timedelta(days=1)
    for name, days in (("Old", -9), ("Last", -2), ("Far", 9), ("Next", 2)):
        event = make_event(name=name)
        Event.objects.filter(pk=event.pk).update(starts_at=now + days * day, ends_at=now + (days + 1) * day)
    browser = staff()

    def names(**query):
        return [event.name for event in browser.get(url(Event, "changelist"), query).context["cl"].result_list]

    assert names(when="upcoming") == ["Next", "Far"]
    assert names(when="past") == ["Last", "Old"]
    assert names(when="upcoming", o="-3") == ["Far", "Next"]
    (way,) = [link for title, link, _ in browser.get("/admin/").context["navigation"] if title == "Events"]
    assert [event.name for event in browser.get(way).context["cl"].result_list] == ["Next", "Far"]
