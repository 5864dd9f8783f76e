"""Verbs of events while others book: real threads with a connection each, whose helpers the races of bookings have."""

import datetime as dt

import pytest
from django.utils import timezone

from bookings.models import Booking
from bookings.tests.test_races import codes, post, together
from config.problems import InUse
from events.lifecycle import publishing
from events.models import Event
from ticket_types.models import TicketType

pytestmark = [pytest.mark.both, pytest.mark.django_db(transaction=True)]
ROUNDS = 6


def race_unpublish(make_type, make_event):
    """Of each round: whether it became a draft, and how many bookings it has."""
    outcomes = []
    for number in range(ROUNDS):
        seat = make_type(event=make_event(name=f"Event {number}"))

        def act(turn, seat=seat):
            if turn:
                return post(seat, turn).status_code
            try:
                return Event.objects.get(pk=seat.event_id).unpublish(at=timezone.now()).status
            except InUse:
                return "in-use"

        together(4, act)
        event = Event.objects.get(pk=seat.event_id)
        outcomes.append((event.status == "draft", event.bookings.count()))
    return outcomes


def test_unpublish_during_a_rush_leaves_no_booking_of_a_draft(make_type, make_event):
    outcomes = race_unpublish(make_type, make_event)
    assert [count for is_draft, count in outcomes if is_draft and count] == []


def test_the_same_without_the_lock_and_the_count_is_caught(make_type, make_event, monkeypatch):
    monkeypatch.setattr(publishing, "count_bookings", lambda **stock: 0)
    found = False
    for _ in range(20 // ROUNDS + 1):
        found = found or any(is_draft and count for is_draft, count in race_unpublish(make_type, make_event))
    assert found


def test_pause_during_a_rush_ends_the_sale(make_type):
    seat = make_type()

    def act(turn):
        if turn == 4:
            Event.objects.get().pause_sales(at=timezone.now())
            return None
        return post(seat, turn)

    answers = [answer for answer in together(12, act) if answer is not None]
    assert set(codes(answers)) <= {201, 409}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"not-on-sale"}
    assert Event.objects.get().reserved == Booking.objects.count() == codes(answers).get(201, 0)
    assert post(seat, 99).status_code == 409


def test_reschedule_during_a_rush_never_deadlocks(make_type):
    seat = make_type()
    TicketType.objects.update(sales_end_at=seat.event.starts_at)
    days = [dt.timedelta(days=turn) for turn in range(12)]

    def act(turn):
        if turn % 3:
            return post(seat, turn)
        event = Event.objects.get()
        times = {"starts_at": event.starts_at + days[turn], "ends_at": event.ends_at + days[turn]}
        return event.reschedule(**times, at=timezone.now()) and None

    answers = [answer for answer in together(12, act) if answer is not None]
    assert codes(answers) == {201: 8}
    event = Event.objects.get()
    assert (event.reserved, TicketType.objects.get().sales_end_at) == (8, event.starts_at)
