"""The figures: what counts, how it is grouped, and who may see it."""

import csv
import datetime as dt
import io
from decimal import Decimal

import pytest
from django.db import DataError, connection, transaction
from django.db.models.functions import TruncDate
from django.utils import timezone

from bookings import reports
from bookings.checkup import check_refunds
from bookings.models import Booking, BookingItem
from bookings.payments.models import Payment
from bookings.reports import queries
from config.tests.harness.answers import errors_in, refused
from config.tests.harness.pages import staff, url
from events.inventory import release_due
from events.models import Event

pytestmark = pytest.mark.both

SALES = "/reports/sales?group_by="


@pytest.fixture
def season(make_venue, make_event, make_type, book):
    """Two confirmed bookings of three and one places, in two currencies, and one of each kind that does not count."""
    hall, bar = make_venue(name="Hall"), make_venue(name="Bar", timezone="Asia/Tokyo")
    start = dt.datetime(2090, 6, 12, 17, 30, tzinfo=dt.UTC)
    play = make_event(name="Play", venue=hall, starts_at=start, capacity=10)
    gig = make_event(name="Gig", venue=bar, starts_at=start, currency="JPY", capacity=20)
    seat, box = make_type(event=play, name="Seat"), make_type(event=play, name="Box", price=Decimal("120"), position=1)
    entry = make_type(event=gig, name="Entry", price=Decimal("3000"))
    book((seat, 2), (box, 1)).confirm()
    book((entry, 1)).confirm()
    book((seat, 1))
    book((seat, 1)).cancel()
    book((seat, 2)).confirm().cancel()
    return {"hall": hall, "bar": bar, "play": play, "gig": gig, "seat": seat, "box": box, "entry": entry}


def rows(answer):
    assert answer.status_code == 200, answer.content
    assert list(answer.json()) == ["results"]
    return answer.json()["results"]


def brief(answer):
    return [(row["group"], row["currency"], row["bookings"], row["tickets"], row["revenue"]) for row in rows(answer)]


def test_sales_by_event_have_a_row_for_each_with_its_start_in_the_venues_time(season, auditor):
    assert rows(auditor.get(SALES + "event")) == [
        {
            "group": season["play"].pk,
            "label": "Play, 12 Jun 2090, 19:30",
            "currency": "EUR",
            "bookings": 1,
            "tickets": 3,
            "revenue": "219.80",
            "price": "219.80",
            "fees": "0.00",
            "tax": "0.00",
            "average": "219.80",
        },
        {
            "group": season["gig"].pk,
            "label": "Gig, 13 Jun 2090, 02:30",
            "currency": "JPY",
            "bookings": 1,
            "tickets": 1,
            "revenue": "3000",
            "price": "3000",
            "fees": "0",
            "tax": "0",
            "average": "3000",
        },
    ]


def test_sales_by_venue_and_ticket_type(season, auditor):
    assert brief(auditor.get(SALES + "venue")) == [
        (season["bar"].pk, "JPY", 1, 1, "3000"),
        (season["hall"].pk, "EUR", 1, 3, "219.80"),
    ]
    found = rows(auditor.get(SALES + "ticket_type"))
    assert [(row["label"], row["tickets"], row["revenue"]) for row in found] == [
        ("Seat, Play, 12 Jun 2090, 19:30", 2, "99.80"),
        ("Box, Play, 12 Jun 2090, 19:30", 1, "120.00"),
        ("Entry, Gig, 13 Jun 2090, 02:30", 1, "3000"),
    ]


@pytest.mark.parametrize("group_by", ["event", "venue", "ticket_type", "day", "month"])
def test_sales_never_add_two_currencies(season, auditor, group_by):
    found = rows(auditor.get(SALES + group_by))
    assert {row["currency"] for row in found} == {"EUR", "JPY"}
    assert sum(Decimal(row["revenue"]) for row in found if row["currency"] == "EUR") == Decimal("219.80")


def test_tickets_that_were_cancelled_one_by_one_leave_the_figures(season, book, auditor):
    booking = book((season["seat"], 1), (season["box"], 2)).confirm()
    boxes = booking.tickets.filter(ticket_type=season["box"])
    booking.cancel(tickets=[boxes[0].code])
    assert brief(auditor.get(SALES + "event"))[0] == (season["play"].pk, "EUR", 2, 5, "389.70")
    booking.cancel(tickets=[boxes[1].code])
    assert brief(auditor.get(SALES + "event"))[0] == (season["play"].pk, "EUR", 2, 4, "269.70")
    by_type = {row["group"]: (row["bookings"], row["tickets"]) for row in rows(auditor.get(SALES + "ticket_type"))}
    assert (by_type[season["seat"].pk], by_type[season["box"].pk]) == ((2, 3), (1, 1))


def test_average_is_rounded_half_to_even_in_the_currencys_decimals(season, book, auditor):
    for price in ("0.01", "0.02"):
        season["seat"].revise(price=Decimal(price))
        book((season["seat"], 1)).confirm()
    found = rows(auditor.get(SALES + f"event&event={season['play'].pk}"))
    assert [(row["bookings"], row["revenue"], row["average"]) for row in found] == [(3, "219.83", "73.28")]


def confirmed_at(booking, instant):
    Booking.objects.filter(pk=booking.pk).update(confirmed_at=dt.datetime.fromisoformat(instant))


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        ("UTC", ["2026-10-24", "2026-10-25"]),
        ("Europe/Vienna", ["2026-10-25", "2026-10-26"]),
        ("America/New_York", ["2026-10-24", "2026-10-25"]),
        ("Pacific/Kiritimati", ["2026-10-25", "2026-10-26"]),
    ],
)
def test_days_are_those_of_the_zone_also_when_its_clocks_change(book, auditor, zone, days):
    # In Vienna 25 October has 25 hours: from 22:00 UTC of the 24th to 23:00 UTC of the 25th.
    for instant in ("2026-10-24T22:00:00+00:00", "2026-10-25T23:00:00+00:00"):
        confirmed_at(book().confirm(), instant)
    assert [row["group"] for row in rows(auditor.get(f"{SALES}day&timezone={zone}"))] == days
    first = f"{SALES}day&timezone={zone}&from={days[0]}&to={days[0]}"
    assert [row["group"] for row in rows(auditor.get(first))] == days[:1]


def test_last_instant_of_a_day_belongs_to_it(book, auditor):
    confirmed_at(book().confirm(), "2026-12-31T22:59:59.999999+00:00")
    confirmed_at(book().confirm(), "2026-12-31T23:00:00+00:00")
    found = rows(auditor.get(f"{SALES}month&timezone=Europe/Vienna"))
    assert [(row["group"], row["label"]) for row in found] == [("2026-12", "Dec 2026"), ("2027-01", "Jan 2027")]
    found = rows(auditor.get(f"{SALES}day&timezone=Europe/Vienna&to=2026-12-31"))
    assert [(row["group"], row["label"]) for row in found] == [("2026-12-31", "Thu 31 Dec 2026")]


def test_period_of_instants_includes_its_start_and_not_its_end(book, auditor):
    confirmed_at(book().confirm(), "2026-12-01T10:00:00+00:00")

    def count(query):
        return len(rows(auditor.get(f"{SALES}event&{query}")))

    assert count("from=2026-12-01T10:00:00Z&to=2026-12-01T11:00:00%2B01:00") == 0
    assert count("from=2026-12-01T11:00:00%2B01:00&to=2026-12-01T10:00:01Z") == 1
    assert count("from=2026-12-01T10:00:00.000001Z") == 0
    assert count("to=2026-12-01T10:00:00Z") == 0


@pytest.mark.parametrize(
    "days",
    ["from=2026-12-02&to=2026-12-01", "from=2026-12-01T10:00:01Z&to=2026-12-01T11:00:00%2B01:00",
     "from=2026-12-02T00:00:00Z&to=2026-12-01"],
)  # fmt: skip
def test_from_after_to_is_400(days, auditor):
    answer = auditor.get(f"{SALES}day&{days}")
    assert refused(answer, 400, "invalid-input")
    assert answer.json()["errors"] == [{"parameter": "from", "code": "invalid", "detail": "Must not be after to."}]


def test_sales_are_narrowed_to_an_event_or_a_venue(season, auditor):
    play, gig, bar = season["play"].pk, season["gig"].pk, season["bar"].pk
    assert [row["group"] for row in rows(auditor.get(f"{SALES}event&event={play}"))] == [play]
    assert [row["group"] for row in rows(auditor.get(f"{SALES}event&venue={bar}"))] == [gig]
    assert rows(auditor.get(f"{SALES}event&event={play}&venue={bar}")) == []
    assert rows(auditor.get(f"{SALES}event&event=999999")) == []


def test_late_confirmation_is_a_sale_of_the_day_on_which_it_was_confirmed(book, pass_time, auditor):
    booking = book()
    pass_time(days=3)
    booking.refresh_from_db()
    booking.confirm()
    assert [row["group"] for row in rows(auditor.get(SALES + "day"))] == [f"{timezone.now():%Y-%m-%d}"]


def test_overview_counts_everything(season, make_event, auditor):
    make_event(name="Draft", venue=season["hall"], is_published=False)
    make_event(name="Off", venue=season["hall"]).cancel(at=timezone.now())
    assert auditor.get("/reports/overview").json() == {
        "venues": 2,
        "events": {"draft": 1, "published": 2, "cancelled": 1},
        "bookings": {"pending": 1, "confirmed": 2, "cancelled": 2, "expired": 0},
        "tickets_sold": 4,
        "places_available": (10 - 4) + (20 - 1),
        "revenue": [
            {
                "currency": "EUR",
                "bookings": 1,
                "tickets": 3,
                "revenue": "219.80",
                "price": "219.80",
                "fees": "0.00",
                "tax": "0.00",
            },
            {
                "currency": "JPY",
                "bookings": 1,
                "tickets": 1,
                "revenue": "3000",
                "price": "3000",
                "fees": "0",
                "tax": "0",
            },
        ],
    }


def test_overview_of_nothing_is_all_noughts(auditor):
    answer = auditor.get("/reports/overview").json()
    assert (answer["venues"], answer["tickets_sold"], answer["places_available"], answer["revenue"]) == (0, 0, 0, [])


def test_overview_counts_due_holds_as_expired(season, pass_time, auditor):
    pass_time(minutes=16)
    before = auditor.get("/reports/overview").json()
    assert (before["bookings"]["pending"], before["bookings"]["expired"]) == (0, 1)
    assert before["places_available"] == (10 - 3) + (20 - 1)
    assert release_due(wait=True) == 0  # the report has released it
    assert auditor.get("/reports/overview").json() == before


def test_occupancy_tells_what_is_sold_held_and_left(season, auditor):
    assert rows(auditor.get("/reports/occupancy")) == [
        {
            "event": season["play"].pk,
            "label": "Play, 12 Jun 2090, 19:30",
            "starts_at": "2090-06-12T17:30:00Z",
            "status": "published",
            "capacity": 10,
            "sold": 3,
            "held": 1,
            "available": 6,
            "rate": 0.3,
        },
        {
            "event": season["gig"].pk,
            "label": "Gig, 13 Jun 2090, 02:30",
            "starts_at": "2090-06-12T17:30:00Z",
            "status": "published",
            "capacity": 20,
            "sold": 1,
            "held": 0,
            "available": 19,
            "rate": 0.05,
        },
    ]


def test_occupancy_counts_due_holds_as_available(season, book, pass_time, auditor):
    booking = book((season["box"], 3)).confirm()
    booking.cancel(tickets=[booking.tickets.first().code])
    pass_time(minutes=16)
    before = rows(auditor.get(f"/reports/occupancy?event={season['play'].pk}"))
    assert [(row["sold"], row["held"], row["available"]) for row in before] == [(5, 0, 5)]
    assert release_due(wait=True) == 0
    assert rows(auditor.get(f"/reports/occupancy?event={season['play'].pk}")) == before


def test_occupancy_is_narrowed_to_a_venue(season, auditor):
    found = rows(auditor.get(f"/reports/occupancy?venue={season['bar'].pk}"))
    assert [row["event"] for row in found] == [season["gig"].pk]


def test_zone_that_the_database_does_not_know_is_400(book, auditor, monkeypatch):
    """Python's list of zones may be newer than PostgreSQL's. SQLite has Python's own."""
    book().confirm()
    if connection.vendor == "postgresql":
        monkeypatch.setattr(queries, "TruncDate", lambda name, tzinfo: TruncDate(name, tzinfo=Zone("Asia/Atlantis")))
    else:
        monkeypatch.setattr(queries, "of_bookings", Refusing)
    for query in ("", "&format=csv"):
        with transaction.atomic():
            answer = auditor.get(f"{SALES}day&timezone=Asia/Tokyo{query}")
            assert refused(answer, 400, "invalid-input")
            assert errors_in(answer) == [("timezone", "unknown-timezone")]
            transaction.set_rollback(True)


class Zone(dt.tzinfo):
    def __init__(self, name):
        self.name = name

    def __str__(self):
        return self.name

    def tzname(self, at):
        return self.name


class Refusing:
    def __init__(self, *args, **options):
        pass

    def order_by(self, *names):
        return self

    def iterator(self):
        raise DataError("time zone not recognized")


# Tables


def table(answer):
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert answer.streaming
    assert answer["Cache-Control"] == "no-store"
    return list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("path", [SALES + "event", SALES + "month", "/reports/occupancy?"])
def test_table_has_the_same_rows(season, auditor, path):
    header, *cells = table(auditor.get(f"{path}&format=csv".replace("?&", "?")))
    expected = rows(auditor.get(path.rstrip("?")))
    assert header == list(expected[0])
    assert cells == [[str(value) for value in row.values()] for row in expected]


def test_table_of_the_overview_has_its_figures(season, auditor):
    answer = auditor.get("/reports/overview?format=csv")
    assert answer["Content-Disposition"] == 'attachment; filename="overview.csv"'
    assert table(answer) == [
        ["figure", "status", "currency", "value"],
        ["venues", "", "", "2"],
        ["events", "draft", "", "0"],
        ["events", "published", "", "2"],
        ["events", "cancelled", "", "0"],
        ["bookings", "pending", "", "1"],
        ["bookings", "confirmed", "", "2"],
        ["bookings", "cancelled", "", "2"],
        ["bookings", "expired", "", "0"],
        ["tickets_sold", "", "", "4"],
        ["places_available", "", "", "25"],
        ["revenue", "", "EUR", "219.80"],
        ["revenue", "", "JPY", "3000"],
        ["price", "", "EUR", "219.80"],
        ["price", "", "JPY", "3000"],
        ["fees", "", "EUR", "0.00"],
        ["fees", "", "JPY", "0"],
        ["tax", "", "EUR", "0.00"],
        ["tax", "", "JPY", "0"],
    ]


def test_table_is_also_asked_for_by_the_accept_header(season, auditor):
    assert table(auditor.get(SALES + "event", HTTP_ACCEPT="text/csv"))[0][0] == "group"
    assert auditor.get(SALES + "event&format=json", HTTP_ACCEPT="text/csv")["Content-Type"] == "application/json"
    assert table(auditor.get(SALES + "event&format=csv", HTTP_ACCEPT="application/json"))[0][0] == "group"
    assert refused(auditor.get(SALES + "event", HTTP_ACCEPT="image/png"), 406, "not-acceptable")


def test_table_holds_no_formula(make_event, make_type, book, auditor):
    book((make_type(event=make_event(name="=1+1"), name="+cmd"), 1)).confirm()
    assert table(auditor.get(SALES + "event&format=csv"))[1][1].startswith("'=1+1, ")
    assert table(auditor.get(SALES + "ticket_type&format=csv"))[1][1].startswith("'+cmd, '=1+1, ")


# Who, and with what


@pytest.mark.parametrize("path", ["/reports/overview", SALES + "event", "/reports/occupancy"])
def test_reports_are_for_those_who_may_view_them(path, anonymous, door, box_office, manager, auditor):
    assert refused(anonymous.get(path), 401, "unauthenticated")
    assert refused(door.get(path), 403, "forbidden")
    assert [client.get(path).status_code for client in (box_office, manager, auditor)] == [200, 200, 200]
    assert refused(manager.post(path, {}), 405, "method-not-allowed")
    for query in ("", "?format=csv"):
        answer = manager.options(path.partition("?")[0] + query)
        assert (answer.status_code, answer.content) == (204, b"")


def test_day_or_instant_that_cannot_be_read_is_told_both_forms(auditor):
    said = "Must be a day such as 2027-06-12, or a timestamp with an offset such as 2027-01-31T19:30:00Z."
    answer = auditor.get("/reports/sales?group_by=day&from=abc&to=abc")
    assert [entry["detail"] for entry in answer.json()["errors"]] == [said, said]


@pytest.mark.parametrize(
    ("query", "entry"),
    [
        ("/sales", ("group_by", "required")),
        ("/sales?group_by=", ("group_by", "invalid")),
        ("/sales?group_by=week", ("group_by", "invalid-choice")),
        ("/sales?group_by=day&group_by=day", ("group_by", "given-twice")),
        ("/sales?group_by=day&colour=red", ("colour", "unknown-parameter")),
        ("/sales?group_by=day&limit=1", ("limit", "unknown-parameter")),
        ("/sales?group_by=day&ordering=group", ("ordering", "unknown-parameter")),
        ("/sales?group_by=day&event=x", ("event", "invalid")),
        ("/sales?group_by=day&from=2026-02-30", ("from", "invalid")),
        ("/sales?group_by=day&from=1999-12-31", ("from", "invalid")),
        ("/sales?group_by=day&to=2026-12-24T10:00:00", ("to", "invalid")),
        ("/sales?group_by=day&to=", ("to", "invalid")),
        ("/sales?group_by=day&timezone=Mars", ("timezone", "unknown-timezone")),
        ("/sales?group_by=day&timezone=Mars&to=2026-12-24", ("timezone", "unknown-timezone")),
        ("/sales?group_by=day&timezone=localtime", ("timezone", "unknown-timezone")),
        ("/sales?group_by=day&timezone=", ("timezone", "unknown-timezone")),
        ("/sales?group_by=day&format=xml", ("format", "invalid")),
        ("/sales?group_by=day&format=", ("format", "invalid")),
        ("/overview?event=1", ("event", "unknown-parameter")),
        ("/occupancy?from=2026-12-24", ("from", "unknown-parameter")),
    ],
)
def test_parameter_that_a_report_does_not_have_or_cannot_read_is_400(query, entry, auditor):
    answer = auditor.get(f"/reports{query}")
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [entry]


@pytest.mark.parametrize("count", [1, 3])
def test_reports_have_the_same_queries_for_1_and_3_rows(
    count, make_venue, make_event, make_type, book, auditor, django_assert_num_queries
):
    for number in range(count):
        event = make_event(name=f"Show {number}", venue=make_venue(name=f"Hall {number}"))
        confirmed_at(book((make_type(event=event), 2)).confirm(), f"202{number}-01-01T00:00:00+00:00")
    for path, asked in {
        "/reports/overview": 4,
        "/reports/occupancy": 1,
        **{SALES + name: 1 for name in ("event", "venue", "ticket_type", "day", "month")},
    }.items():
        with django_assert_num_queries(4 + asked):  # the token, two for permissions, due holds
            answer = auditor.get(path)
        assert path == "/reports/overview" or len(rows(answer)) == count


# What the admin asks


def test_daily_sales_have_every_day_in_every_currency(season, book):
    for booking, instant in zip(
        Booking.objects.sold().order_by("currency"),
        ("2026-10-24T22:00:00+00:00", "2026-10-27T12:00:00+00:00"),
        strict=False,
    ):
        confirmed_at(booking, instant)
    found = reports.daily(dt.date(2026, 10, 24), dt.date(2026, 10, 27), timezone="Europe/Vienna")
    assert {currency: [(row.group, row.tickets) for row in days] for currency, days in found.items()} == {
        "EUR": [("2026-10-24", 0), ("2026-10-25", 3), ("2026-10-26", 0), ("2026-10-27", 0)],
        "JPY": [("2026-10-24", 0), ("2026-10-25", 0), ("2026-10-26", 0), ("2026-10-27", 1)],
    }
    assert found["EUR"][0].label == "Sat 24 Oct 2026"
    assert (found["EUR"][0].revenue, found["EUR"][0].average) == (0, 0)
    assert reports.daily(dt.date(2026, 10, 24), dt.date(2026, 10, 24), timezone="Europe/Vienna") == {}


def test_totals_are_those_of_the_bookings_that_are_given(season):
    assert [(row.currency, row.bookings, row.tickets, row.revenue) for row in reports.totals()] == [
        ("EUR", 1, 3, Decimal("219.80")),
        ("JPY", 1, 1, Decimal("3000")),
    ]
    of_bar = Booking.objects.filter(event__venue=season["bar"])
    assert [(row.currency, row.revenue) for row in reports.totals(of_bar)] == [("JPY", Decimal("3000"))]
    assert reports.totals(Booking.objects.none()) == []


def test_holds_that_run_out_come_soonest_first(book, make_type, pass_time):
    seat = make_type()
    late, soon, _ = (book((seat, 1), hold=dt.timedelta(minutes=minutes)) for minutes in (12, 9, 3))
    pass_time(minutes=4)
    at = timezone.now()
    assert list(Booking.objects.expiring(at, dt.timedelta(minutes=6))) == [soon]
    assert list(Booking.objects.expiring(at, dt.timedelta(minutes=60))) == [soon, late]


def test_payments_to_refund_come_oldest_first(book, make_type):
    seat = make_type()
    first, second, _ = book((seat, 1)), book((seat, 1)), book((seat, 1)).cancel()
    for booking in (second, first):
        booking.confirm(payment_reference=f"pay {booking}").cancel()
    assert list(Booking.objects.with_refund_due()) == [first, second]
    first.refund()
    assert list(Booking.objects.with_refund_due()) == [second]


@pytest.fixture
def fortune(book, make_type):
    """Two sales of 9 × 10^14 each: as ten-thousandths each fits into 64 bits, and both together do not."""
    seat = make_type()
    for number in range(2):
        book((seat, 1), customer_email=f"{number}@example.com").confirm(payment_reference=f"pay {number}")
    much = Decimal(9 * 10**14)
    BookingItem.objects.update(unit_price=much, total_price=much)
    Booking.objects.update(total_price=much, amount_paid=much)
    Payment.objects.update(amount=much)
    return "1800000000000000.00"


def test_sums_beyond_64_bits_are_exact(fortune, auditor):
    for group_by in ("event", "venue", "ticket_type", "day", "month"):
        (row,) = rows(auditor.get(SALES + group_by))
        assert (row["revenue"], row["average"]) == (fortune, "900000000000000.00")
    (row,) = auditor.get("/reports/overview").json()["revenue"]
    assert row["revenue"] == fortune


def test_sums_beyond_64_bits_are_exact_in_the_admin_and_in_what_is_due(fortune, auditor):
    browser = staff()
    shown = "1,800,000,000,000,000.00\N{NO-BREAK SPACE}EUR"
    event = Event.objects.get()
    for address in (url(Booking, "changelist"), url(Event, "changelist"), url(Event, "change", event.pk), "/admin/"):
        assert shown in browser.get(address).content.decode(), address
    assert fortune in b"".join(browser.get(url(Event, "export")).streaming_content).decode()
    event.cancel(at=timezone.now())
    assert check_refunds()[1] == f"2 refunds are due: {fortune} EUR."
