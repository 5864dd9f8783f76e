"""The page of the door, and who is inside on other pages of the back office."""

import csv
import datetime as dt

import pytest
from django.utils import timezone

from bookings.models import Ticket
from config.access.roles import Role
from config.tests.harness.pages import act, messages_of, staff, url
from events.models import Event

pytestmark = pytest.mark.both
DOOR = "/admin/bookings/ticket/door/"


@pytest.fixture
def tickets(book, make_type, make_event):
    """By surname: Abel, Lee, Zola."""
    seat = make_type(event=make_event(starts_at=timezone.now() + dt.timedelta(hours=1)), name="Adult")
    names = ("Émile Zola", "Zoe Abel", "Ann Lee")
    bookings = [book((seat, 1), customer_name=name, customer_email=f"{name[:3]}@example.com") for name in names]
    found = [booking.confirm().tickets.get() for booking in bookings]
    return sorted(found, key=lambda it: it.holder.split()[-1])


@pytest.fixture
def page(tickets):
    return f"{DOOR}?event={tickets[0].event_id}"


def scan(browser, page, code, verb="check-in"):
    answer = browser.post(f"{page}&format=json", {"code": code, "verb": verb})
    assert answer.status_code == 200
    return answer.json()


def test_door_scans_a_ticket(page, tickets):
    browser = staff(Role.DOOR)
    first = scan(browser, page, f" {tickets[0].code.lower()}\r")
    assert (first["result"], first["is_good"], first["lines"]) == ("admitted", True, ["Zoe Abel", "Adult", "Let in."])
    assert (first["inside"], first["expected"]) == ("1", "3")
    assert tickets[0].code in first["row"]
    again = scan(browser, page, tickets[0].code)
    assert (again["result"], again["is_good"], again["title"]) == ("already_admitted", False, "Let in before")
    assert (again["inside"], Ticket.objects.filter(status="checked_in").count()) == ("1", 1)
    assert Ticket.objects.get(status="checked_in").booking.changes.last().by_name == "staff-door"


def test_door_lets_out_and_in_again_and_undoes(page, tickets):
    browser, code = staff(Role.DOOR), tickets[0].code
    titles = [
        scan(browser, page, code, verb)["title"]
        for verb in ("check-out", "check-in", "check-out", "check-out", "check-in", "undo", "undo")
    ]
    assert titles == [
        "Not checked in", "Let in", "Checked out", "Already checked out", "Let in", "Check-in undone", "Not checked in"
    ]  # fmt: skip
    assert scan(browser, page, code, "nonsense")["title"] == "Let in"
    assert scan(browser, page, "x" * 200)["title"] == "Unknown ticket"
    assert Ticket.objects.filter(status="checked_in").count() == 1


def test_ticket_of_another_event_is_refused_with_its_name(page, book, make_type, make_event):
    other = book((make_type(event=make_event(name="Elsewhere"), name="Child"), 1)).confirm().tickets.get()
    browser = staff(Role.DOOR)
    for verb in ("check-in", "check-out", "undo"):
        shown = scan(browser, page, other.code, verb)
        assert (shown["title"], shown["is_good"], shown["row"]) == ("Another event", False, "")
        assert "“Elsewhere”" in shown["lines"][-1]
        other.refresh_from_db()
        assert other.status == "valid"


def test_page_works_without_a_script(page, tickets):
    browser = staff(Role.DOOR)
    answer = browser.post(page, {"code": tickets[1].code}, follow=True)
    assert messages_of(answer) == [("success", "Let in · Ann Lee · Adult · Let in.")]
    assert messages_of(browser.post(page, {"check-out": tickets[1].code}, follow=True))[0][0] == "success"
    assert messages_of(browser.post(page, {"code": "hello"}, follow=True)) == [
        ("error", "Unknown ticket · No ticket has this code.")
    ]
    tickets[1].refresh_from_db()
    assert tickets[1].is_outside


def test_list_is_by_surname_and_searched(page, tickets):
    browser = staff(Role.DOOR)
    names = [row["ticket"].holder for row in browser.get(page).context["rows"]]
    assert names == ["Zoe Abel", "Ann Lee", "Émile Zola"]
    code = tickets[2].booking.confirmation_code.lower()
    for words in ("zola", code, tickets[2].code):
        assert [row["ticket"] for row in browser.get(f"{page}&q={words}").context["rows"]] == [tickets[2]]
    assert browser.get(f"{page}&q=zoe@example.com").context["rows"] == []
    tickets[0].booking.cancel()
    assert len(browser.get(page).context["rows"]) == 2


def test_list_is_printed_and_exported(page, tickets):
    browser = staff(Role.DOOR)
    assert len(browser.get(f"{page}&format=print").context["rows"]) == 3
    answer = browser.get(f"{page}&format=csv")
    rows = list(csv.DictReader(answer.getvalue().decode("utf-8-sig").splitlines()))
    assert [(row["name"], row["code"]) for row in rows] == [(it.holder, it.code) for it in tickets]


def test_queries_of_the_page_do_not_grow(page, tickets, book, django_assert_num_queries):
    browser = staff(Role.DOOR)
    browser.get(page)
    with django_assert_num_queries(8):
        browser.get(page)
    seat = tickets[0].ticket_type
    book((seat, 5), customer_email="many@example.com").confirm()
    with django_assert_num_queries(8):
        assert len(browser.get(page).context["rows"]) == 8


def test_camera_is_allowed_on_this_page_alone(page):
    browser = staff(Role.DOOR)
    assert "camera=(self)" in browser.get(page)["Permissions-Policy"]
    for other in (DOOR, "/admin/"):
        assert "camera=()" in browser.get(other)["Permissions-Policy"]


@pytest.mark.parametrize(("role", "status"), [(Role.DOOR, 200), (Role.BOX_OFFICE, 200), (Role.AUDITOR, 403)])
def test_page_is_for_those_who_check_in(page, role, status):
    browser = staff(role)
    assert browser.get(page).status_code == browser.get(DOOR).status_code == status
    assert browser.post(f"{page}&format=json", {"code": "x"}).status_code == status


def test_events_that_are_over_are_not_offered(page, tickets, make_event, pass_time):
    browser = staff(Role.DOOR)
    make_event(name="Draft", is_published=False)
    assert [event for event, _when in browser.get(DOOR).context["events"]] == [tickets[0].booking.event]
    assert browser.get(f"{DOOR}?q=nothing").context["events"] == []
    pass_time(days=2)
    assert browser.get(DOOR).context["events"] == []
    for pk in ("0", "x", "9" * 30):
        assert browser.get(f"{DOOR}?event={pk}").status_code == 200


def test_inside_is_shown_where_staff_look(tickets):
    for ticket in tickets[:2]:
        ticket.check_in(at=timezone.now())
    tickets[0].check_out(at=timezone.now())
    browser = staff(Role.DOOR)
    event = tickets[0].booking.event
    context = browser.get(url(Event, "change", event.pk)).context
    assert context["checked_in"] == {"count": 2, "of": 3, "inside": 1}
    assert context["door_url"] == f"{DOOR}?event={event.pk}"
    (row,) = browser.get("/admin/").context["doors"]
    assert [row[name] for name in ("event", "inside", "admitted", "expected")] == [event, 1, 2, 3]


def test_dashboard_shows_doors_on_the_day_alone(tickets, settings):
    settings.DOOR_OPENS_HOURS = 0
    assert "doors" not in staff(Role.DOOR).get("/admin/").context


def test_ticket_action_refuses_tickets_of_another_event(tickets, book, make_type):
    other = book((make_type(), 1)).confirm().tickets.get()
    browser = staff(Role.DOOR)
    event = str(tickets[0].event_id)
    told = messages_of(act(browser, "check_in", tickets[0], other, confirmed="yes", event=event))
    assert [level for level, _text in told] == ["success", "error", "info"]
    assert list(Ticket.objects.filter(status="checked_in")) == [tickets[0]]
    page = act(browser, "check_in", tickets[1], confirmed="yes", event=str(other.event_id))
    assert "event" in page.context["form"].errors
