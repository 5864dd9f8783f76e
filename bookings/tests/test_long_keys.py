"""Texts whose stored derivative is longer than they are: what does not fit its column is refused at its field."""

import pytest

from bookings.models import Booking
from config.tests.harness.answers import errors_in
from config.tests.harness.pages import open_form, send_form, staff

pytestmark = pytest.mark.both

GROWING = ["ß", "ﬃ", "İ"]  # two or three letters each without case


def address(letter):
    return f"a@{'.'.join([letter * 20] * 11)}.com"


def body(seat, **data):
    items = [{"ticket_type": seat.pk, "quantity": 1}]
    return {"customer_name": "Ann", "customer_email": "ann@example.com", "items": items, **data}


@pytest.mark.parametrize("letter", GROWING)
def test_address_that_grows_beyond_its_key_is_400(letter, anonymous, box_office, make_type, book, figures):
    seat = make_type()
    booking = book((seat, 1))
    found = [
        anonymous.post("/bookings", body(seat, customer_email=address(letter))),
        anonymous.post("/bookings?dry_run=true", body(seat, customer_email=address(letter))),
        box_office.patch(f"/bookings/{booking.pk}", {"customer_email": address(letter)}),
    ]
    assert [(it.status_code, errors_in(it)) for it in found] == [(400, [("/customer_email", "invalid")])] * 3
    assert (figures()["Seat"], Booking.objects.get().customer_email) == (1, "ann@example.com")
    assert box_office.get("/bookings", {"customer_email": address(letter)}).json()["results"] == []


@pytest.mark.parametrize("letter", GROWING)
def test_forms_refuse_an_address_that_grows(letter, make_type, book):
    booking, browser = book((make_type(), 1)), staff()
    answer = send_form(browser, booking, open_form(browser, booking), customer_email=address(letter))
    assert list(answer.context["adminform"].form.errors) == ["customer_email"]
    url = f"/admin/bookings/booking/sell/?event={booking.event_id}"
    answer = browser.post(url, {**browser.get(url).context["form"].initial, "customer_email": address(letter)})
    assert answer.context["form"].errors["customer_email"] == ["This e-mail address is too long."]


def test_address_that_does_not_grow_is_kept(anonymous, make_type):
    answer = anonymous.post("/bookings", body(make_type(), customer_email=address("ΐ")))
    assert (answer.status_code, answer.json()["customer_email"]) == (201, address("ΐ"))


@pytest.mark.parametrize(
    ("letter", "status"),
    [("\ufdfa", 201), ("ﬃ", 201), ("\u0958", 400)],  # 18 and 3 letters in the search key; two in NFC, which is stored
)
def test_name_that_grows_is_cut_in_its_keys_or_refused(letter, status, anonymous, box_office, make_type):
    answer = anonymous.post("/bookings", body(make_type(), customer_name=letter * 200))
    assert answer.status_code == status
    if status == 400:
        assert errors_in(answer) == [("/customer_name", "invalid-name")]
    found = box_office.get("/bookings", {"search": letter * 200}).json()["results"]
    assert len(found) == (status == 201)
