def test_booking_takes_and_cancel_gives_back(book, make_type):
    seat = make_type(capacity=10)
    booking = book((seat, 3))
    seat.refresh_from_db()
    assert seat.reserved == 3
    booking.confirm()
    assert booking.tickets.count() == 3
    booking.cancel()
    seat.refresh_from_db()
    assert seat.reserved == 0


def test_guest_lists_venues(guest, make_venue):
    make_venue()
    answer = guest.get("/venues")
    assert answer.status_code == 200
    assert answer.json()["count"] == 1
