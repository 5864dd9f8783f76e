"""The door's API: check-in, check-out, groups, lists."""

import datetime as dt

import pytest
from django.utils import timezone

from bookings.models import Ticket
from config.tests.harness.answers import errors_in, refused

pytestmark = pytest.mark.both
ANSWER = ["result", "warning", "is_reentry", "holder_name", "ticket_type_name", "event_name", "note"]


@pytest.fixture
def tonight(make_event, make_type):
    """A ticket type of an event that begins in two hours."""
    return make_type(event=make_event(starts_at=timezone.now() + dt.timedelta(hours=2)), name="Adult")


@pytest.fixture
def ticket(book, tonight):
    return book((tonight, 1), metadata={"note": "Wheelchair"}).confirm().tickets.get()


def shown(data):
    return [data[name] for name in ANSWER]


def test_scanner_can_show_the_answer_as_it_is(door, ticket):
    path = f"/tickets/{ticket.code}/check-in"
    first = door.post(path).json()
    assert shown(first) == ["admitted", None, False, "Ann Lee", "Adult", "Concert", "Wheelchair"]
    assert (first["code"], first["status"]) == (ticket.code, "checked_in")
    again = door.post(path)
    assert refused(again, 409, "already-checked-in")
    (entry,) = again.json()["errors"]
    assert shown(entry) == ["already_admitted", None, False, "Ann Lee", "Adult", "Concert", "Wheelchair"]
    assert (entry["checked_in_at"], entry["checked_in_local"]) == (first["checked_in_at"], first["checked_in_local"])
    assert first["checked_in_local"] in entry["message"]


def test_refusals_say_what_the_scanner_shows(door, book, tonight, ticket):
    other = door.post(f"/tickets/{ticket.code}/check-in", {"event": tonight.event_id + 1})
    assert refused(other, 409, "other-event")
    assert other.json()["errors"][0]["result"] == "other_event"
    unknown = door.post(f"/tickets/{'A' * 26}/check-in")
    assert refused(unknown, 404, "not-found")
    assert shown(unknown.json()["errors"][0]) == ["unknown", None, False, "", "", "", ""]
    ticket.booking.cancel()
    void = door.post(f"/tickets/{ticket.code}/check-in")
    assert refused(void, 409, "ticket-void")
    assert void.json()["errors"][0]["result"] == "void"
    ticket.refresh_from_db()
    assert (ticket.status, ticket.checked_in_at) == ("void", None)


@pytest.mark.parametrize(("hours", "opens", "warning"), [(13, 12, "not_yet"), (11, 12, None), (2, 1, "not_yet")])
def test_early_guest_is_let_in_with_a_warning(door, book, make_event, make_type, settings, hours, opens, warning):
    settings.DOOR_OPENS_HOURS = opens
    seat = make_type(event=make_event(starts_at=timezone.now() + dt.timedelta(hours=hours)))
    ticket = book((seat, 1)).confirm().tickets.get()
    answer = door.post(f"/tickets/{ticket.code}/check-in")
    assert (answer.status_code, answer.json()["result"], answer.json()["warning"]) == (200, "admitted", warning)


def test_holder_leaves_and_comes_in_again(door, ticket):
    path = f"/tickets/{ticket.code}"
    assert refused(door.post(f"{path}/check-out"), 409, "not-checked-in")
    first = door.post(f"{path}/check-in").json()["checked_in_at"]
    out = door.post(f"{path}/check-out", {"event": ticket.event_id}).json()
    assert (out["status"], out["checked_in_at"]) == ("checked_in", first)
    assert out["checked_out_at"] is not None
    assert refused(door.post(f"{path}/check-out"), 409, "already-checked-out")
    assert refused(door.post(f"{path}/check-out", {"event": ticket.event_id + 1}), 409, "other-event")
    again = door.post(f"{path}/check-in").json()
    assert (again["is_reentry"], again["checked_in_at"], again["checked_out_at"]) == (True, first, None)
    assert refused(door.post(f"{path}/check-in"), 409, "already-checked-in")
    verbs = [change.verb for change in ticket.booking.changes.all()]
    assert verbs == ["place", "confirm", "check in", "check out", "re-enter"]
    door.post(f"{path}/check-out")
    assert door.post(f"{path}/undo-check-in").json()["checked_out_at"] is None


def test_void_ticket_is_not_checked_out(door, ticket):
    ticket.booking.cancel()
    assert refused(door.post(f"/tickets/{ticket.code}/check-out"), 409, "ticket-void")


# A group


def test_group_is_let_in_as_it_comes(door, book, tonight):
    booking = book((tonight, 4)).confirm()
    path = f"/bookings/{booking.pk}/check-in"
    answer = door.post(path, {"count": 3, "event": tonight.event_id}).json()
    assert (answer["admitted"], {it["result"] for it in answer["check_ins"]}) == (3, {"admitted"})
    few = door.post(path, {"count": 2})
    assert refused(few, 409, "already-checked-in")
    assert few.json()["errors"][0]["valid"] == 1
    assert booking.tickets.filter(status="checked_in").count() == 3
    assert door.post(path).json()["admitted"] == 1
    assert refused(door.post(path), 409, "already-checked-in")
    assert booking.changes.filter(verb="check in").count() == 4


def test_group_that_may_not_come_in_is_refused(door, book, tonight):
    booking = book((tonight, 2))
    path = f"/bookings/{booking.pk}/check-in"
    assert refused(door.post(path), 409, "booking-not-confirmed")
    booking.confirm()
    assert refused(door.post(path, {"event": tonight.event_id + 1}), 409, "other-event")
    booking.cancel()
    assert refused(door.post(path), 409, "ticket-void")
    assert not Ticket.objects.filter(status="checked_in").exists()


# Lists


def codes(answer):
    assert answer.status_code == 200
    return [row["code"] for row in answer.json()["results"]]


def test_tickets_are_found_by_what_people_say(door, book, tonight):
    berg = book((tonight, 1), customer_name="Jan van der Berg", customer_email="jan@example.com").confirm()
    book((tonight, 1), customer_name="Zoe Abel", customer_email="z@example.com").confirm()
    found = [berg.tickets.get().code]
    for query in (
        {"search": berg.confirmation_code.lower()},
        {"search": f" {found[0].lower()}"},
        {"search": "berg jan"},
        {"holder_name": "jan van"},
        {"holder_name": "BERG"},
        {"booking": str(berg.pk).upper()},
    ):
        assert codes(door.get("/tickets", {**query, "event": tonight.event_id})) == found, query
    for query in ({"search": "jan@example.com"}, {"holder_name": "ann"}, {"holder_name": "'"}, {"status": "void"}):
        assert codes(door.get("/tickets", query)) == []


def test_tickets_are_sorted_by_holder_page_by_page(door, book, tonight):
    for name in ("Zoe Abel", "Ann Lee", "Ann Lee", "Émile Zola"):
        book((tonight, 1), customer_name=name).confirm()
    for ordering, names in (
        ("holder_name", ["Ann Lee", "Ann Lee", "Émile Zola", "Zoe Abel"]),
        ("holder_surname", ["Zoe Abel", "Ann Lee", "Ann Lee", "Émile Zola"]),
        ("-holder_surname", ["Émile Zola", "Ann Lee", "Ann Lee", "Zoe Abel"]),
    ):
        address, seen = f"/tickets?ordering={ordering}&limit=1", []
        while address:
            page = door.get(address).json()
            seen += [row["holder_name"] for row in page["results"]]
            address = page["next"] and page["next"].removeprefix("http://testserver/api/v1")
        assert seen == names


@pytest.mark.parametrize("path", ["/tickets?expand=event,ticket_type", "/events/{event}/door-list"])
def test_lists_of_the_door_need_the_same_queries_for_more_rows(
    door, book, tonight, path, django_assert_num_queries, make_type
):
    book((tonight, 1)).confirm()
    path = path.format(event=tonight.event_id)
    door.get(path)
    count = {"/tickets?expand=event,ticket_type": 8}.get(path, 5)
    with django_assert_num_queries(count):
        door.get(path)
    book((make_type(event=tonight.event, name="Child"), 2), customer_email="b@example.com").confirm()
    with django_assert_num_queries(count):
        assert len(door.get(path).json()["results"]) == 3


def test_ticket_shows_its_event_and_type(door, ticket):
    shown = door.get(f"/tickets/{ticket.code}?expand=event,ticket_type").json()
    assert (shown["event"]["name"], shown["ticket_type"]["name"]) == ("Concert", "Adult")
    assert (shown["event_name"], shown["ticket_type_name"]) == ("Concert", "Adult")


def test_door_list_is_enough_to_check_offline(door, book, tonight, make_type, ticket):
    other = book((make_type(name="Elsewhere"), 1)).confirm()
    second = book((tonight, 1), customer_name="Bob").confirm().tickets.get()
    path = f"/events/{tonight.event_id}/door-list"
    page = door.get(path, {"limit": 1}).json()
    rest = door.get(page["next"].removeprefix("http://testserver/api/v1")).json()
    (row,) = page["results"]
    assert [row["code"], rest["results"][0]["code"], rest["next"]] == [ticket.code, second.code, None]
    names = ("status", "holder_name", "ticket_type_name", "note", "confirmation_code", "checked_in_at")
    code = ticket.booking.confirmation_code
    assert [row[name] for name in names] == ["valid", "Ann Lee", "Adult", "Wheelchair", code, None]
    at = timezone.now()
    ticket.check_in(at=at)
    since = at - dt.timedelta(milliseconds=1)  # SQLite's clock has milliseconds
    assert codes(door.get(path, {"updated_after": since.isoformat()})) == [ticket.code]
    assert other.tickets.get().code not in codes(door.get(path))


@pytest.mark.parametrize("event", ["0", "x", "99999999"])
def test_door_list_of_an_unknown_event_is_404(door, event, db):
    assert refused(door.get(f"/events/{event}/door-list"), 404, "not-found")


def test_bad_body_of_a_group_is_400(door, ticket):
    answer = door.post(f"/bookings/{ticket.booking_id}/check-in", {"count": 0, "x": 1})
    assert {pointer for pointer, _ in errors_in(answer)} == {"/count", "/x"}
