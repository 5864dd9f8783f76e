import datetime as dt

import pytest
from django.utils import timezone

from bookings.models import Booking
from bookings.problems import BookingCancelled, BookingNotPending, HoldExpired
from conftest import make_user
from events.inventory import release_due

pytestmark = pytest.mark.both

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def seat(make_type, make_event):
    return make_type(event=make_event(capacity=10))


def left(booking):
    """In minutes, as people would say it."""
    return round((booking.expires_at - timezone.now()) / MINUTE)


def data(booking):
    return Booking.objects.values().get(pk=booking.pk), booking.changes.count()


def test_extended_hold_lasts_from_now(book, seat, pass_time):
    booking = book((seat, 2))
    pass_time(minutes=10)
    booking.refresh_from_db()
    assert left(booking) == 5
    booking.extend(hold=30 * MINUTE)
    assert (left(booking), booking.status, booking.seconds_left(timezone.now()) > 29 * 60) == (30, "pending", True)


def test_extended_hold_lasts_as_long_as_any_unless_told(book, seat, pass_time, settings):
    booking = book((seat, 2))
    pass_time(minutes=10)
    assert left(booking.extend()) == settings.BOOKING_HOLD_MINUTES


def test_hold_is_extended_to_what_the_settings_allow_at_most(book, seat, settings):
    settings.BOOKING_HOLD_MINUTES_MAX = 20
    assert left(book((seat, 2)).extend(hold=500 * MINUTE)) == 20


def test_hold_that_lasts_longer_already_stays_as_it_is(book, seat):
    booking = book((seat, 2), hold=40 * MINUTE)
    before = data(booking)
    assert not booking.extend(hold=5 * MINUTE).is_extended
    assert data(booking) == before
    assert booking.extend(hold=50 * MINUTE).is_extended


def test_extended_hold_keeps_its_places_when_the_first_one_would_be_over(book, seat, pass_time, figures):
    booking = book((seat, 10), hold=15 * MINUTE).extend(hold=30 * MINUTE)
    pass_time(minutes=20)
    release_due(wait=True)
    booking.refresh_from_db()
    assert (booking.status, figures()) == ("pending", {"Concert": 10, "Seat": 10})
    pass_time(minutes=11)
    release_due(wait=True)
    booking.refresh_from_db()
    assert (booking.status, figures()) == ("expired", {"Concert": 0, "Seat": 0})


def test_history_says_who_extended_a_hold_and_until_when(book, seat):
    clerk = make_user(username="clerk")
    booking = book((seat, 2)).extend(hold=30 * MINUTE, by=clerk)
    entry = booking.changes.last()
    assert (entry.verb, entry.from_status, entry.to_status, entry.by_name) == ("extend", "pending", "pending", "clerk")
    assert dt.datetime.fromisoformat(entry.details["expires_at"]) == booking.expires_at


@pytest.mark.parametrize(
    ("end", "refusal"),
    [
        (lambda booking: booking.confirm(), BookingNotPending),
        (lambda booking: booking.cancel(), BookingCancelled),
    ],
)
def test_booking_that_is_not_pending_is_not_extended(book, seat, end, refusal):
    stale = book((seat, 2))
    end(Booking.objects.get(pk=stale.pk))
    before = data(stale)
    with pytest.raises(refusal):
        stale.extend(hold=30 * MINUTE)
    assert data(stale) == before


@pytest.mark.parametrize("is_swept", [False, True])
def test_hold_that_ran_out_is_not_extended(book, seat, pass_time, is_swept):
    booking = book((seat, 2))
    pass_time(minutes=16)
    if is_swept:
        release_due(wait=True)
    before = data(booking)
    with pytest.raises(HoldExpired):
        booking.extend(hold=30 * MINUTE)
    assert data(booking) == before
