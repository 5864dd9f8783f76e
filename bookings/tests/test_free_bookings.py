"""Bookings that cost nothing: who confirms them, and how."""

import pytest

from config.tests.harness.answers import refused
from conftest import holder_of

pytestmark = pytest.mark.both


@pytest.fixture
def free(make_type):
    return make_type(name="Free", price=0)


@pytest.mark.parametrize("is_released", [True, False])
def test_anonymous_client_does_not_confirm_late(is_released, anonymous, box_office, book, free, pass_time, figures):
    booking = book((free, 2))
    pass_time(minutes=16)
    free.refresh_from_db()
    free.revise(price=10)
    if is_released:
        assert anonymous.get(f"/events/{free.event_id}").json()["availability"]["reserved"] == 0
    assert refused(holder_of(booking).post(f"/bookings/{booking.pk}/confirm"), 409, "hold-expired")
    booking.refresh_from_db()
    assert (booking.status, booking.tickets.count(), figures()["Free"]) == ("expired", 0, 0)
    answer = box_office.post(f"/bookings/{booking.pk}/confirm").json()
    assert (answer["status"], answer["is_late"], figures()["Free"]) == ("confirmed", True, 2)
