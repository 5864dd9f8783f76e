"""Two doors, one ticket, and uploads of offline scans in between: one entry each."""

import threading

import pytest
from django.db import connection
from django.utils import timezone

from bookings.door import entries
from bookings.door.entries import Sent, check_in_booking, check_in_scans
from bookings.door.models import Scan
from bookings.models import Booking, BookingChange, Ticket
from bookings.problems import AlreadyCheckedIn, TicketVoid
from bookings.tests.test_races import together

pytestmark = [pytest.mark.both, pytest.mark.django_db(transaction=True)]

ROUNDS = 200


@pytest.fixture
def make_tickets(make_type, make_event, book):
    def make(number, **data):
        seat = make_type(event=make_event(capacity=1000, **data), max_per_booking=100)
        bookings = [book((seat, min(100, number - done))).confirm() for done in range(0, number, 100)]
        return [ticket for booking in bookings for ticket in booking.tickets.all()]

    return make


def at_the_door(ticket):
    try:
        Ticket.objects.get(pk=ticket.pk).check_in(at=timezone.now())
    except (AlreadyCheckedIn, TicketVoid):
        return 0
    return 1


def upload(codes, name):
    """One scan of each code; returns how many were let in."""
    at = timezone.now()
    sent = [Sent(f"{name} {code}", code, at) for code in codes]
    answers, _ = check_in_scans(sent, client="user:1", at=at)
    return [answer.result for answer in answers].count("admitted")


def entries_of(ticket):
    return BookingChange.objects.filter(verb="check in", details__ticket=ticket.code).count()


def test_each_ticket_lets_one_in_at_two_doors_with_uploads_in_between(make_tickets):
    tickets = make_tickets(ROUNDS)
    codes, admitted = [ticket.code for ticket in tickets], 0
    for number, ticket in enumerate(tickets):
        near = codes[number : number + 5]

        def act(door, ticket=ticket, near=near, number=number):
            match door:
                case 0 | 1:
                    return at_the_door(ticket)
                case 2:
                    return upload(reversed(near), f"first {number}")
            return upload({near[-1], near[0]}, f"second {number}")

        admitted += sum(together(4, act))
        ticket.refresh_from_db()
        assert (ticket.status, entries_of(ticket)) == ("checked_in", 1)
    assert admitted == ROUNDS
    assert BookingChange.objects.filter(verb="check in").count() == ROUNDS


def test_the_same_without_the_condition_lets_two_in(make_tickets, monkeypatch):
    """The negative control: it looks first, and then writes."""
    (ticket,), both_have_looked = make_tickets(1), threading.Barrier(2)

    def move(self, source, target, verb, where=None, *, by, at=None, **changes):
        is_moved = self.status == source
        both_have_looked.wait(timeout=30)
        if is_moved:
            Ticket.objects.filter(pk=self.pk).update(status=target, **changes)
            BookingChange.entry(self.booking_id, verb, "confirmed", "confirmed", by=by, ticket=self.code).save()
        return is_moved

    monkeypatch.setattr(Ticket, "move", move)
    assert together(2, lambda _: at_the_door(ticket)) == [1, 1]
    assert entries_of(ticket) == 2


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer")
def test_uploads_without_locks_let_two_in(make_tickets, monkeypatch):
    (ticket,), both_have_looked = make_tickets(1), threading.Barrier(2)

    def look(*, codes, events=()):
        found = {it.code: it for it in Ticket.objects.for_answers().filter(code__in=codes)}
        both_have_looked.wait(timeout=30)
        return found

    monkeypatch.setattr(entries, "locked", look)
    assert together(2, lambda number: upload([ticket.code], str(number))) == [1, 1]
    assert entries_of(ticket) == 2


def test_same_upload_at_the_same_time_counts_once(make_tickets):
    codes = [ticket.code for ticket in make_tickets(20)]
    unknown = [f"{'A' * 24}{number}A" for number in "23456789"]
    for _ in range(10):
        assert together(3, lambda number: upload([*codes, *unknown], "again")) == [20] * 3
    assert BookingChange.objects.filter(verb="check in").count() == 20
    assert Scan.objects.count() == 28


def test_group_and_single_scans_let_each_in_once(make_tickets):
    for turn in range(10):
        tickets = make_tickets(6, name=f"Concert {turn}")
        booking = Booking.objects.get(pk=tickets[0].booking_id)

        def act(door, tickets=tickets, booking=booking):
            if door:
                return sum(at_the_door(ticket) for ticket in tickets[::door])
            try:
                return len(check_in_booking(booking, at=timezone.now()))
            except AlreadyCheckedIn:
                return 0

        assert sum(together(3, act)) == 6
        assert [entries_of(ticket) for ticket in tickets] == [1] * 6


def test_uploads_while_the_event_is_cancelled_do_not_deadlock(make_tickets):
    for turn in range(10):
        tickets = make_tickets(150, name=f"Concert {turn}")
        codes, event = [ticket.code for ticket in tickets], tickets[0].booking.event

        def act(door, codes=codes, event=event, turn=turn):
            if door == 0:
                event.cancel(at=timezone.now())
                return 0
            return upload(codes if door == 1 else reversed(codes), f"{turn} {door}")

        admitted = sum(together(3, act))
        assert admitted in (0, 150)
        assert set(Ticket.objects.filter(booking__event=event).values_list("status", flat=True)) == {"void"}
