"""Fees and tax: copied when a booking is placed, part of its total, and unchanged afterwards."""

from decimal import Decimal

import pytest

from bookings import reports
from bookings.models import Booking, BookingChange
from config.tests.harness.answers import errors_in, refused
from ticket_types.models import TicketType

pytestmark = pytest.mark.both


@pytest.fixture
def seat(make_type, make_event):
    return make_type(event=make_event(capacity=10), fee=Decimal("2.50"), tax_rate=Decimal("7.70"))


@pytest.fixture
def box(make_type, seat):
    return make_type(event=seat.event, name="Box", price=Decimal(120), tax_rate=Decimal(20))


def body(*lines, **more):
    items = [{"ticket_type": kind.pk, "quantity": quantity} for kind, quantity in lines]
    return {"customer_name": "Ann Lee", "customer_email": "ann@example.com", "items": items, **more}


ITEMS = [
    {"name": "Seat", "unit_price": "49.90", "unit_fee": "2.50", "tax_rate": "7.7", "quantity": 3,
     "total_price": "157.20", "tax": "11.24"},
    {"name": "Box", "unit_price": "120.00", "unit_fee": "0.00", "tax_rate": "20", "quantity": 1,
     "total_price": "120.00", "tax": "20.00"},
]  # fmt: skip
TOTALS = {"subtotal": "269.70", "fees": "7.50", "tax": "31.24", "total_price": "277.20"}


def money_of(data):
    items = [{name: item[name] for name in ITEMS[0]} for item in data["items"]]
    return items, {name: data[name] for name in TOTALS}


def test_booking_and_quote_show_price_fee_and_tax(anonymous, seat, box):
    quote = anonymous.post("/bookings?dry_run=true", body((seat, 3), (box, 1)))
    booking = anonymous.post("/bookings", body((seat, 3), (box, 1)))
    assert (quote.status_code, booking.status_code) == (200, 201)
    assert money_of(quote.json()) == money_of(booking.json()) == (ITEMS, TOTALS)
    secret = {"Booking-Secret": booking.json()["secret"]}
    stored = anonymous.get(f"/bookings/{booking.json()['id']}", headers=secret)
    assert money_of(stored.json()) == (ITEMS, TOTALS)


@pytest.mark.parametrize("is_late", [False, True])
def test_new_fee_and_rate_leave_bookings_alone(is_late, book, seat, box, pass_time, manager):
    booking = book((seat, 3), (box, 1))
    for kind in (seat, box):
        answer = manager.patch(f"/ticket-types/{kind.pk}", {"price": "60", "fee": "9.99", "tax_rate": "50"})
        assert answer.status_code == 200
    if is_late:
        pass_time(minutes=16)
    booking.confirm(payment_reference="pay_1")
    assert booking.is_late == is_late
    assert money_of(manager.get(f"/bookings/{booking.pk}").json()) == (ITEMS, TOTALS)


def test_refund_includes_the_fee(book, seat):
    booking = book((seat, 3)).confirm(payment_reference="pay_1")
    booking.cancel(tickets=[booking.ticket_list[0].code])
    assert (booking.refund_amount, booking.price_of_places) == (Decimal("52.40"), Decimal("104.80"))
    booking.cancel()
    assert (booking.refund_amount, booking.total_price) == (Decimal("157.20"), Decimal("157.20"))


def test_ticket_that_costs_only_a_fee_is_not_free(book, make_type):
    assert not book((make_type(price=Decimal(0), fee=Decimal(1)), 1)).is_free


# Reports


def test_revenue_is_split_into_price_fees_and_tax(book, seat, box, auditor):
    booking = book((seat, 3), (box, 1)).confirm()
    booking.cancel(tickets=[ticket.code for ticket in booking.ticket_list if ticket.ticket_type_id == seat.pk][:1])
    book((seat, 1))
    seat_tax, box_tax = Decimal("7.49"), Decimal(20)  # 104.80 × 7.7 / 107.7, rounded once
    split = {"revenue": "224.80", "price": "219.80", "fees": "5.00", "tax": str(seat_tax + box_tax)}
    for group_by in ("event", "venue", "day", "month"):
        (row,) = auditor.get(f"/reports/sales?group_by={group_by}").json()["results"]
        assert {name: row[name] for name in split} == split
    rows = auditor.get("/reports/sales?group_by=ticket_type").json()["results"]
    assert [(row["revenue"], row["price"], row["fees"], row["tax"]) for row in rows] == [
        ("104.80", "99.80", "5.00", "7.49"),
        ("120.00", "120.00", "0.00", "20.00"),
    ]
    (row,) = auditor.get("/reports/overview").json()["revenue"]
    assert {name: row[name] for name in split} == split
    assert [row.price for row in reports.totals()] == [Decimal("219.80")]
    table = b"".join(auditor.get("/reports/sales?group_by=event&format=csv").streaming_content).decode("utf-8-sig")
    assert table.splitlines()[0] == "group,label,currency,bookings,tickets,revenue,price,fees,tax,average"


# The expected total


@pytest.mark.parametrize("expected", ["277.20", "277.2"])
def test_booking_with_the_expected_total_is_placed(expected, anonymous, seat, box):
    answer = anonymous.post("/bookings", body((seat, 3), (box, 1), expected_total=expected))
    assert (answer.status_code, answer.json()["total_price"]) == (201, "277.20")


@pytest.mark.parametrize("path", ["/bookings", "/bookings?dry_run=true"])
def test_other_total_is_refused_with_nothing_written(path, anonymous, seat, figures):
    seat.revise(fee=Decimal(3))
    answer = anonymous.post(path, body((seat, 2), expected_total="104.80"))
    assert refused(answer, 409, "price-changed")
    assert errors_in(answer) == [("/expected_total", "price-changed")]
    (error,) = answer.json()["errors"]
    assert (error["expected"], error["total"]) == ("104.80", "105.80")
    assert (Booking.objects.count(), BookingChange.objects.count(), figures()) == (0, 0, {"Concert": 0, "Seat": 0})


def test_retry_after_a_new_price_answers_the_booking(anonymous, seat):
    key = {"Idempotency-Key": "one-of-22-characters-or-more"}
    booked = anonymous.post("/bookings", body((seat, 2), expected_total="104.80"), headers=key).json()
    TicketType.objects.update(price=Decimal(60))
    again = anonymous.post("/bookings", body((seat, 2), expected_total="104.80"), headers=key)
    assert (again.status_code, again["Idempotent-Replayed"], again.json()["id"]) == (201, "true", booked["id"])


@pytest.mark.parametrize(
    ("total", "code"),
    [("104.800", "too-many-decimals"), ("-1", "invalid"), ("1e2", "invalid"), (104.8, "invalid"), (None, "null"),
     ("9" * 14, "invalid")],
)  # fmt: skip
def test_invalid_expected_total_is_400(total, code, anonymous, seat):
    answer = anonymous.post("/bookings", body((seat, 2), expected_total=total))
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [("/expected_total", code)]
    assert Booking.objects.count() == 0
