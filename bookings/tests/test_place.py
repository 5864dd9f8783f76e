import datetime as dt
from decimal import Decimal

import pytest
from django.utils import timezone

from bookings.lifecycle.offer import look
from bookings.lifecycle.place import BookingRequest, Line
from bookings.lifecycle.transitions import LostRace
from bookings.models import Booking, BookingChange, BookingItem
from bookings.problems import CustomerLimit, NotOnSale, SoldOut
from config.problems import InvalidInput
from events.models import Event

pytestmark = pytest.mark.both


@pytest.fixture
def event(make_event):
    return make_event(capacity=10)


@pytest.fixture
def seat(make_type, event):
    return make_type(event=event, name="Seat", price=Decimal("49.90"), capacity=6)


@pytest.fixture
def standing(make_type, event):
    return make_type(event=event, name="Standing", price=Decimal("20"))


def refused(error):
    """What a refusal says of each place, without its sentence."""
    return [{key: value for key, value in entry.items() if key != "detail"} for entry in error.value.errors]


def test_place_takes_from_event_and_types(book, seat, standing, figures):
    booking = book((seat, 2), (standing, 1))
    assert figures() == {"Concert": 3, "Seat": 2, "Standing": 1}
    assert booking.status == "pending"
    assert booking.quantity == 3


def test_place_copies_prices_names_and_currency(book, seat, standing):
    booking = book((seat, 2), (standing, 1))
    seat.revise(price=Decimal("99"), name="Best seat")
    booking = Booking.objects.get(pk=booking.pk)
    items = list(booking.items.values_list("name", "unit_price", "quantity", "total_price"))
    assert items == [
        ("Seat", Decimal("49.90"), 2, Decimal("99.80")),
        ("Standing", Decimal("20"), 1, Decimal("20")),
    ]
    assert (booking.total_price, booking.currency) == (Decimal("119.80"), "EUR")


def test_place_holds_for_the_settings_minutes(book, settings):
    settings.BOOKING_HOLD_MINUTES = 7
    booking = book()
    assert booking.expires_at - booking.created_at == dt.timedelta(minutes=7)


def test_place_holds_for_as_long_as_asked(book):
    booking = book(hold=dt.timedelta(minutes=3))
    assert booking.expires_at - booking.created_at == dt.timedelta(minutes=3)


def test_place_clamps_the_hold_to_the_settings_maximum(book, settings):
    settings.BOOKING_HOLD_MINUTES_MAX = 20
    booking = book(hold=dt.timedelta(minutes=600))
    assert booking.expires_at - booking.created_at == dt.timedelta(minutes=20)


def test_place_reads_the_database_clock(book):
    before = timezone.now() - dt.timedelta(seconds=1)
    assert before < book().created_at < timezone.now() + dt.timedelta(seconds=1)


def test_place_writes_history(book):
    booking = book()
    change = BookingChange.objects.get(booking=booking)
    assert (change.verb, change.from_status, change.to_status, change.by_name) == ("place", "", "pending", "anonymous")
    assert change.at == booking.created_at


def test_place_beyond_the_type_is_sold_out(book, seat, standing, figures):
    held = book((seat, 4))
    with pytest.raises(SoldOut) as error:
        book((standing, 1), (seat, 3))
    assert refused(error) == [
        {
            "pointer": "/items/1/quantity",
            "code": "sold-out",
            "requested": 3,
            "available": 2,
            "held": 4,
            "next_release_at": held.expires_at.isoformat().replace("+00:00", "Z"),
        }
    ]
    assert 890 <= error.value.retry_after <= 901
    assert figures() == {"Concert": 4, "Seat": 4, "Standing": 0}


def test_place_beyond_the_event_is_sold_out(book, seat, standing, figures):
    book((seat, 5)).confirm()
    with pytest.raises(SoldOut) as error:
        book((standing, 6))
    assert refused(error) == [
        {
            "pointer": "/items/0/quantity",
            "code": "sold-out",
            "requested": 6,
            "available": 5,
            "held": 0,
            "next_release_at": None,
        }
    ]
    assert error.value.retry_after is None
    assert figures() == {"Concert": 5, "Seat": 5, "Standing": 0}


def test_place_that_waits_for_holds_of_another_type_counts_these(book, event, seat, standing):
    held = book((standing, 8))
    with pytest.raises(SoldOut) as error:
        book((seat, 3))
    found = [(entry["available"], entry["held"], entry["next_release_at"]) for entry in refused(error)]
    assert found == [(2, 8, held.expires_at.isoformat().replace("+00:00", "Z"))]
    assert error.value.retry_after is not None


def test_place_whose_items_fit_alone_but_not_together_is_sold_out(book, seat, standing, figures):
    with pytest.raises(SoldOut) as error:
        book((seat, 6), (standing, 5))
    assert [(entry["pointer"], entry["requested"], entry["available"]) for entry in refused(error)] == [
        ("/items", 11, 10)
    ]
    assert figures() == {"Concert": 0, "Seat": 0, "Standing": 0}
    assert Booking.objects.count() == BookingItem.objects.count() == BookingChange.objects.count() == 0


def test_place_of_the_last_place_works(book, seat, figures):
    book((seat, 6))
    with pytest.raises(SoldOut):
        book((seat, 1))
    assert figures() == {"Concert": 6, "Seat": 6}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sales_start_at": dt.timedelta(minutes=1)}, "not_started"),
        ({"sales_end_at": dt.timedelta(minutes=-1)}, "ended"),
    ],
)
def test_place_outside_the_sales_window_is_refused(book, seat, figures, change, reason):
    seat.revise(**{name: timezone.now() + delta for name, delta in change.items()})
    with pytest.raises(NotOnSale) as error:
        book((seat, 1))
    assert refused(error) == [{"pointer": "/items/0/ticket_type", "code": "not-on-sale", "reason": reason}]
    assert figures() == {"Concert": 0, "Seat": 0}


def test_place_when_the_event_is_cancelled_is_refused(book, seat, event, figures):
    event.cancel(at=timezone.now())
    with pytest.raises(NotOnSale) as error:
        book((seat, 1))
    assert [entry["reason"] for entry in refused(error)] == ["cancelled"]
    assert figures() == {"Concert": 0, "Seat": 0}


def test_place_when_the_event_is_over_is_refused(book, seat, pass_time, figures):
    pass_time(days=31)
    with pytest.raises(NotOnSale) as error:
        book((seat, 1))
    assert [entry["reason"] for entry in refused(error)] == ["ended"]
    assert figures() == {"Concert": 0, "Seat": 0}


def test_place_of_a_draft_says_that_there_is_none(book, make_event, make_type):
    seat = make_type(event=make_event(is_published=False))
    with pytest.raises(InvalidInput) as error:
        book((seat, 1))
    assert refused(error) == [{"pointer": "/items/0/ticket_type", "code": "does-not-exist"}]


def test_place_of_an_unknown_type_is_refused(seat, db):
    with pytest.raises(InvalidInput) as error:
        Booking.place(
            customer_name="Ann", customer_email="ann@example.com", lines=[Line(seat.pk, 1), Line(seat.pk + 99, 1)]
        )
    assert refused(error) == [{"pointer": "/items/1/ticket_type", "code": "does-not-exist"}]


def test_place_of_two_events_is_refused(book, seat, make_type, make_event, figures):
    other = make_type(event=make_event(name="Other"), name="Other seat")
    with pytest.raises(InvalidInput) as error:
        book((seat, 1), (other, 1))
    assert refused(error) == [{"pointer": "/items/1/ticket_type", "code": "other-event"}]
    assert figures() == {"Concert": 0, "Seat": 0, "Other": 0, "Other seat": 0}


def test_place_of_one_type_twice_is_refused(book, seat, figures):
    with pytest.raises(InvalidInput) as error:
        book((seat, 1), (seat, 1))
    assert refused(error) == [{"pointer": "/items/1/ticket_type", "code": "given-twice"}]
    assert figures() == {"Concert": 0, "Seat": 0}


@pytest.mark.parametrize("quantity", [1, 5])
def test_place_outside_the_types_bounds_is_refused(book, seat, figures, quantity):
    seat.revise(min_per_booking=2, max_per_booking=4)
    with pytest.raises(InvalidInput) as error:
        book((seat, quantity))
    assert refused(error) == [{"pointer": "/items/0/quantity", "code": "quantity-out-of-range"}]
    assert figures() == {"Concert": 0, "Seat": 0}


@pytest.mark.parametrize("quantity", [2, 4])
def test_place_at_the_types_bounds_works(book, seat, figures, quantity):
    seat.revise(min_per_booking=2, max_per_booking=4)
    book((seat, quantity))
    assert figures() == {"Concert": quantity, "Seat": quantity}


def test_place_over_the_customers_limit_is_refused(book, seat, event, figures):
    event.revise(max_per_customer=3)
    held = book((seat, 2))
    with pytest.raises(CustomerLimit) as error:
        book((seat, 2), customer_email="ANN@Example.COM")
    assert refused(error) == [
        {
            "pointer": "/items",
            "code": "customer-limit",
            "requested": 2,
            "available": 1,
            "max_per_customer": 3,
            "held": 2,
            "next_release_at": held.expires_at.isoformat().replace("+00:00", "Z"),
        }
    ]
    assert 890 <= error.value.retry_after <= 901
    assert figures() == {"Concert": 2, "Seat": 2}


def test_customers_limit_counts_only_live_places_of_that_event_and_address(book, seat, event, make_type, pass_time):
    event.revise(max_per_customer=2)
    book((seat, 2), hold=dt.timedelta(minutes=5))
    pass_time(minutes=6)  # that hold is due, and not released
    book((seat, 2)).cancel()
    book((make_type(name="Elsewhere"), 2))
    book((seat, 2), customer_email="bob@example.com")
    assert book((seat, 2)).status == "pending"
    with pytest.raises(CustomerLimit):
        book((seat, 1))


def test_cancelled_tickets_do_not_count_towards_the_customers_limit(book, seat, event):
    event.revise(max_per_customer=2)
    booking = book((seat, 2)).confirm()
    booking.cancel(tickets=[booking.tickets.first().code])
    assert book((seat, 1)).status == "pending"
    with pytest.raises(CustomerLimit):
        book((seat, 1))


def test_booking_on_a_capacity_that_has_grown_works(book, seat, event, figures):
    event.revise(capacity=1)
    book((seat, 1))
    event.revise(capacity=2)
    book((seat, 1))
    assert figures() == {"Concert": 2, "Seat": 2}


@pytest.fixture
def request_of_two(seat):
    data = {"customer_name": "Ann Lee", "customer_email": "ann@example.com", "metadata": {}, "hold": None}
    return BookingRequest(lines=(Line(seat.pk, 2),), key=None, by=None, **data)


STALE = {
    "sold meanwhile": lambda seat: type(seat).objects.get().revise(capacity=1),
    "event sold meanwhile": lambda seat: seat.event.revise(capacity=1),
    "event cancelled": lambda seat: seat.event.cancel(at=timezone.now()),
    "event over": lambda seat: Event.objects.update(
        starts_at=timezone.now() - dt.timedelta(hours=2), ends_at=timezone.now() - dt.timedelta(hours=1)
    ),
    "other currency": lambda seat: seat.event.revise(currency="USD"),
    "sales closed": lambda seat: seat.revise(sales_end_at=timezone.now() - dt.timedelta(seconds=1)),
    "sales put off": lambda seat: seat.revise(sales_start_at=timezone.now() + dt.timedelta(hours=1)),
    "limit for a customer": lambda seat: seat.event.revise(max_per_customer=1),
    "fewer in a booking": lambda seat: seat.revise(max_per_booking=1),
    "more in a booking": lambda seat: seat.revise(min_per_booking=3),
}


@pytest.mark.parametrize("change", STALE.values(), ids=STALE)
def test_claim_on_a_stale_look_does_nothing(request_of_two, seat, change, figures):
    """Every limit is part of the claim itself: whatever changed since the look, the claim finds out."""
    offer = look([seat.pk])
    change(seat)
    with pytest.raises(LostRace):
        request_of_two.claim(offer)
    assert figures() == {"Concert": 0, "Seat": 0}
    assert Booking.objects.count() == BookingItem.objects.count() == BookingChange.objects.count() == 0


def test_claim_on_a_look_that_still_stands_books(request_of_two, seat, figures):
    request_of_two.claim(look([seat.pk]))
    assert figures() == {"Concert": 2, "Seat": 2}


def test_refresh_discards_loaded_items_and_tickets(book):
    booking = book()
    assert [item.quantity for item in booking.item_list] == [1]
    assert booking.ticket_list == []
    booking.confirm(payment_reference="pay_1")
    booking.refresh_from_db()
    assert not {"item_list", "ticket_list"} & booking.__dict__.keys()
