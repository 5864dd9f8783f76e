"""Codes and ids, as people type and scanners read them."""

from urllib.parse import quote

import pytest

from bookings.codes import typed
from conftest import holder_of

pytestmark = pytest.mark.both

FORMS = [
    str.lower,
    "{}\r".format,
    "\t{} ".format,
    " {}\n".format,
    "{}\x1d".format,  # the separator that some scanners add
    "{}\u200b".format,
    lambda code: "-".join((code[:6], code[6:13], code[13:])),
    lambda code: " ".join((code[:6], code[6:13], code[13:])).lower(),
    lambda code: f"{code[:13]}\N{EN DASH}{code[13:]}",
]


@pytest.fixture
def ticket(book):
    return book().confirm().tickets.get()


@pytest.mark.parametrize("form", FORMS)
def test_ticket_is_let_in_however_its_code_is_typed(door, ticket, form):
    path = f"/tickets/{quote(form(ticket.code))}"
    assert door.get(path).json()["code"] == ticket.code
    assert door.post(f"{path}/check-in").status_code == 200
    assert door.post(f"{path}/undo-check-in").status_code == 200


@pytest.mark.parametrize("form", FORMS)
def test_ticket_is_cancelled_however_its_code_is_typed(box_office, ticket, form):
    answer = box_office.post(f"/bookings/{ticket.booking_id}/cancel", {"tickets": [form(ticket.code)]})
    assert answer.json()["status"] == "cancelled"


@pytest.mark.parametrize("code", ["A" * 25 + "\u017f", "A" * 25 + "0", "A" * 27, "A" * 25 + "\uff21", ""])
def test_other_codes_stay_other_codes(code):
    assert typed(code) == code


@pytest.mark.parametrize("form", [str.upper, str.lower, str.title])
def test_id_of_a_booking_is_read_without_regard_to_case(box_office, book, form):
    booking = book()
    path = f"/bookings/{form(str(booking.pk))}"
    assert holder_of(booking).get(path).json()["id"] == str(booking.pk)
    assert box_office.get(path).status_code == 200
    assert box_office.get(f"/payments?booking={form(str(booking.pk))}").status_code == 200
    assert box_office.post(f"{path}/confirm", {"payment_reference": "pay_1"}).json()["status"] == "confirmed"


@pytest.mark.parametrize("form", [*FORMS[:4], lambda code: f"{code[:4]}-{code[4:]}\r"])
def test_confirmation_code_is_searched_however_it_is_typed(box_office, ticket, form):
    code = form(ticket.booking.confirmation_code)
    found = box_office.get("/bookings", {"search": code}).json()["results"]
    assert [row["confirmation_code"] for row in found] == [ticket.booking.confirmation_code]
