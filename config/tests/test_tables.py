"""Tables to take away: what is in a cell, how much memory they need, and which rows are in them."""

import csv
import datetime as dt
import io
import tracemalloc
from decimal import Decimal

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.models import Booking, BookingChange, BookingItem, Ticket
from config.access.models import ApiToken
from config.access.roles import Role
from config.api import tables
from config.backoffice.base import BaseAdmin
from config.backoffice.tables import table_rows
from config.history.models import Change
from config.tests.harness.pages import staff, url
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+49 170", "'+49 170"),
        ("-5", "'-5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("\nx", "'\nx"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("1+1", "1+1"),
        ("Ann", "Ann"),
        (" =1", " '=1"),
        (-5, -5),
        (Decimal("-1.50"), Decimal("-1.50")),
        (None, ""),
        (0, 0),
    ],
)
def test_cell_that_a_spreadsheet_would_run_is_text(value, shown):
    assert tables.cell(value) == shown


def test_table_can_be_read_back():
    rows = [["a,b", 'say "hi"'], ["two\nlines", "Zoë 🎟"]]
    text = "".join(tables.csv_chunks(["one", "=two"], rows))
    assert text.startswith("\ufeffone,'=two\r\n")
    assert list(csv.reader(io.StringIO(text, newline="")))[1:] == rows


def test_table_is_written_while_it_is_read():
    read = []

    def rows():
        for number in range(1000):
            read.append(number)
            yield [number]

    chunks = tables.csv_chunks(["n"], rows())
    next(chunks)
    assert len(read) == tables.ROWS_PER_CHUNK
    next(chunks)
    assert len(read) == 2 * tables.ROWS_PER_CHUNK


def test_what_goes_wrong_at_once_goes_wrong_before_an_answer_begins():
    with pytest.raises(ZeroDivisionError):
        tables.csv_response("x", ["n"], ([1 / number] for number in (0, 1)))


def test_table_of_many_rows_needs_no_more_memory_than_one_of_few(make_venue):

    def peak(count):
        Venue.objects.bulk_create(
            [Venue(name=f"Hall {number}", address="Main Street" * 20, capacity=5) for number in range(count)]
        )
        columns = {"name": "name", "address": "address", "capacity": "capacity", "zone": "timezone"}
        tracemalloc.start()
        try:
            rows = sum(1 for _ in tables.csv_response("v", list(columns), table_rows(Venue.objects.all(), columns)))
            return rows, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    (few, first), (many, second) = peak(6_000), peak(18_000)
    assert (few, many) == (6_000 // tables.ROWS_PER_CHUNK + 1, 24_000 // tables.ROWS_PER_CHUNK + 1)
    assert second < first * 1.1 < 5_000_000  # bytes


# Of the admin's lists


def table(answer):
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8"), answer
    text = b"".join(answer.streaming_content).decode()
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def export(browser, model, **query):
    return browser.get(url(model, "export"), query)


OURS = [Venue, Event, TicketType, Booking, BookingItem, Ticket, BookingChange, ApiToken, Change]


def test_every_list_of_ours_can_be_taken_away():
    ours = [model for model, page in admin.site._registry.items() if isinstance(page, BaseAdmin)]
    assert [model for model in ours if not admin.site._registry[model].exported] == []
    assert set(OURS) <= set(ours)


@pytest.fixture
def season(make_venue, make_event, make_type, book):
    event = make_event(
        name="=Play", venue=make_venue(name="Hall"), starts_at=dt.datetime(2090, 6, 12, 17, 30, tzinfo=dt.UTC)
    )
    seat = make_type(event=event, name="Seat")
    book((seat, 2), customer_name="Ann Lee", metadata={"seat": "aisle"}).confirm(payment_reference="pay_1")
    book((seat, 1), customer_name="Bob Ray", customer_email="bob@example.com")
    return seat


@pytest.mark.parametrize("model", OURS)
def test_table_of_each_list_has_its_rows_and_the_same_queries_for_any_number(model, season, book, make_type):
    browser = staff()
    ApiToken.issue(user=get_user_model().objects.get(), name="shop")

    def queries():
        with CaptureQueriesContext(connection) as seen:
            rows = table(export(browser, model))
        assert len(rows) == model.objects.count() > 0
        return len(seen)

    few = queries()
    for number in range(3):
        book((make_type(name=f"Type {number}"), 2)).confirm()
        ApiToken.issue(user=get_user_model().objects.get(), name="shop")
    assert queries() == few < 10


def test_table_of_bookings_says_all_that_matters(season):
    booking = Booking.objects.get(customer_name="Ann Lee")
    row = table(export(staff(), Booking, q="Ann"))[0]
    at = f"{booking.created_at:%Y-%m-%d %H:%M:%S}"
    assert row | {"confirmed at (UTC)": "", "expires at (UTC)": ""} == {
        "confirmation code": booking.confirmation_code,
        "id": str(booking.pk),
        "venue": "Hall",
        "event": "'=Play",
        "starts at (venue)": "2090-06-12 19:30",
        "state": "confirmed",
        "customer": "Ann Lee",
        "e-mail": "ann@example.com",
        "places": "2",
        "places cancelled": "0",
        "total": "99.80",
        "total when booked": "99.80",
        "fees when booked": "0.00",
        "tax when booked": "0.00",
        "currency": "EUR",
        "payment reference": "pay_1",
        "paid": "99.80",
        "refunded": "0.00",
        "cancellation fee": "0.00",
        "goodwill": "0.00",
        "amount due": "0.00",
        "refund due": "no",
        "refund amount": "0.00",
        "late": "no",
        "created at (UTC)": at,
        "expires at (UTC)": "",
        "confirmed at (UTC)": "",
        "cancelled at (UTC)": "",
        "cancel reason": "",
        "notes": "seat: aisle",
    }


def test_table_keeps_search_filters_and_order_of_the_list_and_has_all_its_pages(season, book):
    browser = staff(Role.BOX_OFFICE)
    for number in range(60):
        at = dt.datetime(2026, 1, 1, 12, number, tzinfo=dt.UTC)
        Booking.objects.filter(pk=book((season, 1), customer_name=f"Cy {number:02}").pk).update(created_at=at)
    page = browser.get(url(Booking, "changelist"), {"q": "Cy", "state": "pending", "o": "7", "p": "2"})
    assert len(page.context["cl"].result_list) == 10
    link = page.context["export_url"]
    assert link == f"{url(Booking, 'export')}?q=Cy&state=pending&o=7"
    assert f'href="{link.replace("&", "&amp;")}"' in page.content.decode()
    names = [row["customer"] for row in table(browser.get(link))]
    assert names == [f"Cy {number:02}" for number in range(60)]
    assert table(browser.get(f"{url(Booking, 'export')}?q=Cy&state=confirmed")) == []


def test_table_goes_by_the_clock(season, pass_time):
    pass_time(minutes=16)
    browser = staff()
    states = {row["customer"]: row["state"] for row in table(export(browser, Booking))}
    assert states == {"Ann Lee": "confirmed", "Bob Ray": "expired"}
    assert [row["reserved"] for row in table(export(browser, Event))] == ["2"]


def test_table_of_events_has_what_was_sold_and_for_how_much(season, book, make_type, make_event):
    lone = book((make_type(event=make_event(name="Jazz", currency="JPY"), price=900), 1)).confirm()
    partly = book((season, 3), customer_email="c@example.com").confirm()
    partly.cancel(tickets=[partly.tickets.first().code])
    names = ("name", "sold", "held", "available", "revenue")
    rows = [tuple(row[name] for name in names) for row in table(export(staff(), Event, o="1"))]
    capacity = season.event.capacity
    assert rows == [
        ("'=Play", "4", "1", str(capacity - 5), "199.60"),
        ("Jazz", "1", "0", str(lone.event.capacity - 1), "900"),
    ]
    assert "revenue" not in table(export(staff(Role.DOOR), Event))[0]


def test_table_is_for_those_who_may_see_the_list(season):
    browser = staff(Role.DOOR)
    assert export(browser, Booking).status_code == 403
    assert export(browser, Ticket).status_code == 200
    assert staff(Role.AUDITOR).get(url(ApiToken, "export")).status_code == 403


def test_filter_that_does_not_exist_leads_back_to_the_list(season):
    answer = export(staff(), Booking, colour="red")
    assert (answer.status_code, answer["Location"]) == (302, f"{url(Booking, 'changelist')}?e=1")


def test_table_has_a_name_with_its_day(season):
    answer = export(staff(), TicketType)
    assert answer["Content-Disposition"] == f'attachment; filename="ticket-types-{timezone.now():%Y-%m-%d}.csv"'
