"""Two people with a copy each of one row, loaded before either acted: no threads needed to see a race."""

import pytest
from django.utils import timezone

from bookings.models import Booking, Ticket
from bookings.problems import (
    AlreadyCheckedIn,
    BookingCancelled,
    HoldExpired,
    NotCheckedIn,
    NothingToRefund,
    RefundChanged,
    TicketVoid,
)
from config.problems import InUse
from events.inventory import release_due
from events.models import Event, EventCancelled
from ticket_types.models import TicketType

pytestmark = pytest.mark.both


@pytest.fixture
def seat(make_type, make_event):
    return make_type(event=make_event(capacity=10))


@pytest.fixture
def twins(book, seat):
    """Two copies of a pending booking of two places."""
    booking = book((seat, 2))
    return Booking.objects.get(pk=booking.pk), Booking.objects.get(pk=booking.pk)


@pytest.fixture
def confirmed_twins(book, seat):
    booking = book((seat, 2)).confirm()
    return Booking.objects.get(pk=booking.pk), Booking.objects.get(pk=booking.pk)


def two(model):
    return model.objects.get(), model.objects.get()


def test_confirm_and_confirm(twins, figures):
    one, other = twins
    one.confirm(payment_reference="pay-1")
    other.confirm(payment_reference="pay-1")
    assert Ticket.objects.count() == 2
    assert other.status == "confirmed"
    assert figures() == {"Concert": 2, "Seat": 2}


def test_cancel_and_cancel(twins, book, seat, figures):
    book((seat, 3))
    one, other = twins
    one.cancel()
    other.cancel()
    assert figures() == {"Concert": 3, "Seat": 3}


def test_cancel_and_cancel_confirmed(confirmed_twins, book, seat, figures):
    book((seat, 3))
    one, other = confirmed_twins
    one.cancel()
    other.cancel()
    assert figures() == {"Concert": 3, "Seat": 3}


def test_cancel_and_confirm(twins, figures):
    one, other = twins
    one.cancel()
    with pytest.raises(BookingCancelled):
        other.confirm(payment_reference="pay-1")
    assert Ticket.objects.count() == 0
    assert list(other.changes.values_list("verb", flat=True)) == ["place", "cancel", "refuse payment"]
    assert figures() == {"Concert": 0, "Seat": 0}


def test_confirm_and_cancel(twins, figures):
    one, other = twins
    one.confirm()
    other.cancel()
    assert set(Ticket.objects.values_list("status", flat=True)) == {"void"}
    assert figures() == {"Concert": 0, "Seat": 0}


def test_expire_and_confirm(twins, pass_time, figures):
    _, other = twins
    pass_time(minutes=16)
    release_due(wait=True)
    other.confirm(payment_reference="pay-1")
    assert other.is_late is True
    assert figures() == {"Concert": 2, "Seat": 2}


def test_confirm_late_and_confirm_late(twins, pass_time, figures):
    one, other = twins
    pass_time(minutes=16)
    one.confirm(payment_reference="pay-1")
    other.confirm(payment_reference="pay-1")
    assert Ticket.objects.count() == 2
    assert figures() == {"Concert": 2, "Seat": 2}


def test_expire_and_cancel(twins, pass_time, figures):
    _, other = twins
    pass_time(minutes=16)
    release_due(wait=True)
    with pytest.raises(HoldExpired):
        other.cancel()
    assert figures() == {"Concert": 0, "Seat": 0}


def test_confirm_and_expire(twins, pass_time, figures):
    one, _ = twins
    one.confirm()
    pass_time(minutes=16)
    assert release_due(wait=True) == 0
    assert figures() == {"Concert": 2, "Seat": 2}


def test_cancel_of_one_ticket_twice(confirmed_twins, figures):
    one, other = confirmed_twins
    code = one.tickets.first().code
    one.cancel(tickets=[code])
    other.cancel(tickets=[code])
    assert other.cancelled_quantity == 1
    assert figures() == {"Concert": 1, "Seat": 1}


def test_cancel_of_one_ticket_and_of_the_whole(confirmed_twins, figures):
    one, other = confirmed_twins
    one.cancel(tickets=[one.tickets.first().code])
    other.cancel()
    assert figures() == {"Concert": 0, "Seat": 0}


def test_cancel_of_the_whole_and_of_one_ticket(confirmed_twins, figures):
    one, other = confirmed_twins
    one.cancel()
    other.cancel(tickets=[other.tickets.first().code])
    assert figures() == {"Concert": 0, "Seat": 0}


def test_correct_and_confirm(twins):
    one, other = twins
    one.correct(customer_name="Ann Smith")
    other.confirm()
    stored = Booking.objects.get()
    assert (stored.customer_name, stored.status) == ("Ann Smith", "confirmed")
    assert (other.customer_name, other.status) == ("Ann Smith", "confirmed")


def test_confirm_and_correct(twins):
    one, other = twins
    one.confirm()
    other.correct(customer_email="smith@example.com")
    stored = Booking.objects.get()
    assert (stored.customer_email, stored.customer_key, stored.status) == (
        "smith@example.com",
        "smith@example.com",
        "confirmed",
    )


def test_renew_secret_and_renew_secret(twins):
    one, other = twins
    one.renew_secret()
    other.renew_secret()
    one.refresh_from_db()
    assert one.secret == other.secret
    assert one.changes.filter(verb="renew secret").count() == 2


def test_refund_and_refund(twins):
    one, other = twins
    one.cancel()
    with pytest.raises(BookingCancelled):
        one.confirm(payment_reference="pay-1")
    other.refresh_from_db()
    one.refund()
    with pytest.raises(NothingToRefund):
        other.refund()
    assert other.changes.filter(verb="refund").count() == 1


def test_cancel_tickets_and_refund(twins):
    """Somebody pays back what was due when they looked, and more is due by then."""
    one, other = twins
    one.confirm(payment_reference="pay-1")
    first, second = one.tickets.values_list("code", flat=True)
    one.cancel(tickets=[first])
    other.refresh_from_db()
    one.cancel(tickets=[second])
    with pytest.raises(RefundChanged):
        other.refund(expected=other.refund_amount)
    one.refresh_from_db()
    assert one.refund_amount == 2 * other.refund_amount
    one.refund(expected=one.refund_amount)
    assert one.changes.last().details == {"amount": "99.80 EUR"}


def test_confirm_late_and_refund(twins, pass_time):
    """The refund that somebody is about to pay is not due any more: the customer has places after all."""
    one, other = twins
    pass_time(minutes=16)
    one.confirm(payment_reference="pay-1")
    with pytest.raises(NothingToRefund):
        other.refund()
    other.refresh_from_db()
    assert (other.status, other.refund_due) == ("confirmed", False)
    assert other.changes.filter(verb="refund").count() == 0


def test_check_in_and_check_in(confirmed_twins):
    code = confirmed_twins[0].tickets.first().code
    one, other = Ticket.objects.get(code=code), Ticket.objects.get(code=code)
    one.check_in(at=timezone.now())
    first = one.checked_in_at
    with pytest.raises(AlreadyCheckedIn):
        other.check_in(at=timezone.now())
    one.refresh_from_db()
    assert one.checked_in_at == first


def test_cancel_and_check_in(confirmed_twins):
    booking, _ = confirmed_twins
    ticket = booking.tickets.first()
    booking.cancel()
    with pytest.raises(TicketVoid):
        ticket.check_in(at=timezone.now())


def test_undo_and_undo(confirmed_twins):
    code = confirmed_twins[0].tickets.first().code
    one, other = Ticket.objects.get(code=code), Ticket.objects.get(code=code)
    one.check_in(at=timezone.now())
    other.refresh_from_db()
    one.undo_check_in()
    with pytest.raises(NotCheckedIn):
        other.undo_check_in()


def test_event_cancel_and_cancel(seat, book, figures):
    booking = book((seat, 2))
    one, other = two(Event)
    one.cancel(reason="storm", at=timezone.now())
    other.cancel(reason="flood", at=timezone.now())
    assert other.cancel_reason == "storm"
    assert booking.changes.filter(verb="cancel").count() == 1
    assert figures() == {"Concert": 0, "Seat": 0}


def test_event_publish_and_publish(make_event):
    make_event(is_published=False)
    one, other = two(Event)
    one.publish(at=timezone.now())
    other.publish(at=timezone.now())
    assert (other.status, other.updated_at) == ("published", one.updated_at)


def test_event_remove_and_revise(make_event):
    make_event()
    one, other = two(Event)
    one.remove()
    with pytest.raises(Event.DoesNotExist):
        other.revise(name="New name")
    assert Event.objects.count() == 0


def test_event_booked_and_removed(seat, book):
    event = Event.objects.get()
    book((seat, 1))
    with pytest.raises(InUse):
        event.remove()
    with pytest.raises(InUse):
        TicketType.objects.get().remove()
    with pytest.raises(InUse):
        event.venue.remove()
    assert Event.objects.count() == 1


def test_event_cancel_and_publish(make_event):
    make_event(is_published=False)
    one, other = two(Event)
    one.cancel(at=timezone.now())
    with pytest.raises(EventCancelled):
        other.publish(at=timezone.now())
    assert Event.objects.get().status == "cancelled"


def test_save_of_a_stale_event_keeps_the_sales(seat, book, figures):
    one, other = two(Event)
    book((seat, 4))
    one.revise(name="New name")
    assert figures() == {"New name": 4, "Seat": 4}
    other.save()  # even a full save, as from a shell
    assert figures() == {"Concert": 4, "Seat": 4}


def test_save_of_a_stale_ticket_type_keeps_the_sales(seat, book, figures):
    one, other = two(TicketType)
    book((seat, 4))
    one.revise(name="New name")
    other.save()
    assert figures() == {"Concert": 4, "Seat": 4}


def test_revise_of_two_fields_by_two_people_keeps_both(seat):
    one, other = two(Event)
    one.revise(name="New name")
    other.revise(description="New text")
    stored = Event.objects.get()
    assert (stored.name, stored.description) == ("New name", "New text")
