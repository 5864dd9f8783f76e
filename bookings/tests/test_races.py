"""Real threads with a connection each. That these tests can fail is shown by the same race without its guard."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import connection, connections, transaction
from django.db.models import F
from django.utils import timezone

from bookings.lifecycle import offer, place, sql
from bookings.lifecycle.transitions import LostRace
from bookings.models import Booking, Ticket
from bookings.problems import AlreadyCheckedIn, BookingCancelled, HoldExpired, TicketVoid
from bookings.reconciliation import drifts
from config.problems import DomainError
from conftest import client_of
from events.inventory import release_due
from events.models import CapacityAboveVenue, Event
from ticket_types.models import TicketType
from venues.models import CapacityBelowEvents, Venue

pytestmark = [pytest.mark.both, pytest.mark.django_db(transaction=True)]

HOUR = dt.timedelta(hours=1)
KEY = {"Idempotency-Key": "the-key-of-an-anonymous-client"}


def together(count, action):
    """Calls `action(0)`, `action(1)`, … at the same moment, each in a thread; returns what they returned, in order."""
    start = threading.Barrier(count)

    def run(number):
        try:
            start.wait(timeout=30)
            return action(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(run, range(count)))


def post(seat, number, quantity=1, **more):
    body = {
        "customer_name": "Ann Lee",
        "customer_email": f"c{number}@example.com",
        "items": [{"ticket_type": seat.pk, "quantity": quantity}],
    }
    return client_of().post("/bookings", {**body, **more.pop("body", {})}, **more)


def codes(answers):
    found = [answer.status_code for answer in answers]
    return {code: found.count(code) for code in set(found)}


def test_32_bookings_for_10_places_sell_exactly_10(make_type, make_event):
    seat = make_type(event=make_event(capacity=10))
    answers = together(32, lambda number: post(seat, number))
    assert codes(answers) == {201: 10, 409: 22}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"sold-out"}
    assert Event.objects.get().reserved == 10


def test_32_bookings_for_10_of_a_type_sell_exactly_10(make_type, make_event):
    seat = make_type(event=make_event(capacity=100), capacity=10)
    assert codes(together(32, lambda number: post(seat, number))) == {201: 10, 409: 22}
    assert TicketType.objects.get().reserved == 10


@pytest.mark.drifts
def test_the_same_without_the_conditional_update_oversells(make_type, make_event, monkeypatch):
    """The negative control: it adds to what was read, as naive code does."""

    offers = threading.local()

    def look(ids):
        offers.last = offer.look(ids)
        return offers.last

    def naive(booking, items, change, told, event):
        with transaction.atomic():
            booking.save(force_insert=True)
            for row in (*items, change, told):
                row.save()
            ticket_type = offers.last.ticket_types[items[0].ticket_type_id]
            for model, stock in ((TicketType, ticket_type), (Event, offers.last.event)):
                if stock.capacity is not None and stock.reserved >= stock.capacity:
                    raise LostRace
                model.objects.filter(pk=stock.id).update(reserved=stock.reserved + 1)

    monkeypatch.setattr(place, "look", look)
    monkeypatch.setattr(place, "write", naive)
    for number in range(20):
        seat = make_type(event=make_event(capacity=10, name=f"Concert {number}"))
        together(32, lambda number, seat=seat: post(seat, number))
        if list(drifts()):
            return
    pytest.fail("20 rounds, and nothing was sold too often: this race finds nothing.")


def test_items_in_opposite_order_never_deadlock(make_type, make_event):
    event = make_event(capacity=100)
    one, other = make_type(event=event, name="One"), make_type(event=event, name="Other")

    def both(number):
        first, second = (one, other) if number % 2 else (other, one)
        items = [{"ticket_type": first.pk, "quantity": 1}, {"ticket_type": second.pk, "quantity": 1}]
        return [post(first, number, body={"items": items}).status_code for _ in range(3)]

    assert together(12, both) == [[201, 201, 201]] * 12
    assert Event.objects.get().reserved == 72


def test_24_twins_on_one_key_book_once(make_type, make_event):
    seat = make_type(event=make_event(capacity=100))
    answers = together(24, lambda _: post(seat, 0, headers=KEY))
    assert codes(answers) == {201: 24}
    assert len({answer.json()["id"] for answer in answers}) == Booking.objects.count() == 1
    assert len([answer for answer in answers if "Idempotent-Replayed" not in answer]) == 1


def test_twins_that_are_refused_leave_the_key_free(make_type, make_event):
    seat = make_type(event=make_event(capacity=1))
    hold = Booking.objects.get(pk=post(seat, 99).json()["id"])
    assert codes(together(8, lambda _: post(seat, 0, headers=KEY))) == {409: 8}
    hold.cancel()
    assert post(seat, 0, headers=KEY).status_code == 201


def test_50_bookings_of_one_customer_stop_at_the_limit(make_type, make_event):
    seat = make_type(event=make_event(capacity=100, max_per_customer=7))
    answers = together(50, lambda _: post(seat, 0))
    assert codes(answers) == {201: 7, 409: 43}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"customer-limit"}


def hold_at_once(make_type, make_event):
    """How many places of 4 events one client holds that asks 32 times at once for 2."""
    seats = [make_type(event=make_event(capacity=100, name=f"Concert {number}")) for number in range(4)]
    before = Booking.objects.count()
    answers = together(32, lambda number: post(seats[number % 4], number, 2))
    assert set(codes(answers)) <= {201, 429}
    return 2 * (Booking.objects.count() - before)


HELD = "bookings_held_by_client(%(client_key)s)"
SNAPSHOT = "(SELECT COALESCE(SUM(quantity), 0) FROM bookings_booking WHERE client_key = %(client_key)s)"
SLOWLY = "+ LENGTH(pg_sleep(0.01)::text)"  # so that all of them have counted before one has booked


def test_32_bookings_of_one_client_stop_at_its_limit(make_type, make_event, settings, monkeypatch):
    settings.ANONYMOUS_PLACES_PER_CLIENT = 9
    monkeypatch.setattr(sql, "CLAIM", sql.CLAIM.replace(HELD, f"{HELD} {SLOWLY}"))
    assert hold_at_once(make_type, make_event) == 8
    assert hold_at_once(make_type, make_event) == 0


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite lets one write at a time.")
def test_the_same_without_the_lock_on_the_client_is_caught(make_type, make_event, settings, monkeypatch):
    settings.ANONYMOUS_PLACES_PER_CLIENT = 9
    monkeypatch.setattr(sql, "CLAIM", sql.CLAIM.replace(HELD, f"{SNAPSHOT} {SLOWLY}"))
    for _ in range(20):
        if hold_at_once(make_type, make_event) > 8:
            return
        Booking.objects.update(client_key="")
    pytest.fail("20 rounds, and nothing was held too often: this race finds nothing.")


def test_confirm_cancel_and_expire_at_once_give_back_once(make_type, make_event, book):
    """Each hold is overdue or not, and confirmed, cancelled and swept at the same moment."""
    seat = make_type(event=make_event(capacity=200))
    for number in range(40):
        book((seat, 2), customer_email=f"c{number}@example.com")
    some = Booking.objects.values_list("pk", flat=True)[:20]
    shift = Booking.objects.filter(pk__in=list(some))
    shift.update(created_at=F("created_at") - HOUR, expires_at=F("expires_at") - HOUR)
    ids = list(Booking.objects.values_list("pk", flat=True))

    def act(number):
        if number == 0:
            release_due()
            return
        for pk in ids if number % 2 else reversed(ids):
            booking = Booking.objects.get(pk=pk)
            try:
                booking.confirm(payment_reference=f"pay-{number}-{pk}") if number % 3 else booking.cancel()
            except (HoldExpired, BookingCancelled):
                continue

    together(7, act)
    assert {booking.status for booking in Booking.objects.all()} <= {"confirmed", "cancelled", "expired"}
    assert Event.objects.get().reserved == 2 * Booking.objects.filter(status="confirmed").count()


def test_hold_that_is_extended_while_others_want_its_places_is_kept_or_gone(make_type, make_event, book):
    """At the very moment at which it runs out: whoever is told that it goes on has its places, and nobody else."""
    for turn in range(10):
        seat = make_type(event=make_event(capacity=2, name=f"Concert {turn}"), name=f"Seat {turn}")
        booking = book((seat, 2), hold=dt.timedelta(milliseconds=20 + 20 * turn))

        def act(number, booking=booking, seat=seat):
            if number:
                return [post(seat, number, 2).status_code for _ in range(3)]
            try:
                Booking.objects.get(pk=booking.pk).extend(hold=HOUR)
            except HoldExpired:
                return "gone"
            return "kept"

        extended, *others = together(4, act)
        booking.refresh_from_db()
        sold = [code for codes in others for code in codes].count(201)
        assert (extended, booking.status_at(timezone.now()), sold) in [
            ("kept", "pending", 0),
            ("gone", "expired", 1),
        ]


def test_capacity_cut_during_a_rush_never_oversells(make_type, make_event):
    seat = make_type(event=make_event(capacity=30))

    def act(number):
        if number:
            return post(seat, number).status_code
        for capacity in (20, 10, 25, 5, 15):
            try:
                Event.objects.get().revise(capacity=capacity)
            except Exception as error:
                assert "capacity" in str(error)  # noqa: PT017  the constraint's name
        return None

    together(32, act)
    event = Event.objects.get()
    assert event.reserved == Booking.objects.count() <= event.capacity


def test_staff_edits_during_a_rush_lose_no_sale(make_type, make_event):
    seat = make_type(event=make_event(capacity=100))

    def act(number):
        if number < 4:
            for turn in range(10):
                Event.objects.get().revise(name=f"Name {number}.{turn}")
                TicketType.objects.get().revise(price=number * 10 + turn)
            return None
        return post(seat, number).status_code

    answers = together(24, act)
    assert answers[4:] == [201] * 20
    assert Event.objects.get().reserved == TicketType.objects.get().reserved == 20


def test_venue_that_shrinks_and_event_that_grows_never_pass_each_other(make_venue, make_event):
    for turn in range(10):
        venue = make_venue(capacity=100)
        event = make_event(venue=venue, capacity=10, name=f"Concert {turn}")

        def act(number, venue=venue, event=event):
            try:
                if number:
                    Event.objects.get(pk=event.pk).revise(capacity=100)
                else:
                    Venue.objects.get(pk=venue.pk).revise(capacity=50)
            except (CapacityAboveVenue, CapacityBelowEvents):
                return "refused"
            return "done"

        assert sorted(together(2, act)) == ["done", "refused"]
        event.refresh_from_db()
        assert event.capacity <= Venue.objects.get(pk=venue.pk).capacity


def test_event_that_is_cancelled_during_a_rush_keeps_no_live_booking(make_type, make_event):
    seat = make_type(event=make_event(capacity=100))

    def act(number):
        if number == 10:
            Event.objects.get().cancel(reason="storm", at=timezone.now())
            return None
        return [post(seat, number).status_code for _ in range(3)]

    answers = [code for codes in together(20, act) if codes for code in codes]
    assert set(answers) <= {201, 409}
    assert set(Booking.objects.values_list("status", flat=True)) <= {"cancelled"}
    assert Event.objects.get().reserved == 0


def scan(ticket):
    try:
        Ticket.objects.get(pk=ticket.pk).check_in(at=timezone.now())
    except (AlreadyCheckedIn, TicketVoid):
        return "refused"
    return "in"


def test_one_ticket_at_several_doors_lets_one_in(make_type, book):
    seat = make_type(max_per_booking=25)
    for ticket in book((seat, 25)).confirm().tickets.all():
        assert sorted(together(4, lambda _, ticket=ticket: scan(ticket))) == ["in"] + ["refused"] * 3


@pytest.mark.parametrize("what", ["booking", "ticket", "event"])
def test_ticket_at_the_door_while_it_is_cancelled_is_one_or_the_other(make_type, make_event, book, what):
    """A check-in stops the cancellation of its booking, but not that of the event."""
    for turn in range(20):
        seat = make_type(event=make_event(name=f"Concert {turn}"), name=f"Seat {turn}")
        booking = book((seat, 2)).confirm()
        ticket = booking.tickets.first()

        def act(number, booking=booking, ticket=ticket, seat=seat):
            if number:
                return scan(ticket)
            try:
                if what == "event":
                    seat.event.cancel(at=timezone.now())
                else:
                    booking.cancel(tickets=[ticket.code] if what == "ticket" else None)
            except AlreadyCheckedIn:
                return "kept"
            return "cancelled"

        answers = tuple(together(2, act))
        ticket.refresh_from_db()
        expected = {("kept", "in"): "checked_in", ("cancelled", "refused"): "void"}
        if what == "event":
            expected[("cancelled", "in")] = "void"
        assert ticket.status == expected[answers]


def test_tickets_while_their_booking_is_cancelled_are_paid_back_once(make_type, make_event, book):
    for turn in range(20):
        seat = make_type(event=make_event(name=f"Concert {turn}"), name=f"Seat {turn}")
        booking = book((seat, 4)).confirm(payment_reference=f"pay_{turn}")
        first, second = booking.tickets.values_list("code", flat=True)[:2]

        def act(number, booking=booking, tickets=(None, [first], [first, second])):
            Booking.objects.get(pk=booking.pk).cancel(tickets=tickets[number])

        together(3, act)
        booking.refresh_from_db()
        assert (booking.status, booking.refund_amount) == ("cancelled", booking.total_price)


def test_booking_while_its_event_is_deleted_is_one_or_the_other(make_type, make_event):
    for turn in range(10):
        seat = make_type(event=make_event(name=f"Concert {turn}"))
        event = seat.event

        def act(number, seat=seat, event=event):
            if number:
                return post(seat, number).status_code
            try:
                Event.objects.get(pk=event.pk).remove()
            except Exception as error:
                assert isinstance(error, DomainError) or "foreign key" in str(error).lower()  # noqa: PT017
                return "kept"
            return "removed"

        deleted, booked = together(2, act)
        assert (deleted, booked) in [("kept", 201), ("removed", 400)]
        assert Event.objects.filter(pk=event.pk).exists() == (deleted == "kept")


def test_key_whose_twin_takes_too_long_is_in_progress(make_type, make_event):
    """On SQLite the twin waits for its turn instead: there is one writer, and the wait is longer than any booking."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no lock on a key to wait for: a twin queues for the one write lock.")
    seat = make_type(event=make_event(capacity=10))
    is_inserted, may_go_on = threading.Event(), threading.Event()

    def act(number):
        if number:
            is_inserted.wait(10)
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '200ms'")
            answer = post(seat, 0, headers=KEY)
            may_go_on.set()
            return answer
        from django.db import transaction

        with transaction.atomic():
            answer = post(seat, 0, headers=KEY)
            is_inserted.set()
            may_go_on.wait(10)
        return answer

    first, twin = together(2, act)
    assert first.status_code == 201
    assert (twin.status_code, twin.json()["code"], twin["Retry-After"]) == (409, "request-in-progress", "1")


@contextmanager
def turn_taken(event):
    """Another session has the turn at an event as long as the block lasts, and whoever waits for it gives up soon."""
    other = connection.copy()
    with other.cursor() as held, connection.cursor() as waiting:
        held.execute("SELECT pg_advisory_lock(%s, %s)", [1, event.pk])
        waiting.execute("SET lock_timeout = '200ms'")
        try:
            yield
        finally:
            waiting.execute("RESET lock_timeout")
            held.execute("SELECT pg_advisory_unlock(%s, %s)", [1, event.pk])
            other.close()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite lets one write at a time, and has no such locks.")
def test_bookings_of_an_event_take_turns_and_those_of_others_go_on(make_type):
    seat, elsewhere = make_type(), make_type()
    with turn_taken(seat.event):
        assert post(elsewhere, 1).status_code == 201
        assert (refused := post(seat, 2)).status_code == 503
        assert refused["Retry-After"]
    assert Booking.objects.filter(event=seat.event).count() == 0  # it waited with all of it inserted
    assert post(seat, 2).status_code == 201
