from decimal import Decimal

import pytest

from config.tests.harness.pages import act, faults_of, form_on, messages_of, open_form, send_form, staff, url
from ticket_types.models import TicketType


def add(event, **typed):
    browser = staff()
    form = form_on(browser.get(url(TicketType, "add")), TicketType)
    return browser.post(
        url(TicketType, "add"), {**form, "event": event.pk, "name": "Seat", "price": "49.90", **typed}, follow=True
    )


def test_ticket_type_is_offered(make_event):
    add(make_event(), capacity="20")
    assert list(TicketType.objects.values_list("name", "price", "capacity", "reserved")) == [
        ("Seat", Decimal("49.90"), 20, 0)
    ]


def test_fee_and_tax_rate_are_entered_and_shown(make_event):
    browser = add(make_event(), fee="2.5", tax_rate="7.70").client
    seat = TicketType.objects.get()
    form = open_form(browser, seat)
    assert (form["price"], form["fee"], form["tax_rate"]) == ("49.90", "2.50", "7.7")
    send_form(browser, seat, form, fee="3", tax_rate="100")
    seat.refresh_from_db()
    assert (seat.fee, seat.tax_rate, seat.price_with_fee) == (3, 100, Decimal("52.90"))
    page = browser.get(url(TicketType, "changelist")).content.decode()
    assert "52.90\N{NO-BREAK SPACE}EUR" in page
    assert "with a fee of 3.00\N{NO-BREAK SPACE}EUR" in page
    history = browser.get(url(TicketType, "history", seat.pk)).content.decode()
    assert "7.7 % → 100 %" in history


@pytest.mark.parametrize(
    ("name", "value"), [("fee", "0.5"), ("fee", "-1"), ("tax_rate", "100.1"), ("tax_rate", "1.2345")]
)
def test_fee_or_tax_rate_without_measure_is_refused(make_event, name, value):
    assert list(faults_of(add(make_event(currency="JPY"), price="500", **{name: value}))) == [name]
    assert TicketType.objects.count() == 0


def test_price_with_more_decimals_than_its_currency_is_refused(make_event):
    assert faults_of(add(make_event(currency="JPY"))) == {"price": ["JPY has 0 decimals."]}
    assert TicketType.objects.count() == 0


@pytest.mark.parametrize("price", ["-1", "1000000000", "1" + "0" * 30, "NaN", "1e400"])
def test_price_without_measure_is_refused(make_event, price):
    assert list(faults_of(add(make_event(), price=price))) == ["price"]
    assert TicketType.objects.count() == 0


def test_second_ticket_type_of_a_name_is_refused(make_type):
    seat = make_type()
    assert faults_of(add(seat.event)) == {"__all__": ["The event has a ticket type of that name already."]}
    assert TicketType.objects.count() == 1


def test_name_that_was_taken_meanwhile_is_refused(make_type):
    seat = make_type()
    browser = staff()
    form = open_form(browser, seat)
    make_type(event=seat.event, name="Standing")
    answer = send_form(browser, seat, form, name="Standing")
    assert faults_of(answer) == {"name": ["The event has a ticket type of that name already."]}
    assert sorted(TicketType.objects.values_list("name", flat=True)) == ["Seat", "Standing"]


def test_quantity_below_what_was_booked_meanwhile_is_refused(make_type, book):
    seat = make_type(capacity=20)
    browser = staff()
    form = open_form(browser, seat)
    book((seat, 4))
    answer = send_form(browser, seat, form, capacity="3")
    assert faults_of(answer) == {"capacity": ["More places than that are reserved."]}
    seat.refresh_from_db()
    assert (seat.capacity, seat.reserved) == (20, 4)


def test_new_price_keeps_what_was_booked_meanwhile(make_type, book):
    seat = make_type(capacity=20)
    browser = staff()
    form = open_form(browser, seat)
    assert form["price"] == "49.90"
    book((seat, 4))
    send_form(browser, seat, form, price="60")
    seat.refresh_from_db()
    assert (seat.price, seat.reserved) == (Decimal(60), 4)
    assert seat.booking_items.get().unit_price == Decimal("49.90")


def test_ticket_type_stays_with_its_event(make_type, make_event):
    seat, other = make_type(), make_event(name="Other")
    browser = staff()
    send_form(browser, seat, open_form(browser, seat), event=other.pk, name="Chair")
    assert TicketType.objects.values_list("name", "event__name").get() == ("Chair", "Concert")


def test_price_is_shown_with_its_currency(make_type):
    make_type()
    assert "49.90\N{NO-BREAK SPACE}EUR" in staff().get(url(TicketType, "changelist")).content.decode()


def test_deleting_a_booked_ticket_type_is_refused_in_words(make_type, book):
    seat = make_type()
    unsold = make_type(event=seat.event, name="Standing")
    book((seat, 1))
    answer = act(staff(), "delete_selected", seat, unsold, post="yes")
    assert messages_of(answer) == [
        ("success", "Deleted: 1 ticket type."),
        ("error", "Seat: 1 booking refers to it."),
    ]
    assert list(TicketType.objects.all()) == [seat]
