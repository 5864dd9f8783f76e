"""What a customer says, and which bookings it may mean."""

import pytest
from django.db import connection

from bookings.models import Booking

pytestmark = pytest.mark.both


@pytest.fixture
def zoe(book):
    return book(customer_name="Zoë van  Quist", customer_email="Zoe.Quist@Example.com").confirm(
        payment_reference="pay_1"
    )


@pytest.fixture
def others(book, make_event, make_type):
    barn = make_type(event=make_event(name="Barn Dance"))
    return [book((barn, 1), customer_name=name, customer_email="x@example.com") for name in ("Ann Lee", "Quentin Zo")]


@pytest.mark.parametrize(
    "words",
    ["quist", "QUIST, zoe", "zoë van", "zoe VAN quist", "zo", " Quis ", "zoe.quist@example.COM", "pay_1", "concert"],
)
def test_words_find_the_booking_that_they_mean(zoe, others, words):
    found = set(Booking.objects.matching(words))
    assert zoe in found
    assert others[0] not in found


@pytest.mark.parametrize("name", ["Pat O'Brien", "Pat O\u2019Brien", "Pat O\u02bcBrien"])
@pytest.mark.parametrize("words", ["o'brien", "O\u2019Brien", "o\u2018brien, pat"])
def test_name_is_found_whichever_apostrophe_is_typed(book, others, name, words):
    brien = book(customer_name=name)
    assert list(Booking.objects.matching(words)) == [brien]


@pytest.mark.parametrize(
    "words",
    ["uist", "van quist", "oe.quist@example.com", "pay", "pay_", "%", "_", "zoe%", "\\", "", "@", "barn concert"],
)
def test_words_in_the_middle_and_signs_of_patterns_find_nothing(zoe, words):
    assert list(Booking.objects.matching(words)) == []


@pytest.mark.parametrize("form", ["{0}{1}", "{0}-{1}", " {0} {1} ", "{0}\N{EN DASH}{1}", "{0}_{1}."])
def test_code_is_found_however_it_is_typed(zoe, others, form):
    code = form.format(zoe.confirmation_code[:4], zoe.confirmation_code[4:])
    assert list(Booking.objects.matching(code)) == list(Booking.objects.matching(code.lower())) == [zoe]


def test_ticket_type_is_found_with_those_bookings_alone_that_have_it(book, make_type):
    seat = make_type(name="Seat")
    box = make_type(name="Royal Box", event=seat.event)
    book((seat, 1))
    both = book((seat, 1), (box, 1), customer_email="b@example.com")
    assert list(Booking.objects.matching("royal")) == [both]
    assert list(Booking.objects.matching("box concert")) == [both]
    assert list(Booking.objects.matching("box barn")) == []


def test_event_and_venue_are_found_by_all_of_the_words(zoe, others, make_venue):
    assert set(Booking.objects.matching("dance old hall")) == set(others)
    assert list(Booking.objects.matching("dance new hall")) == []


def test_corrected_name_is_found_and_the_old_one_is_not(zoe):
    zoe.correct(customer_name="Zoë Quist-Ødegård")
    zoe.refresh_from_db()
    assert (zoe.name_key, zoe.surname_key) == ("zoe quist odegard", "quist odegard zoe")
    assert list(Booking.objects.matching("quist-ø")) == [zoe]
    assert list(Booking.objects.matching("zoe van")) == []


def test_longest_names_have_keys_that_fit(book):
    booking = book(customer_name="ﷺ" * 200)
    assert (len(booking.name_key), len(booking.surname_key)) == (100, 100)
    assert list(Booking.objects.matching("ﷺ" * 200)) == [booking]


@pytest.mark.parametrize("words", ["quist", "concert", "pay_1", "seat"])
def test_search_looks_at_no_booking_but_by_an_index(zoe, words):
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:  # the tables of a test are so small that reading them whole is cheapest
            cursor.execute("SET LOCAL enable_seqscan = off")
    plan = Booking.objects.matching(words).order_by().explain()
    plan = plan.replace("Bitmap Heap Scan", "").replace("Bitmap Index Scan", "")
    assert "SCAN" not in plan.replace("Index Scan using bookings_bookingitem", "").upper()
    assert "booking_by_name" in plan
    assert "booking_by_surname" in plan
