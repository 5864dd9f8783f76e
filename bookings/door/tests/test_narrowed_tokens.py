"""Tokens that are narrowed to events see and check in the tickets of these alone."""

import re
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from bookings.door.models import Scan
from bookings.models import Ticket
from config.access.models import ApiToken
from config.access.roles import Role
from config.api.viewsets import BaseViewSet
from config.tests.harness.answers import refused
from config.tests.harness.matrix import with_token
from config.tests.harness.pages import faults_of, staff, url
from conftest import make_user
from events.models import Event

pytestmark = pytest.mark.both


@pytest.fixture
def tickets(book, make_type, make_event):
    """One of the event of the token, and one of another."""
    types = [make_type(event=make_event(name=name), name=name) for name in ("Ours", "Theirs")]
    return [book((it, 2), customer_email=f"{it.name}@example.com").confirm().tickets.first() for it in types]


@pytest.fixture
def narrowed(tickets):
    root = make_user(username="root", is_superuser=True)
    return with_token(ApiToken.issue(user=root, name="door", events=[tickets[0].event_id])[1])


def test_narrowed_token_checks_in_its_event(narrowed, tickets):
    path = f"/tickets/{tickets[0].code}"
    assert narrowed.get(path).status_code == 200
    for verb in ("check-in", "check-out", "undo-check-in"):
        assert narrowed.post(f"{path}/{verb}").status_code == 200
    assert narrowed.post(f"/bookings/{tickets[0].booking_id}/check-in").json()["admitted"] == 2
    assert narrowed.get(f"/events/{tickets[0].event_id}/door-list").status_code == 200
    assert narrowed.get(f"/reports/admissions?event={tickets[0].event_id}").json()["admitted"] == 2


def test_tickets_of_other_events_do_not_exist_for_it(narrowed, tickets):
    theirs, booking = tickets[1], tickets[1].booking_id
    path = f"/tickets/{theirs.code}"
    assert refused(narrowed.get(path), 404, "not-found")
    for verb in ("check-in", "check-out", "undo-check-in"):
        assert refused(narrowed.post(f"{path}/{verb}"), 404, "not-found")
    assert refused(narrowed.post(f"/bookings/{booking}/check-in"), 404, "not-found")
    assert refused(narrowed.get(f"/events/{theirs.event_id}/door-list"), 404, "not-found")
    assert refused(narrowed.get(f"/events/{theirs.event_id}"), 404, "not-found")
    assert refused(narrowed.get(f"/reports/admissions?event={theirs.event_id}"), 404, "not-found")
    scan = {"code": theirs.code, "at": timezone.now().isoformat(), "scan_id": str(uuid.uuid4())}
    answer = narrowed.post("/check-ins", {"check_ins": [scan]}).json()["results"][0]
    assert (answer["result"], answer["holder_name"]) == ("unknown", "")
    assert Scan.objects.get().ticket is None
    for query in ("", f"?event={theirs.event_id}", f"?search={theirs.code}", f"?booking={booking}", "?search=theirs"):
        found = {row["code"] for row in narrowed.get(f"/tickets{query}").json()["results"]}
        assert theirs.code not in found
    assert Ticket.objects.filter(status="checked_in").count() == 0


def test_lists_of_a_narrowed_token_name_nothing_else(narrowed, tickets):
    for path in ("/tickets?expand=event,ticket_type", "/events?expand=ticket_types,venue"):
        text = str(narrowed.get(path).json())
        assert ("Ours" in text, "Theirs" in text) == (True, False)


def test_narrowed_token_may_do_nothing_else(narrowed, tickets):
    """Deny by default: also what its user may do, and what every client may read."""
    ours = tickets[0]
    for method, path in (
        *(("get", path) for path in ("/venues", "/ticket-types", f"/ticket-types/{ours.ticket_type_id}")),
        *(("get", path) for path in ("/events.ics", f"/events/{ours.event_id}.ics", "/payments")),
        *(("get", path) for path in ("/bookings", f"/bookings/{ours.booking_id}", "/reports/overview")),
        *(("get", path) for path in ("/reports/sales?group_by=event", "/reports/occupancy")),
        *(("post", path) for path in ("/bookings", "/venues", "/events", f"/events/{ours.event_id}/cancel")),
        *(("post", f"/bookings/{ours.booking_id}/{verb}") for verb in ("cancel", "confirm", "renew-secret")),
        ("patch", f"/bookings/{ours.booking_id}"),
        ("delete", f"/events/{ours.event_id}"),
    ):
        assert refused(getattr(narrowed, method)(path), 403, "forbidden"), path


def test_only_these_actions_know_narrowed_tokens():
    def below(view):
        for child in view.__subclasses__():
            yield child
            yield from below(child)

    known = {f"{view.__name__}.{name}" for view in below(BaseViewSet) for name in view.narrowed_actions}
    assert known == {
        *("TicketViewSet.list", "TicketViewSet.retrieve", "TicketViewSet.check_in", "TicketViewSet.check_out"),
        *("TicketViewSet.undo_check_in", "BookingViewSet.check_in", "CheckInViewSet.create", "DoorListViewSet.list"),
        *("EventViewSet.list", "EventViewSet.retrieve", "ReportViewSet.admissions"),
    }


def test_token_of_a_deleted_event_does_not_become_one_of_all(tickets, make_event):
    spare = make_event(name="Spare", is_published=False)
    root = make_user(username="root", is_superuser=True)
    client = with_token(ApiToken.issue(user=root, name="door", events=[spare.pk])[1])
    spare.remove()
    assert Event.objects.count() == 2
    assert client.get("/tickets").json()["results"] == []
    assert refused(client.post(f"/tickets/{tickets[0].code}/check-in"), 404, "not-found")


def test_scopes_and_rights_still_hold(tickets):
    scoped = ApiToken.issue(user=make_user(Role.MANAGER), name="x", events=[tickets[0].event_id], scopes=["reports"])[1]
    assert refused(with_token(scoped).post(f"/tickets/{tickets[0].code}/check-in"), 403, "forbidden")


def test_command_narrows_to_events(tickets, capsys):
    event = tickets[0].event_id
    call_command("create_api_token", "scanner", "--role=door", f"--event={event}")
    text = re.findall(r"tbs_\S+", capsys.readouterr().out)[-1]
    assert ApiToken.objects.get().events == [event]
    assert {row["event"] for row in with_token(text).get("/tickets").json()["results"]} == {event}
    with pytest.raises(CommandError, match=r"^No event 99999\.$"):
        call_command("create_api_token", "other", "--role=door", "--event=99999")
    assert ApiToken.objects.count() == 1


def test_manager_narrows_a_token_in_the_admin(tickets):
    browser = staff(Role.MANAGER)
    data = {"name": "Scanner", "expires_at": ""}
    browser.post(url(ApiToken, "add"), {**data, "events": [str(tickets[1].event_id)]})
    token = ApiToken.objects.get()
    assert token.events == [tickets[1].event_id]
    assert f">{token.events[0]}<" in browser.get(url(ApiToken, "changelist")).content.decode()
    wrong = browser.post(url(ApiToken, "add"), {**data, "events": ["99999"]})
    assert set(faults_of(wrong)) == {"events"}
    assert ApiToken.objects.count() == 1
