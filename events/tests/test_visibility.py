"""Unlisted events: everybody reads and books them by their ids, and finds them nowhere."""

import pytest
from django.db import IntegrityError, transaction

from config.tests.harness.answers import names
from events.models import Event

pytestmark = pytest.mark.both

LISTS = (
    "/events", "/events?search=secret", "/events?status=published", "/events?available=true", "/events?upcoming=true",
    "/events?visibility=unlisted", "/ticket-types", "/ticket-types?on_sale=true",
)  # fmt: skip


@pytest.fixture
def seat(make_event, make_type):
    return make_type(event=make_event(name="Secret Gig", visibility="unlisted"), name="Secret Seat")


@pytest.mark.parametrize("path", LISTS)
def test_unlisted_event_is_in_the_lists_of_staff_alone(path, anonymous, manager, seat):
    assert names(anonymous.get(path)) == []
    assert anonymous.get(path).json()["count"] == 0
    assert manager.get(path).json()["count"] == 1


def test_unlisted_event_is_in_no_calendar_feed(anonymous, manager, seat):
    assert b"Secret" not in anonymous.get("/events.ics").content
    assert b"Secret Gig" in manager.get("/events.ics").content


def test_unlisted_event_is_read_and_booked_by_its_id(anonymous, seat):
    event = anonymous.get(f"/events/{seat.event_id}?expand=ticket_types").json()
    assert (event["visibility"], [it["id"] for it in event["ticket_types"]]) == ("unlisted", [seat.pk])
    assert b"Secret Gig" in anonymous.get(f"/events/{seat.event_id}.ics").content
    assert anonymous.get(f"/ticket-types/{seat.pk}?expand=event").json()["event"]["name"] == "Secret Gig"
    assert names(anonymous.get(f"/ticket-types?event={seat.event_id}")) == ["Secret Seat"]
    order = {
        "customer_name": "A",
        "customer_email": "a@example.com",
        "items": [{"ticket_type": seat.pk, "quantity": 1}],
    }
    assert anonymous.post("/bookings", order).status_code == 201


def test_unlisted_draft_stays_hidden(anonymous, make_event, make_type):
    seat = make_type(event=make_event(is_published=False, visibility="unlisted"))
    for path in (f"/events/{seat.event_id}", f"/events/{seat.event_id}.ics", f"/ticket-types/{seat.pk}"):
        assert anonymous.get(path).status_code == 404
    assert anonymous.get(f"/ticket-types?event={seat.event_id}").json()["count"] == 0


def test_visibility_is_edited_and_filtered(manager, anonymous, make_event):
    event = make_event()
    answer = manager.patch(f"/events/{event.pk}", {"visibility": "unlisted"})
    assert (answer.status_code, answer.json()["visibility"]) == (200, "unlisted")
    assert anonymous.get("/events").json()["count"] == 0
    assert manager.get("/events?visibility=unlisted").json()["count"] == 1
    assert manager.get("/events?visibility=public").json()["count"] == 0
    assert manager.patch(f"/events/{event.pk}", {"visibility": "public"}).status_code == 200
    assert anonymous.get("/events?visibility=public").json()["count"] == 1


def test_unknown_visibility_is_refused_by_the_database(make_event):
    event = make_event()
    with pytest.raises(IntegrityError, match="event_visibility_is_known"), transaction.atomic():
        Event.objects.filter(pk=event.pk).update(visibility="hidden")
