import json
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db.models import F, Value

from bookings.models import Booking, BookingItem, Ticket
from config.values.money import MoneyField
from events.models import Event
from ticket_types.models import TicketType

pytestmark = [pytest.mark.both, pytest.mark.drifts]


@pytest.fixture
def booking(book, make_type, make_event):
    seat = make_type(event=make_event(capacity=10))
    book((seat, 1)).cancel()
    return book((seat, 2)).confirm()


def run(capsys, **options):
    """The exit status, and the lines printed."""
    try:
        call_command("reconcile", no_color=True, **options)
    except SystemExit as stop:
        return stop.code, capsys.readouterr().out.splitlines()
    return 0, capsys.readouterr().out.splitlines()


def test_reconcile_is_quiet_when_all_is_right(booking, capsys):
    assert run(capsys) == (0, ["Every counter equals its rows."])


def test_reconcile_as_json_prints_nothing_when_all_is_right(booking, capsys):
    assert run(capsys, json=True) == (0, [])


def test_reconcile_names_each_row_that_is_off(booking, capsys):
    event, seat = Event.objects.get(), TicketType.objects.get()
    Event.objects.update(reserved=5)
    TicketType.objects.update(reserved=0)
    assert run(capsys) == (
        1,
        [
            f"event {event.pk} (Concert): reserved is 5, but the rows add up to 2",
            f"ticket type {seat.pk} (Seat): reserved is 0, but the rows add up to 2",
            "2 differences.",
        ],
    )
    assert Event.objects.get().reserved == 5


def test_reconcile_fixes_counters_on_request(booking, capsys):
    Event.objects.update(reserved=5)
    TicketType.objects.update(reserved=0)
    code, lines = run(capsys, fix=True)
    assert (code, lines[-1]) == (0, "2 differences, 2 fixed.")
    assert (Event.objects.get().reserved, TicketType.objects.get().reserved) == (2, 2)
    assert run(capsys)[0] == 0


def test_reconcile_speaks_json(booking, capsys):
    Event.objects.update(reserved=5)
    code, lines = run(capsys, json=True)
    assert code == 1
    assert [json.loads(line) for line in lines] == [
        {
            "model": "event",
            "id": str(Event.objects.get().pk),
            "name": "Concert",
            "field": "reserved",
            "stored": 5,
            "counted": 2,
            "is_fixed": False,
        }
    ]


# Of a confirmed booking that is not paid; each adds up, so the constraint lets it in.
ONE = Value(Decimal(1), MoneyField())
TOO_MUCH = {"total_price": F("total_price") + ONE, "amount_due": F("amount_due") + ONE}
WITHOUT_PAYMENT = {"amount_paid": ONE, "amount_due": F("amount_due") - ONE}
WITHOUT_REFUND = {"amount_paid": ONE, "amount_refunded": ONE}
LESS_OWED = {"cancelled_amount": ONE, "amount_due": F("amount_due") - ONE}


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (lambda: Booking.objects.filter(status="confirmed").update(quantity=3), "quantity"),
        (lambda: Booking.objects.filter(status="confirmed").update(**TOO_MUCH), "total_price"),
        (lambda: Booking.objects.filter(status="confirmed").update(**WITHOUT_PAYMENT), "amount_paid"),
        (lambda: Booking.objects.filter(status="confirmed").update(**WITHOUT_REFUND), "amount_refunded"),
        (lambda: Booking.objects.filter(status="confirmed").update(**LESS_OWED), "cancelled_amount"),
        (lambda: Booking.objects.filter(status="confirmed").update(fees=1), "fees"),
        (lambda: Booking.objects.filter(status="confirmed").update(tax=1), "tax"),
        (lambda: BookingItem.objects.filter(quantity=2).update(cancelled_quantity=1), "cancelled_quantity"),
        (lambda: Ticket.objects.filter(pk=Ticket.objects.first().pk).update(status="void"), "tickets"),
    ],
)
def test_reconcile_finds_rows_that_disagree_and_leaves_them_to_a_person(booking, capsys, spoil, field):
    spoil()
    code, lines = run(capsys, fix=True)
    assert code == 1
    assert [line for line in lines if f"booking {booking.pk}" in line and f": {field} is " in line] != []


def test_reconcile_computes_the_tax_again(booking, capsys):
    item = booking.items.get()
    BookingItem.objects.filter(pk=item.pk).update(tax_rate=Decimal("7.7"), tax=Decimal("7.14"))
    Booking.objects.filter(pk=booking.pk).update(tax=Decimal("7.14"))
    assert run(capsys)[0] == 0
    BookingItem.objects.filter(pk=item.pk).update(tax=Decimal("7.13"))
    Booking.objects.filter(pk=booking.pk).update(tax=Decimal("7.13"))
    assert run(capsys) == (
        1, [f"booking {booking.pk} ({booking}): tax is 71300, but the rows add up to 71400", "1 difference."]
    )  # fmt: skip


def test_reconcile_finds_a_valid_ticket_of_a_cancelled_booking(booking, capsys):
    cancelled = Booking.objects.get(status="cancelled")
    Ticket.objects.filter(pk=booking.tickets.first().pk).update(booking=cancelled)
    code, lines = run(capsys)
    assert code == 1
    assert lines == [
        f"booking {booking.pk} ({booking}): tickets is 2, but the rows add up to 1",
        f"booking {cancelled.pk} ({cancelled}): tickets is 0, but the rows add up to 1",
        "2 differences.",
    ]


def test_reconcile_names_what_it_cannot_fix(booking, capsys):
    """Sold beyond capacity, and the counter made to hide it."""
    Event.objects.update(capacity=1, reserved=1)
    code, lines = run(capsys, fix=True)
    assert (code, lines[-1]) == (1, "1 difference.")
    assert Event.objects.get().reserved == 1


def test_reconcile_asks_as_often_for_many_bookings_as_for_one(booking, book, capsys, django_assert_num_queries):
    with django_assert_num_queries(15):  # 14, and what it found is noted
        call_command("reconcile")
    for _ in range(3):
        book((TicketType.objects.get(), 1)).confirm()
    with django_assert_num_queries(15):
        call_command("reconcile")


def test_reconcile_counts_places_from_items_whatever_the_booking_says(booking, capsys):
    """A booking that is off must not lead to a counter that is made wrong."""
    Booking.objects.filter(pk=booking.pk).update(quantity=3)
    code, lines = run(capsys, fix=True)
    assert (code, lines) == (
        1,
        [
            f"booking {booking.pk} ({booking}): quantity is 3, but the rows add up to 2",
            f"booking {booking.pk} ({booking}): tickets is 3, but the rows add up to 2",
            "2 differences.",
        ],
    )
    assert Event.objects.get().reserved == 2
