"""Uploads of scans that were made offline."""

import datetime as dt
import uuid

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.door.models import Scan
from bookings.models import Ticket
from config.tests.harness.answers import errors_in, refused
from conftest import client_of, make_user

pytestmark = pytest.mark.both
UNKNOWN = "A" * 26


@pytest.fixture
def tickets(book, make_type):
    return list(book((make_type(), 4)).confirm().tickets.all())


def scan(code, *, minutes=10, scan_id=None, **more):
    """A scan of some minutes ago."""
    at = timezone.now() - dt.timedelta(minutes=minutes)
    return {"code": code, "at": at.isoformat(), "scan_id": scan_id or str(uuid.uuid4()), **more}


def upload(client, *scans):
    answer = client.post("/check-ins", {"check_ins": list(scans)})
    assert answer.status_code == 200, answer.json()
    results = answer.json()["results"]
    assert [it["scan_id"] for it in results] == [it["scan_id"] for it in scans]
    return results


def results(client, *scans):
    return [it["result"] for it in upload(client, *scans)]


def test_each_scan_is_answered(door, tickets, book):
    void = book().confirm()
    code = void.tickets.get().code
    void.cancel()
    tickets[3].check_in(at=timezone.now())
    sent = [
        scan(tickets[0].code.lower()),
        scan(tickets[1].code, event=tickets[1].event_id),
        scan(tickets[2].code, event=tickets[2].event_id + 1),
        scan(tickets[3].code),
        scan(code),
        scan(UNKNOWN),
        scan("hello\r"),
    ]
    assert results(door, *sent) == [
        *("admitted", "admitted", "other_event", "already_admitted", "void", "unknown", "unknown")
    ]
    states = ["checked_in", "checked_in", "valid", "checked_in"]
    assert [ticket.status for ticket in Ticket.objects.filter(booking=tickets[0].booking).order_by("pk")] == states
    tickets[0].refresh_from_db()
    assert tickets[0].checked_in_at == dt.datetime.fromisoformat(sent[0]["at"])
    change = tickets[0].booking.changes.filter(details__ticket=tickets[0].code).get()
    assert (change.verb, change.by_name, change.at) == ("check in", "door", tickets[0].checked_in_at)


def test_upload_that_is_sent_again_is_answered_the_same_and_changes_nothing(door, tickets):
    sent = [scan(tickets[0].code), scan(tickets[0].code), scan(UNKNOWN)]
    first = upload(door, *sent)
    changed = list(Ticket.objects.values_list("updated_at", flat=True))
    assert upload(door, *sent) == upload(door, *sent) == first
    assert list(Ticket.objects.values_list("updated_at", flat=True)) == changed
    assert Scan.objects.count() == 3
    assert tickets[0].booking.changes.filter(verb="check in").count() == 1


def test_earliest_scan_of_an_upload_lets_in_and_later_uploads_do_not(door, tickets):
    late, early = scan(tickets[0].code, minutes=5), scan(tickets[0].code, minutes=9)
    assert results(door, late, early) == ["already_admitted", "admitted"]
    assert results(door, scan(tickets[0].code, minutes=60)) == ["already_admitted"]
    tickets[0].refresh_from_db()
    assert tickets[0].checked_in_at == dt.datetime.fromisoformat(early["at"])


def test_fast_clock_does_not_let_in_tomorrow(door, tickets):
    upload(door, scan(tickets[0].code, minutes=-600))
    tickets[0].refresh_from_db()
    assert tickets[0].checked_in_at <= timezone.now()


def test_holder_who_has_left_comes_in_again(door, tickets):
    tickets[0].check_in(at=timezone.now() - dt.timedelta(hours=1))
    tickets[0].check_out(at=timezone.now() - dt.timedelta(minutes=20))
    before, after = scan(tickets[0].code, minutes=30), scan(tickets[0].code, minutes=10)
    assert results(door, before, after, scan(tickets[0].code, minutes=5)) == [
        *("already_admitted", "admitted", "already_admitted")
    ]
    assert upload(door, after)[0]["is_reentry"] is True
    assert [change.verb for change in tickets[0].booking.changes.all()][-1] == "re-enter"


def test_id_of_a_scan_is_that_of_one_code_and_of_one_account(door, manager, tickets):
    sent = scan(tickets[0].code)
    upload(door, sent)
    assert upload(manager, {**sent, "code": tickets[1].code})[0]["result"] == "admitted"
    reused = door.post("/check-ins", {"check_ins": [scan(tickets[2].code), {**sent, "code": tickets[3].code}]})
    assert refused(reused, 409, "scan-id-reused")
    assert errors_in(reused) == [("/check_ins/1/scan_id", "scan-id-reused")]
    assert Ticket.objects.filter(status="valid").count() == 2


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"/check_ins"}),
        ({"check_ins": []}, {"/check_ins"}),
        ({"check_ins": {}}, {"/check_ins"}),
        ({"check_ins": [1]}, {"/check_ins/0"}),
        ({"check_ins": [{}]}, {f"/check_ins/0/{name}" for name in ("code", "at", "scan_id")}),
        ({"check_ins": [scan(UNKNOWN, scan_id="a b")]}, {"/check_ins/0/scan_id"}),
        ({"check_ins": [scan(UNKNOWN, scan_id="a\n")]}, {"/check_ins/0/scan_id"}),
        ({"check_ins": [scan("A" * 201)]}, {"/check_ins/0/code"}),
        ({"check_ins": [scan(7, event="1", more=1)]}, {f"/check_ins/0/{name}" for name in ("code", "event", "more")}),
        ({"check_ins": [scan(UNKNOWN, scan_id="a"), scan(UNKNOWN, scan_id="a")]}, {"/check_ins/1/scan_id"}),
        ({"check_ins": [scan(UNKNOWN)] * 501}, {"/check_ins"}),
    ],
)
def test_bad_upload_is_400_and_changes_nothing(door, body, errors):
    answer = door.post("/check-ins", body)
    assert refused(answer, 400, "invalid-input")
    assert {pointer for pointer, _ in errors_in(answer)} == errors
    assert not Scan.objects.exists()


def test_upload_needs_as_many_statements_for_many_scans(door, book, make_type):
    seat = make_type(event=None, max_per_booking=100)
    sizes = []
    for number in (1, 60):
        codes = book((seat, number)).confirm().tickets.values_list("code", flat=True)
        sent = [scan(code) for code in codes]
        with CaptureQueriesContext(connection) as queries:
            assert set(results(door, *sent)) == {"admitted"}
        sizes.append(len(queries))
    assert sizes[0] == sizes[1] <= 13


def test_unknown_codes_count_once_and_answers_are_not_lost(settings, door, tickets):
    settings.RATE_LIMITS = {**dict.fromkeys(settings.RATE_LIMITS), "door": (3, 60)}
    sent = [scan(UNKNOWN) for _ in range(4)]
    assert refused(door.post("/check-ins", {"check_ins": sent}), 429, "too-many-requests")
    assert refused(door.post(f"/tickets/{tickets[0].code}/check-in"), 429, "too-many-requests")
    other = client_of(make_user(username="other", is_superuser=True))
    assert other.post(f"/tickets/{tickets[0].code}/check-in").status_code == 200
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "door": (100, 60)}
    assert results(door, *sent) == ["unknown"] * 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"result": "maybe"},
        {"result": "unknown"},
        {"scan_id": ""},
        {"code": "A"},
        {"ticket": None},
        {},
    ],
)
def test_database_refuses_a_wrong_scan(tickets, wrong):
    data = {"client": "user:1", "scan_id": "1", "code": UNKNOWN, "ticket": tickets[0], "at": timezone.now()}
    data["result"] = "admitted"
    Scan.objects.create(**data)
    with pytest.raises(IntegrityError), transaction.atomic():
        Scan.objects.create(**{**data, **({"scan_id": "2", **wrong} if wrong else {})})
    assert Scan.objects.count() == 1
