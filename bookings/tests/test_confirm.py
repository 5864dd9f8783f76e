import pytest
from django.utils import timezone

from bookings.models import Booking, BookingChange, Ticket
from bookings.problems import BookingCancelled, HoldExpired, NothingToRefund
from events.inventory import release_due

pytestmark = pytest.mark.both


@pytest.fixture
def seat(make_type, make_event):
    return make_type(event=make_event(capacity=4))


def history(booking):
    return list(BookingChange.objects.filter(booking=booking).values_list("verb", "from_status", "to_status"))


def test_confirm_issues_a_ticket_for_each_place(book, seat, make_type):
    standing = make_type(event=seat.event, name="Standing")
    booking = book((seat, 2), (standing, 1)).confirm(payment_reference="pay-1")
    tickets = list(booking.tickets.values_list("ticket_type__name", "status"))
    assert tickets == [("Seat", "valid"), ("Seat", "valid"), ("Standing", "valid")]
    assert (booking.status, booking.payment_reference, booking.is_late) == ("confirmed", "pay-1", False)
    assert booking.confirmed_at is not None
    assert len({ticket.code for ticket in booking.tickets.all()}) == 3


def test_confirm_twice_is_once(book, seat, figures):
    booking = book((seat, 2)).confirm(payment_reference="pay-1")
    codes = set(booking.tickets.values_list("code", flat=True))
    first = booking.confirmed_at
    booking = Booking.objects.get(pk=booking.pk).confirm(payment_reference="pay-1")
    assert set(booking.tickets.values_list("code", flat=True)) == codes
    assert booking.confirmed_at == first
    assert history(booking) == [("place", "", "pending"), ("confirm", "pending", "confirmed")]
    assert figures() == {"Concert": 2, "Seat": 2}


def test_confirmed_booking_knows_its_items_and_tickets(book, seat, django_assert_num_queries):
    booking = Booking.objects.get(pk=book((seat, 2)).pk).confirm()
    with django_assert_num_queries(0):
        assert [(it.quantity, it.booking) for it in booking.item_list] == [(2, booking)]
        assert [(it.status, it.booking) for it in booking.ticket_list] == [("valid", booking)] * 2
    for ticket in booking.ticket_list:
        ticket.check_in(at=timezone.now())
    assert set(Ticket.objects.values_list("status", flat=True)) == {"checked_in"}


def test_confirm_again_with_another_payment_keeps_both_references(book, seat):
    booking = book((seat, 1)).confirm(payment_reference="pay-1").confirm(payment_reference="pay-2")
    assert booking.payment_reference == "pay-1"
    assert booking.changes.last().details == {"payment_reference": "pay-2"}


@pytest.mark.parametrize("is_swept", [True, False])
def test_confirm_late_takes_the_places_again(book, seat, pass_time, figures, is_swept):
    booking = book((seat, 2))
    seat.revise(price=99)
    pass_time(minutes=16)
    if is_swept:
        assert release_due(wait=True) == 1
    booking = Booking.objects.get(pk=booking.pk).confirm(payment_reference="pay-1")
    assert (booking.status, booking.is_late, booking.refund_due) == ("confirmed", True, False)
    assert booking.tickets.count() == 2
    assert f"{booking.total_price:.2f}" == "99.80"
    assert figures() == {"Concert": 2, "Seat": 2}
    assert history(booking) == [
        ("place", "", "pending"),
        ("expire", "pending", "expired"),
        ("confirm late", "expired", "confirmed"),
    ]


@pytest.mark.parametrize("is_swept", [True, False])
def test_confirm_late_when_the_places_are_gone_keeps_the_reference(book, seat, pass_time, figures, is_swept):
    booking = book((seat, 2))
    pass_time(minutes=16)
    if is_swept:
        release_due(wait=True)
    book((seat, 3), customer_email="bob@example.com")
    with pytest.raises(HoldExpired):
        booking.confirm(payment_reference="pay-1")
    booking.refresh_from_db()
    assert (booking.status, booking.payment_reference, booking.refund_due) == ("expired", "pay-1", True)
    assert booking.tickets.count() == 0
    assert booking.changes.last().details == {"payment_reference": "pay-1"}
    assert figures() == {"Concert": 3, "Seat": 3}


def test_refusal_of_a_late_confirmation_says_why_and_when_to_come_back(book, seat, pass_time):
    booking = book((seat, 2))
    pass_time(minutes=16)
    other = book((seat, 3))
    with pytest.raises(HoldExpired) as error:
        booking.confirm()
    assert [{**entry, "detail": ""} for entry in error.value.errors] == [
        {
            "pointer": "",
            "code": "sold-out",
            "detail": "",
            "requested": 2,
            "available": 1,
            "held": 3,
            "next_release_at": other.expires_at.isoformat().replace("+00:00", "Z"),
        }
    ]
    assert 890 <= error.value.retry_after <= 901


def test_confirm_late_without_a_reference_marks_no_refund(book, seat, pass_time):
    booking = book((seat, 2))
    pass_time(minutes=16)
    book((seat, 3))
    with pytest.raises(HoldExpired):
        booking.confirm()
    booking.refresh_from_db()
    assert (booking.payment_reference, booking.refund_due) == ("", False)


def test_confirm_late_that_works_at_last_needs_no_refund(book, seat, pass_time):
    booking = book((seat, 2))
    pass_time(minutes=16)
    other = book((seat, 3))
    with pytest.raises(HoldExpired):
        booking.confirm(payment_reference="pay-1")
    other.cancel()
    booking.confirm(payment_reference="pay-1")
    assert (booking.status, booking.refund_due, booking.payment_reference) == ("confirmed", False, "pay-1")


def test_confirm_late_over_the_customers_limit_is_refused(book, seat, pass_time, figures):
    seat.event.revise(max_per_customer=2)
    booking = book((seat, 2))
    pass_time(minutes=16)
    book((seat, 1))
    with pytest.raises(HoldExpired) as error:
        booking.confirm(payment_reference="pay-1")
    assert [entry["code"] for entry in error.value.errors] == ["customer-limit"]
    booking.refresh_from_db()
    assert (booking.status, booking.refund_due) == ("expired", True)
    assert figures() == {"Concert": 1, "Seat": 1}


def test_confirm_late_after_sales_have_closed_works(book, seat, pass_time):
    booking = book((seat, 2))
    pass_time(minutes=16)
    seat.refresh_from_db()
    seat.revise(sales_end_at=timezone.now())
    assert booking.confirm(payment_reference="pay-1").status == "confirmed"


def test_confirm_late_of_a_cancelled_event_is_refused(book, seat, pass_time):
    booking = book((seat, 2))
    pass_time(minutes=16)
    seat.event.cancel(at=timezone.now())
    with pytest.raises(HoldExpired) as error:
        booking.confirm(payment_reference="pay-1")
    assert [(entry["code"], entry["reason"]) for entry in error.value.errors] == [("not-on-sale", "cancelled")]
    booking.refresh_from_db()
    assert (booking.status, booking.refund_due) == ("expired", True)


def test_confirm_of_a_cancelled_booking_keeps_the_reference(book, seat, figures):
    booking = book((seat, 2)).cancel()
    with pytest.raises(BookingCancelled):
        booking.confirm(payment_reference="pay-1")
    booking.refresh_from_db()
    assert (booking.status, booking.payment_reference, booking.refund_due) == ("cancelled", "pay-1", True)
    assert figures() == {"Concert": 0, "Seat": 0}


def test_refund_of_what_is_due_keeps_the_reference(book, seat):
    booking = book((seat, 2)).cancel()
    with pytest.raises(BookingCancelled):
        booking.confirm(payment_reference="pay-1")
    booking.refund()
    assert (booking.refund_due, booking.payment_reference) == (False, "pay-1")
    assert booking.changes.last().verb == "refund"
    with pytest.raises(NothingToRefund):
        booking.refund()
    assert booking.changes.filter(verb="refund").count() == 1


def test_refused_payment_is_due_whole_and_once(book, seat, pass_time):
    booking = book((seat, 2))
    pass_time(minutes=16)
    book((seat, 3), customer_email="other@example.com")
    for _ in range(2):
        with pytest.raises(HoldExpired):
            booking.confirm(payment_reference="pay-1")
        booking.refresh_from_db()
        assert (booking.refund_due, booking.refund_amount) == (True, booking.total_price)
    booking.refund()
    with pytest.raises(HoldExpired):
        booking.confirm(payment_reference="pay-1")  # told of again, as payment providers do
    booking.refresh_from_db()
    assert (booking.refund_due, booking.refund_amount) == (False, 0)
    with pytest.raises(HoldExpired):
        booking.confirm(payment_reference="pay-2")
    booking.refresh_from_db()
    assert (booking.refund_due, booking.refund_amount) == (True, booking.total_price)
