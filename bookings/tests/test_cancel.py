from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.lifecycle import expire
from bookings.models import Booking, Ticket
from bookings.personal_data import purge_names
from bookings.problems import AlreadyCheckedIn, BookingNotConfirmed, BookingNotPending, HoldExpired, StillNeeded
from config.problems import InvalidInput

pytestmark = pytest.mark.both


@pytest.fixture
def seat(make_type, make_event):
    return make_type(event=make_event(capacity=10))


@pytest.fixture
def confirmed(book, seat):
    return book((seat, 3)).confirm(payment_reference="pay-1")


def codes(booking):
    return list(booking.tickets.values_list("code", flat=True))


def statuses(booking):
    return list(booking.tickets.values_list("status", flat=True))


def test_cancel_pending_gives_the_places_back(book, seat, figures):
    booking = book((seat, 3)).cancel(reason="changed my mind")
    assert (booking.status, booking.cancel_reason, booking.refund_due) == ("cancelled", "changed my mind", False)
    assert figures() == {"Concert": 0, "Seat": 0}


def test_cancel_confirmed_voids_the_tickets_and_marks_the_refund(confirmed, figures):
    confirmed.cancel(reason="ill")
    assert (confirmed.status, confirmed.refund_due) == ("cancelled", True)
    assert statuses(confirmed) == ["void", "void", "void"]
    assert figures() == {"Concert": 0, "Seat": 0}


def test_cancel_twice_gives_back_once(confirmed, book, seat, figures):
    book((seat, 2))
    confirmed.cancel(reason="first")
    confirmed.cancel(reason="second")
    assert confirmed.cancel_reason == "first"
    assert confirmed.changes.filter(verb="cancel").count() == 1
    assert figures() == {"Concert": 2, "Seat": 2}


def test_cancel_of_a_hold_that_ran_out_is_refused(book, seat, pass_time):
    booking = book((seat, 3))
    pass_time(minutes=16)
    with pytest.raises(HoldExpired):
        booking.cancel()


def test_cancel_pending_only_leaves_a_confirmed_booking(confirmed, figures):
    with pytest.raises(BookingNotPending):
        confirmed.cancel(pending_only=True)
    assert confirmed.status == "confirmed"
    assert figures() == {"Concert": 3, "Seat": 3}


def test_cancel_after_a_check_in_is_refused(confirmed, figures):
    confirmed.tickets.first().check_in(at=timezone.now())
    with pytest.raises(AlreadyCheckedIn):
        confirmed.cancel()
    confirmed.refresh_from_db()
    assert confirmed.status == "confirmed"
    assert statuses(confirmed) == ["checked_in", "valid", "valid"]
    assert figures() == {"Concert": 3, "Seat": 3}


def test_cancel_of_one_ticket_gives_one_place_back(confirmed, figures):
    first = codes(confirmed)[0]
    confirmed.cancel(tickets=[first], reason="one of us is ill")
    assert (confirmed.status, confirmed.quantity, confirmed.cancelled_quantity) == ("confirmed", 3, 1)
    assert statuses(confirmed) == ["void", "valid", "valid"]
    assert f"{confirmed.total_price:.2f}" == "149.70"
    assert confirmed.changes.last().details == {"reason": "one of us is ill", "tickets": [first]}
    assert figures() == {"Concert": 2, "Seat": 2}


def test_cancel_of_the_same_ticket_twice_gives_back_once(confirmed, figures):
    first = codes(confirmed)[0]
    confirmed.cancel(tickets=[first])
    confirmed.cancel(tickets=[first, first])
    assert confirmed.cancelled_quantity == 1
    assert figures() == {"Concert": 2, "Seat": 2}


def test_cancel_of_every_ticket_cancels_the_booking(confirmed, figures):
    first, *others = codes(confirmed)
    confirmed.cancel(tickets=[first])
    confirmed.cancel(tickets=others)
    assert confirmed.status == "cancelled"
    assert figures() == {"Concert": 0, "Seat": 0}


def test_cancel_whole_after_one_ticket_gives_the_rest_back(confirmed, figures):
    confirmed.cancel(tickets=codes(confirmed)[:1])
    confirmed.cancel()
    assert figures() == {"Concert": 0, "Seat": 0}


def test_cancel_of_a_foreign_ticket_is_refused(confirmed, book, seat, figures):
    other = book((seat, 1)).confirm()
    with pytest.raises(InvalidInput) as error:
        confirmed.cancel(tickets=[codes(confirmed)[0], codes(other)[0]])
    assert [entry["pointer"] for entry in error.value.errors] == ["/tickets/1"]
    assert statuses(confirmed) == ["valid", "valid", "valid"]
    assert figures() == {"Concert": 4, "Seat": 4}


def test_cancel_of_a_checked_in_ticket_is_refused(confirmed, figures):
    ticket = confirmed.tickets.first().check_in(at=timezone.now())
    with pytest.raises(AlreadyCheckedIn):
        confirmed.cancel(tickets=[ticket.code])
    assert figures() == {"Concert": 3, "Seat": 3}


def test_cancel_of_tickets_before_there_are_any_is_refused(book, seat):
    with pytest.raises(BookingNotConfirmed):
        book((seat, 1)).cancel(tickets=["A" * 26])


def test_event_cancellation_cancels_every_live_booking(book, seat, confirmed, pass_time, figures):
    overdue = book((seat, 1))
    pass_time(minutes=16)
    pending = book((seat, 1))
    done = book((seat, 1)).cancel(reason="before")
    event = seat.event.cancel(reason="storm", at=timezone.now())
    found = {booking.pk: (booking.status, booking.cancel_reason) for booking in Booking.objects.all()}
    assert found == {
        overdue.pk: ("expired", ""),
        pending.pk: ("cancelled", "storm"),
        confirmed.pk: ("cancelled", "storm"),
        done.pk: ("cancelled", "before"),
    }
    assert (event.status, event.cancel_reason, event.reserved) == ("cancelled", "storm", 0)
    assert set(Ticket.objects.values_list("status", flat=True)) == {"void"}
    assert Booking.objects.get(pk=confirmed.pk).refund_due is True
    assert figures() == {"Concert": 0, "Seat": 0}


def test_event_cancellation_twice_is_once(seat, confirmed):
    seat.event.cancel(reason="storm", at=timezone.now())
    seat.event.cancel(reason="flood", at=timezone.now())
    assert seat.event.cancel_reason == "storm"
    assert confirmed.changes.filter(verb="cancel").count() == 1


def test_event_cancellation_goes_in_batches(book, seat, monkeypatch, figures):
    monkeypatch.setattr(expire, "BATCH", 2)
    for number in range(5):
        book((seat, 1), customer_email=f"c{number}@example.com")
    seat.event.cancel(at=timezone.now())
    assert set(Booking.objects.values_list("status", flat=True)) == {"cancelled"}
    assert figures() == {"Concert": 0, "Seat": 0}


def test_interrupted_event_cancellation_is_completed_by_the_next(book, seat, confirmed, monkeypatch, figures):
    release = expire.move_batch

    def die(*args, **kwargs):
        release(*args, **kwargs)
        raise KeyboardInterrupt

    book((seat, 1))
    monkeypatch.setattr(expire, "BATCH", 1)
    monkeypatch.setattr(expire, "move_batch", die)
    with pytest.raises(KeyboardInterrupt):
        seat.event.cancel(reason="storm", at=timezone.now())
    monkeypatch.setattr(expire, "move_batch", release)
    seat.event.cancel(at=timezone.now())
    assert set(Booking.objects.values_list("status", "cancel_reason")) == {("cancelled", "storm")}
    assert figures() == {"Concert": 0, "Seat": 0}


# What is to be paid back


@pytest.fixture
def box(make_type, seat):
    return make_type(name="Box", event=seat.event, price=Decimal("120"))


@pytest.fixture
def mixed(book, seat, box):
    """Two seats and one box, 219.80 altogether."""
    return book((seat, 2), (box, 1)).confirm(payment_reference="pay-1")


def due(booking):
    booking.refresh_from_db()
    return booking.refund_due, f"{booking.refund_amount:.2f}"


def test_cancelled_tickets_of_a_paid_booking_are_due_at_their_own_prices(mixed, box):
    of_box = mixed.tickets.get(ticket_type=box).code
    of_seat = mixed.tickets.exclude(ticket_type=box)[0].code
    mixed.cancel(tickets=[of_box])
    assert (mixed.status, due(mixed)) == ("confirmed", (True, "120.00"))
    mixed.cancel(tickets=[of_box, of_seat])
    assert due(mixed) == (True, "169.90")


def test_rest_of_a_booking_is_added_to_what_is_due_already(mixed):
    mixed.cancel(tickets=codes(mixed)[:1])
    mixed.cancel(reason="ill")
    assert due(mixed) == (True, "219.80")


def test_refund_that_was_paid_is_not_due_again(mixed):
    mixed.cancel(tickets=codes(mixed)[:1])
    mixed.refund()
    assert due(mixed) == (False, "0.00")
    assert mixed.changes.last().details == {"amount": "49.90 EUR"}
    mixed.cancel(tickets=codes(mixed))
    assert (mixed.status, due(mixed)) == ("cancelled", (True, "169.90"))


def test_nothing_is_due_without_a_known_payment(book, seat):
    booking = book((seat, 2)).confirm()
    booking.cancel(tickets=codes(booking)[:1])
    assert due(booking) == (False, "0.00")
    booking.cancel()
    assert due(booking) == (False, "0.00")


def test_nothing_is_due_for_what_cost_nothing(book, make_type, make_event):
    booking = book((make_type(event=make_event(capacity=10), price=0), 2)).confirm(payment_reference="pay-1")
    booking.cancel(tickets=codes(booking)[:1])
    assert due(booking) == (False, "0.00")
    booking.cancel()
    assert due(booking) == (False, "0.00")


def test_event_cancellation_marks_what_is_left_of_each_payment(book, mixed, seat):
    mixed.cancel(tickets=codes(mixed)[:1])
    mixed.refund()
    unpaid = book((seat, 1)).confirm()
    others = [book((seat, 1), customer_email=f"c{n}@x.example").confirm(payment_reference=f"p{n}") for n in range(3)]
    with CaptureQueriesContext(connection) as queries:
        seat.event.cancel(at=timezone.now())
    marks = [query["sql"] for query in queries if query["sql"].startswith("UPDATE") and "refund_amount" in query["sql"]]
    assert len(marks) == 1
    assert [due(booking) for booking in (mixed, unpaid, *others)] == [
        (True, "169.90"), (False, "0.00"), *[(True, "49.90")] * 3,
    ]  # fmt: skip


def test_booking_with_a_refund_due_keeps_its_name_while_it_lives(mixed, pass_time):
    mixed.cancel(tickets=codes(mixed)[:1])
    pass_time(days=800)
    with pytest.raises(StillNeeded):
        Booking.erase_customer(mixed.customer_email)
    assert purge_names(timezone.now(), by="system") == 0
    mixed.refund()
    assert purge_names(timezone.now(), by="system") == 1
