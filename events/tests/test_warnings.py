"""Warnings in answers to writes: what is taken, but may be a mistake."""

import datetime as dt

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conftest import client_of, make_user
from events.models import Event

pytestmark = pytest.mark.both

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.fixture
def at():
    return timezone.now().replace(microsecond=0) + 40 * DAY


@pytest.fixture
def event(make_event, at):
    return make_event(starts_at=at, name="First")


def body(event, starts_at, hours=3, **data):
    times = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + hours * HOUR).isoformat()}
    return {"venue": event.venue_id, "name": "Second", **times, **data}


def found(answer):
    assert answer.status_code in (200, 201)
    return [(entry["code"], entry.get("pointer")) for entry in answer.json().get("warnings", [])]


OVERLAP = ("overlaps-event", "/starts_at")


@pytest.mark.parametrize(
    ("start", "hours", "is_overlap"),
    [(0, 3, True), (-2, 3, True), (1, 1, True), (-9, 20, True), (3, 3, False), (-3, 3, False)],
)
def test_event_that_overlaps_another_one_in_its_venue_says_so(start, hours, is_overlap, manager, event, at):
    answer = manager.post("/events", body(event, at + start * HOUR, hours))
    assert found(answer) == [OVERLAP] * is_overlap
    if is_overlap:
        (entry,) = answer.json()["warnings"]
        assert entry["event"] == event.pk
        assert "“First”" in entry["detail"]


def test_answers_of_all_writes_have_warnings(manager, event, at, make_event):
    draft = make_event(venue=event.venue, starts_at=at + 5 * DAY, is_published=False)
    address = f"/events/{draft.pk}"
    assert found(manager.patch(address, {"name": "Newer"})) == []
    assert found(manager.patch(address, body(event, at))) == [OVERLAP]
    assert found(manager.put(address, body(event, at + HOUR))) == [OVERLAP]
    assert found(manager.post(f"{address}/publish")) == [OVERLAP]
    times = {"starts_at": at.isoformat(), "ends_at": (at + HOUR).isoformat()}
    assert found(manager.post(f"{address}/reschedule", times)) == [OVERLAP]
    assert found(manager.post(f"{address}/clone", {"starts_at": at.isoformat()})) == [OVERLAP] * 2
    assert "warnings" not in manager.get(address).json()
    season = [(at + 9 * DAY).isoformat(), (at + 9 * DAY + HOUR / 2).isoformat()]
    answer = manager.post(f"{address}/clone/bulk", {"starts_at": season})
    assert [[it["code"] for it in event["warnings"]] for event in answer.json()["events"]] == [["overlaps-event"]] * 2


@pytest.mark.parametrize("state", ["cancelled", "postponed", "elsewhere"])
def test_event_that_is_not_in_the_hall_overlaps_nothing(state, manager, event, at, make_venue):
    if state == "elsewhere":
        event.venue = make_venue()
    else:
        getattr(event, {"cancelled": "cancel", "postponed": "postpone"}[state])(at=timezone.now())
    assert found(manager.post("/events", body(event, at))) == []


def test_warning_names_no_event_that_the_client_may_not_see(make_event, event, at):
    user = make_user()
    user.user_permissions.add(Permission.objects.get(codename="add_event"))
    make_event(venue=event.venue, starts_at=at, name="Draft", is_published=False)
    answer = client_of(user).post("/events", body(event, at))
    assert [entry["event"] for entry in answer.json()["warnings"]] == [event.pk]


def test_min_per_booking_above_the_limit_of_a_customer_is_a_warning(manager, event):
    manager.patch(f"/events/{event.pk}", {"max_per_customer": 1})
    seat = {"event": event.pk, "name": "Pair", "price": "1.00", "min_per_booking": 2}
    code = "max-per-customer-below-min-per-booking"
    answer = manager.post("/ticket-types", seat)
    assert found(answer) == [(code, "/min_per_booking")]
    address = f"/ticket-types/{answer.json()['id']}"
    assert found(manager.patch(address, {"position": 1})) == [(code, "/min_per_booking")]
    assert "warnings" not in manager.get(address).json()
    answer = manager.patch(f"/events/{event.pk}", {"name": "Newer"})
    assert found(answer) == [(code, "/max_per_customer")]
    assert answer.json()["warnings"][0]["ticket_type"] == manager.get(address).json()["id"]
    assert found(manager.patch(f"/events/{event.pk}", {"max_per_customer": 2})) == []


@pytest.mark.parametrize(
    ("data", "entries"),
    [
        ({"quantity": 101}, [("quantity-above-capacity", "/quantity")]),
        ({"quantity": 100}, []),
        ({"quantity": 3, "min_per_booking": 4}, [("min-per-booking-above-quantity", "/min_per_booking")]),
        ({"sales_start_at": 3}, [("sale-starts-after-event", "/sales_start_at")]),
        ({"sales_start_at": 1}, [("sale-starts-after-event", "/sales_start_at")]),
        ({"sales_start_at": -1}, []),
        ({"sales_end_at": 5}, []),
    ],
)
def test_limits_that_contradict_are_a_warning(data, entries, manager, event, at):
    instants = {name: (at + hours * HOUR).isoformat() for name, hours in data.items() if name.startswith("sales")}
    seat = {"event": event.pk, "name": "Seat", "price": "1.00", **data, **instants}
    assert found(manager.post("/ticket-types", seat)) == entries
    answer = manager.post("/ticket-types/bulk", {"ticket_types": [{**seat, "name": "Other"}]})
    (shown,) = answer.json()["ticket_types"]
    assert [(it["code"], it["pointer"]) for it in shown.get("warnings", [])] == entries


def test_new_start_warns_of_sales_that_stay(manager, event, at, make_type):
    make_type(event=event, sales_end_at=at)
    make_type(event=event, name="Always")
    answer = manager.patch(f"/events/{event.pk}", body(event, at + 90 * DAY))
    assert found(answer) == [("sales-times-kept", "/starts_at")]
    assert found(manager.patch(f"/events/{event.pk}", {"name": "Same"})) == []


def test_warnings_are_no_part_of_the_state_of_a_resource(manager, event, at, make_event):
    make_event(venue=event.venue, starts_at=at)
    tag = manager.patch(f"/events/{event.pk}", {"name": "A"})["ETag"]
    answer = manager.patch(f"/events/{event.pk}", {"name": "B"}, headers={"If-Match": tag})
    assert (answer.status_code, found(answer)) == (200, [OVERLAP])


def test_warnings_take_as_many_queries_for_many_events(event, at, manager, make_type):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            manager.patch(f"/events/{event.pk}", {"description": "x"})
        return len(captured)

    queries()  # the first use of the token is noted
    first = queries()
    for number in range(3):
        Event.plan(venue=event.venue, name=f"Event {number}", starts_at=at, ends_at=at + HOUR)
        make_type(event=event, name=f"Type {number}", capacity=900)
    assert queries() == first
