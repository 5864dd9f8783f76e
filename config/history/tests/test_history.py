"""Who changed what in the catalogue, from wherever it was changed."""

import datetime as dt
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.access.roles import Role
from config.backoffice.wording import Setting, lines
from config.history.models import Change
from config.problems import Problem
from config.tests.harness.pages import act, form_on, open_form, send_form, staff, url
from conftest import make_user
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue

VENUE = {"name": "Old Hall", "address": "1 Main Street", "capacity": 500, "timezone": "Europe/Vienna"}
START, END = "2090-01-01T19:00:00Z", "2090-01-01T22:00:00Z"


def entries(*objects, **found):
    changes = Change.objects.of(*objects) if objects else Change.objects.filter(**found)
    return [(entry.verb, entry.by_name, entry.details) for entry in changes]


def made(data):
    return {name: [None, value] for name, value in data.items()}


def test_what_the_api_does_is_written_down(manager):
    venue = Venue.objects.get(pk=manager.post("/venues", VENUE).json()["id"])
    assert entries(venue) == [("create", "manager", made(VENUE))]
    manager.patch(f"/venues/{venue.pk}", {"capacity": 400, "name": "Old Hall"})
    manager.put(f"/venues/{venue.pk}", {**VENUE, "address": "2 Main Street", "capacity": 400})
    assert entries(venue)[1:] == [
        ("change", "manager", {"capacity": [500, 400]}),
        ("change", "manager", {"address": ["1 Main Street", "2 Main Street"]}),
    ]
    show = {"venue": venue.pk, "name": "Concert", "starts_at": START, "ends_at": END, "capacity": 100}
    event = Event.objects.get(pk=manager.post("/events", show).json()["id"])
    seat = {"event": event.pk, "name": "Seat", "price": "49.90"}
    seat = TicketType.objects.get(pk=manager.post("/ticket-types", seat).json()["id"])
    manager.patch(f"/ticket-types/{seat.pk}", {"price": "39.90", "quantity": 50})
    manager.post(f"/events/{event.pk}/publish", {})
    manager.post(f"/events/{event.pk}/cancel", {"reason": "storm"})
    assert entries(event) == [
        (
            "create",
            "manager",
            made(
                {
                    "venue": f"Old Hall ({venue.pk})",
                    "name": "Concert",
                    "starts_at": START,
                    "ends_at": END,
                    "capacity": 100,
                }
            ),
        ),
        ("publish", "manager", {"status": ["draft", "published"]}),
        ("cancel", "manager", {"status": ["published", "cancelled"], "cancel_reason": ["", "storm"]}),
    ]
    assert entries(seat) == [
        ("create", "manager", made({"event": f"Concert ({event.pk})", "price": "49.9", "name": "Seat"})),
        ("change", "manager", {"price": ["49.9", "39.9"], "capacity": [None, 50]}),
    ]


def test_history_outlives_what_was_deleted(manager, make_venue, make_event, make_type):
    venue = make_venue()
    event = make_event(venue=venue, is_published=False, starts_at=dt.datetime(2090, 1, 1, tzinfo=dt.UTC))
    seat = make_type(event=event)
    manager.delete(f"/venues/{venue.pk}")
    assert (Venue.objects.count(), Event.objects.count(), TicketType.objects.count()) == (0, 0, 0)
    assert entries(venue)[-1] == (
        "delete",
        "manager",
        {"name": ["Old Hall", None], "address": ["1 Main Street", None], "capacity": [1000, None],
         "timezone": ["Europe/Vienna", None]},
    )  # fmt: skip
    verb, by, details = entries(event)[-1]
    assert (verb, by, details["venue"], details["status"]) == (
        "delete", "manager", [f"Old Hall ({venue.pk})", None], ["draft", None],
    )  # fmt: skip
    verb, by, details = entries(seat)[-1]
    assert (verb, by, details["event"], details["price"]) == (
        "delete", "manager", [f"Concert ({event.pk})", None], ["49.9", None],
    )  # fmt: skip


def test_deleting_has_as_many_queries_however_much_goes(make_venue, make_event, make_type, django_assert_num_queries):
    def venue_of(count):
        venue = make_venue()
        for number in range(count):
            event = make_event(venue=venue, name=f"Show {number}", is_published=False)
            make_type(event=event, name="Seat")
            make_type(event=event, name="Box")
        return venue

    for venue, removed in ((venue_of(1), 4), (venue_of(3), 10)):
        before = Change.objects.count()
        with django_assert_num_queries(16):
            venue.remove(by="test")
        assert Change.objects.count() - before == removed


def test_revision_that_changes_nothing_writes_nothing(make_venue, make_event, make_type):
    venue, event, seat = make_venue(), make_event(), make_type()
    before = Change.objects.count()
    venue.revise(name=venue.name, capacity=venue.capacity)
    event.revise(venue=event.venue, starts_at=event.starts_at)
    seat.revise(event=seat.event, price=Decimal("49.9"))
    event.publish(at=timezone.now())
    event.cancel(at=timezone.now())
    event.cancel(at=timezone.now(), reason="again")
    assert [entry.verb for entry in Change.objects.all()[before:]] == ["cancel"]


def test_what_is_refused_leaves_no_entry(manager, make_venue, make_event, make_type, book):
    seat = make_type(event=make_event(capacity=10))
    event = seat.event
    book((seat, 2))
    before = list(Change.objects.values_list("pk", flat=True))
    refused = [
        lambda: event.venue.revise(capacity=5),
        event.venue.remove,
        lambda: event.revise(capacity=1),
        lambda: event.revise(currency="USD"),
        event.remove,
        lambda: seat.revise(price=Decimal("1.001")),
        seat.remove,
        lambda: Event.plan(venue=event.venue, name="Big", capacity=9999, starts_at=START, ends_at=END),
        lambda: TicketType.offer(event=event, name="Box", price=Decimal("0.001")),
    ]
    for verb in refused:
        with pytest.raises(Exception) as error:  # noqa: PT011  of many kinds
            verb()
        assert isinstance(error.value, Problem) or "constraint" in str(error.value).lower()
    stale = manager.patch(f"/events/{event.pk}", {"name": "X"}, HTTP_IF_MATCH='"other"')
    assert stale.status_code == 412
    assert list(Change.objects.values_list("pk", flat=True)) == before


def test_list_of_ticket_types_writes_its_entries_at_once_or_none(manager, make_event):
    event = make_event()
    rows = [{"event": event.pk, "name": f"Type {number}", "price": "1"} for number in range(5)]
    with CaptureQueriesContext(connection) as seen:
        assert manager.post("/ticket-types/bulk", {"ticket_types": rows}).status_code == 201
    assert sum("history_change" in query["sql"] for query in seen) == 1
    assert [(verb, by) for verb, by, _ in entries(kind="ticket_types.tickettype")] == [("create", "manager")] * 5
    bad = [{**rows[0], "name": "New"}, rows[1]]
    assert manager.post("/ticket-types/bulk", {"ticket_types": bad}).status_code == 409
    assert len(entries(kind="ticket_types.tickettype")) == 5


def test_each_write_costs_one_statement(make_venue, make_event, make_type, django_assert_num_queries):
    venue, event, seat = make_venue(), make_event(), make_type()
    for verb, queries in (
        (lambda: venue.revise(address="New", by="test"), 7),
        (lambda: event.revise(name="New", by="test"), 10),
        (lambda: seat.revise(name="New", by="test"), 7),
    ):
        with django_assert_num_queries(queries) as seen:
            verb()
        assert sum("history_change" in query["sql"] for query in seen) == 1


# From the admin


def test_what_the_admin_does_is_written_down_in_the_name_of_who_did_it(db):
    browser = staff(Role.MANAGER)
    form = form_on(browser.get(url(Venue, "add")), Venue)
    browser.post(url(Venue, "add"), {**form, **VENUE})
    venue = Venue.objects.get()
    send_form(browser, venue, open_form(browser, venue), capacity="400")
    act(browser, "delete_selected", venue, post="yes")
    assert [(verb, by) for verb, by, _ in entries(venue)] == [
        ("create", "staff-manager"),
        ("change", "staff-manager"),
        ("delete", "staff-manager"),
    ]
    assert entries(venue)[1][2] == {"capacity": [500, 400]}


def test_event_that_the_admin_publishes_and_cancels_says_who_did_it(make_event):
    browser, event = staff(Role.MANAGER), make_event(is_published=False)
    act(browser, "publish", event, confirmed="yes")
    act(browser, "cancel", event, reason="storm", confirmed="yes")
    assert [(verb, by) for verb, by, _ in entries(event)][1:] == [
        ("publish", "staff-manager"),
        ("cancel", "staff-manager"),
    ]


@pytest.mark.parametrize("role", [Role.MANAGER, Role.BOX_OFFICE, Role.DOOR, Role.AUDITOR])
def test_history_page_shows_entries_from_everywhere_to_whoever_may_see_the_object(role, manager, make_event):
    event = make_event()
    manager.patch(f"/events/{event.pk}", {"name": "Gala <b>"})
    page = staff(role).get(url(Event, "history", event.pk))
    assert [(str(verb), entry.by_name) for entry, _at, verb, _lines in page.context["entries"]] == [
        ("Changed", "manager"),
        ("Published", "system"),
        ("Created", "system"),
    ]
    assert "Name: Concert → Gala &lt;b&gt;" in page.content.decode()


def test_history_page_of_a_booking_shows_its_own_history(book):
    booking = book().confirm(payment_reference="pay_1")
    page = staff(Role.AUDITOR).get(url(type(booking), "history", booking.pk))
    assert [str(verb) for _entry, _at, verb, _lines in page.context["entries"]] == ["Confirmed", "Booked"]
    assert "Payment reference: pay_1" in page.content.decode()


def test_history_page_has_the_venues_clocks_its_money_and_the_names_of_forms(make_venue, make_event, make_type):
    evening = dt.datetime(2090, 6, 12, 17, 30, tzinfo=dt.UTC)
    event = make_event(venue=make_venue(timezone="Europe/Vienna"), starts_at=evening, currency="JPY")
    seat = make_type(event=event, price=Decimal(1500))
    event.revise(starts_at=evening + dt.timedelta(hours=1))
    seat.revise(price=Decimal(900), max_per_booking=4, sales_start_at=dt.datetime(2026, 10, 25, 1, 30, tzinfo=dt.UTC))
    browser = staff(Role.MANAGER)
    (_, at, _, moved), *_ = browser.get(url(Event, "history", event.pk)).context["entries"]
    assert moved == ["starts at: Mon 12 Jun 2090, 19:30 CEST → Mon 12 Jun 2090, 20:30 CEST"]
    assert at.endswith((" CET", " CEST"))
    (_, _, _, repriced), *_ = browser.get(url(TicketType, "history", seat.pk)).context["entries"]
    assert repriced == [
        "price: 1,500\xa0JPY → 900\xa0JPY",
        "max per booking: 10 → 4",
        "sales start at: – → Sun 25 Oct 2026, 02:30 CET",
    ]
    rows = browser.get(url(Change, "changelist")).content.decode()
    assert "price: 1,500\xa0JPY → 900\xa0JPY" in rows
    assert "starts at: Mon 12 Jun 2090, 19:30 CEST → Mon 12 Jun 2090, 20:30 CEST" in rows


def test_history_of_what_is_gone_is_in_utc(make_event):
    event = make_event(is_published=False, starts_at=dt.datetime(2090, 6, 12, 17, 30, tzinfo=dt.UTC))
    event.remove()
    page = (
        staff().get(url(Change, "change", Change.objects.get(kind="events.event", verb="delete").pk)).content.decode()
    )
    assert "starts at: Mon 12 Jun 2090, 17:30 UTC" in page
    assert "status: Draft" in page


@pytest.mark.parametrize("count", [1, 5])
def test_list_of_changes_asks_once_for_each_kind(make_event, make_type, django_assert_num_queries, count):
    for number in range(count):
        make_type(event=make_event(name=f"Show {number}"))
    browser = staff()
    browser.get(url(Change, "changelist"))
    with django_assert_num_queries(8):
        browser.get(url(Change, "changelist"))


def test_history_page_is_for_nobody_else(make_event):
    browser = Client()
    browser.force_login(make_user(is_staff=True))
    assert browser.get(url(Event, "history", make_event().pk)).status_code == 403
    assert browser.get(url(Change, "changelist")).status_code == 403


def test_list_of_changes_has_what_a_person_may_see_and_can_only_be_read(make_venue, make_event, make_type):
    event = make_type().event
    browser = staff(Role.MANAGER)
    rows = list(browser.get(url(Change, "changelist")).context["cl"].queryset)
    assert {row.kind for row in rows} == {"events.event", "ticket_types.tickettype"}
    assert browser.get(url(Change, "add")).status_code == 403
    change = browser.get(url(Change, "change", rows[0].pk))
    assert (change.status_code, change.context["has_change_permission"]) == (200, False)
    user = get_user_model().objects.create(username="narrow", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_event"))
    browser.force_login(user)
    rows = list(browser.get(url(Change, "changelist")).context["cl"].queryset)
    assert {(row.kind, row.object_id) for row in rows} == {("events.event", event.pk)}
    assert browser.get(url(Change, "change", Change.objects.get(kind="ticket_types.tickettype").pk)).status_code == 302


# What an entry is


def test_entry_cannot_be_changed_or_deleted(make_event):
    event = make_event()
    entry = Change.objects.of(event).first()
    entry.verb = "invent"
    for attempt in (
        entry.save,
        entry.delete,
        lambda: Change.objects.update(verb="invent"),
        lambda: Change.objects.all().delete(),
    ):
        with pytest.raises(TypeError, match="History entries cannot be"):
            attempt()
    assert Change.objects.of(event).first().verb == "create"


def test_entry_outlives_the_account_that_made_it(make_venue):
    user = get_user_model().objects.create(username="clerk")
    venue = make_venue()
    venue.revise(capacity=5, by=user)
    user.delete()
    entry = Change.objects.of(venue).get()
    assert (entry.by, entry.by_name) == (None, "clerk")


def test_entry_reads_as_words(make_event, make_type):
    seat = make_type(event=make_event(name="Play"))
    seat.revise(capacity=50, description="Rows 1 to 12\n" + "x" * 200)
    first, last = Change.objects.of(seat)
    where = Setting("Europe/Vienna", "EUR")
    assert list(lines(first, where)) == [f"event: Play ({seat.event_id})", "name: Seat", "price: 49.90\xa0EUR"]
    assert list(lines(last, where)) == [f"description: – → Rows 1 to 12\n{'x' * 86}…", "quantity: – → 50"]
    assert list(lines(first, Setting()))[-1] == "price: 49.9"


def test_entry_of_a_kind_that_is_gone_can_still_be_read(db):
    entry = Change(kind="old.thing", object_id=1, name="Thing", details={"size": [1, 2]})
    assert (entry.model, list(lines(entry, Setting()))) == (None, ["size: 1 → 2"])
