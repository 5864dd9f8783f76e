import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from bookings.models import BookingChange
from bookings.problems import HoldExpired
from events.inventory import release_due

pytestmark = pytest.mark.both


def entries(booking):
    return list(booking.changes.values_list("verb", "from_status", "to_status", "by_name"))


def test_history_says_who_did_what_from_which_state(book, make_type, db):
    user = get_user_model().objects.create(username="clerk")
    booking = book((make_type(), 3))
    booking.correct(customer_name="Ann Smith", by=user)
    booking.confirm(payment_reference="pay-1", by=user)
    booking.cancel(tickets=[booking.tickets.first().code], by=user)
    booking.cancel(reason="ill", by=user)
    assert entries(booking) == [
        ("place", "", "pending", "anonymous"),
        ("correct", "pending", "pending", "clerk"),
        ("confirm", "pending", "confirmed", "clerk"),
        ("cancel tickets", "confirmed", "confirmed", "clerk"),
        ("cancel", "confirmed", "cancelled", "clerk"),
    ]
    corrected = {"fields": ["customer_name"], "customer_name": ["Ann Lee", "Ann Smith"]}
    assert booking.changes.get(verb="correct").details == corrected
    assert booking.changes.get(verb="confirm").details == {"payment_reference": "pay-1"}
    assert booking.changes.get(verb="cancel").details == {"reason": "ill"}


def test_history_of_an_event_cancellation_names_who_cancelled_it(book, make_type):
    user = get_user_model().objects.create(username="boss")
    seat = make_type()
    booking = book((seat, 1))
    seat.event.cancel(reason="storm", at=timezone.now(), by=user)
    assert entries(booking)[-1] == ("cancel", "pending", "cancelled", "boss")


def test_history_of_a_sweep_is_the_systems(book, pass_time):
    booking = book()
    pass_time(minutes=16)
    release_due(booking.event_id, wait=True)
    assert entries(booking)[-1] == ("expire", "pending", "expired", "system")


def test_correction_that_changes_nothing_writes_nothing(book):
    booking = book()
    booking.correct(customer_name=booking.customer_name)
    assert booking.changes.count() == 1


def test_refused_change_writes_nothing(book, pass_time):
    booking = book()
    pass_time(minutes=16)
    with pytest.raises(HoldExpired):
        booking.cancel()
    assert booking.changes.count() == 1


def test_history_cannot_be_changed_or_deleted(book):
    entry = BookingChange.objects.get(booking=book())
    entry.verb = "invent"
    with pytest.raises(TypeError):
        entry.save()
    with pytest.raises(TypeError):
        entry.delete()
    with pytest.raises(TypeError):
        BookingChange.objects.update(verb="invent")
    with pytest.raises(TypeError):
        BookingChange.objects.all().delete()
    assert BookingChange.objects.get().verb == "place"


def test_history_outlives_the_account_that_made_it(book):
    user = get_user_model().objects.create(username="clerk")
    booking = book(by=user)
    user.delete()
    change = booking.changes.get()
    assert (change.by, change.by_name) == (None, "clerk")


def test_history_names_who_let_which_ticket_in(book):
    user = get_user_model().objects.create(username="door")
    booking = book().confirm()
    at = timezone.now()
    ticket = booking.tickets.get().check_in(at=at, by=user)
    assert booking.changes.last().at == at
    ticket.undo_check_in(by=user)
    assert entries(booking)[2:] == [
        ("check in", "confirmed", "confirmed", "door"),
        ("undo check-in", "confirmed", "confirmed", "door"),
    ]
    assert booking.changes.last().details == {"ticket": ticket.code}
