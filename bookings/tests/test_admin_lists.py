"""The list of bookings: what it is searched and filtered by, what it adds up to, and that it counts to no end."""

import csv
import datetime as dt
import io
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.checkup import check_refunds
from bookings.models import Booking, BookingChange, BookingItem, Ticket
from config.access.models import ApiToken
from config.access.roles import Role
from config.backoffice import lists
from config.history.models import Change
from config.tests.harness.pages import messages_of, staff, url
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue


def rows(browser, model=Booking, **query):
    return list(browser.get(url(model, "changelist"), query).context["cl"].result_list)


@pytest.fixture
def dated(book, make_type):
    """Bookings of three days, each confirmed an hour after it was made; in Auckland it is later than in London."""

    def make(*instants):
        seat = make_type()
        made = []
        for number, at in enumerate(instants):
            booking = book((seat, 1), customer_email=f"{number}@example.com").confirm()
            hour = dt.timedelta(hours=1)
            Booking.objects.filter(pk=booking.pk).update(
                created_at=at, expires_at=at + 3 * hour, confirmed_at=at + hour
            )
            made.append(booking)
        return made

    return make


def test_days_are_those_of_the_office(dated, settings):
    settings.BACK_OFFICE_TIME_ZONE = "Europe/Vienna"
    instants = ["2026-03-28T21:59", "2026-03-28T23:00", "2026-03-29T20:59", "2026-03-29T22:00"]
    before, first, last, after = dated(*(dt.datetime.fromisoformat(f"{at}+00:00") for at in instants))
    browser = staff()
    assert rows(browser, created_from="2026-03-29", created_to="2026-03-29") == [last, first]
    assert rows(browser, sold_from="2026-03-29", sold_to="2026-03-29") == [last, first]
    assert rows(browser, created_from="2026-03-29") == [after, last, first]
    assert rows(browser, created_to="2026-03-28") == [before]


def test_day_of_sale_is_that_of_confirmed_bookings(dated, book):
    now = timezone.now()
    (sold,) = dated(now - dt.timedelta(minutes=90))
    book()
    assert rows(staff(), sold_from="2020-01-01") == [sold]


@pytest.mark.parametrize("query", [{"created_from": "tomorrow"}, {"sold_to": "9999-12-31"}, {"event__id__exact": "x"}])
def test_filter_that_cannot_be_read_shows_the_whole_list(book, query):
    answer = staff().get(url(Booking, "changelist"), query)
    assert (answer.status_code, answer["Location"].endswith("?e=1")) == (302, True)


def said(browser, **query):
    page = browser.get(url(Booking, "changelist"), query, follow=True)
    return [str(message) for message in page.context["messages"]]


def test_filter_that_cannot_be_read_is_named(book):
    browser = staff()
    wrong = "“2026-02-30” is not a day: enter one such as 2026-12-24. The list is shown without filters."
    assert said(browser, created_from="2026-02-30", state="pending") == [wrong]
    wrong = "The list does not have this filter. The list is shown without filters."
    assert said(browser, event__id__exact="x") == [wrong]
    assert said(browser) == []


@pytest.mark.parametrize(
    ("model", "query"),
    [
        (Booking, {"state": "bogus"}),
        (Booking, {"event__id__exact": "999999"}),
        (Event, {"when": "bogus"}),
        (Event, {"status__exact": "bogus"}),
        (Ticket, {"status__exact": "bogus"}),
        (Change, {"kind": "bogus"}),
    ],
)
def test_choice_that_a_filter_does_not_have_is_named(book, model, query):
    page = staff().get(url(model, "changelist"), query, follow=True)
    (value,) = query.values()
    assert messages_of(page) == [("error", f"There is no choice “{value}”. The list is shown without filters.")]


@pytest.mark.parametrize(
    ("model", "query"),
    [
        (Booking, {"customer_email__icontains": "x"}),
        (Booking, {"customer_email": "x"}),
        (Booking, {"event__name__icontains": "x"}),
        (Booking, {"event__id__gt": "0"}),
        (Booking, {"refund_due__in": "1"}),
        (Ticket, {"code__startswith": "A"}),
        (Event, {"name__regex": "a"}),
        (Venue, {"timezone__icontains": "a"}),
        (TicketType, {"event__venue__name": "a"}),
        (Change, {"name__icontains": "a"}),
        (ApiToken, {"digest__startswith": "a"}),
    ],
)
def test_list_is_filtered_only_as_it_offers(book, model, query):
    page = staff().get(url(model, "changelist"), query, follow=True)
    assert page.redirect_chain == [(f"{url(model, 'changelist')}?e=1", 302)]
    assert messages_of(page) == [("error", "The list does not have this filter. The list is shown without filters.")]


@pytest.mark.parametrize(
    ("model", "query"),
    [
        (Booking, {"refund_due__exact": "1"}),
        (Booking, {"event__venue__id__exact": None}),
        (Ticket, {"booking__id__exact": None}),
        (Event, {"starts_at__year": "2030", "starts_at__month": "3", "starts_at__day": "1"}),
        (Venue, {"timezone": "Europe/Vienna"}),
        (ApiToken, {"created_at__gte": "2026-01-01 00:00:00+00:00", "created_at__lt": "2099-01-01 00:00:00+00:00"}),
        (ApiToken, {"revoked_at__isempty": "1"}),
        (Change, {"kind": "events.event", "at__gte": "2026-01-01 00:00:00+00:00"}),
    ],
)
def test_list_is_filtered_as_its_links_do(book, model, query):
    booking = book()
    ids = {"event__venue__id__exact": booking.event.venue_id, "booking__id__exact": booking.pk}
    page = staff().get(url(model, "changelist"), {name: value or ids[name] for name, value in query.items()})
    assert (page.status_code, messages_of(page)) == (200, [])


def test_list_with_filters_leads_to_them(book):
    browser, link = staff(), '<a href="#changelist-filter">Filters</a>'
    assert link in browser.get(url(Booking, "changelist")).content.decode()
    assert link not in browser.get(url(Group, "changelist")).content.decode()


def test_days_that_end_before_they_begin_find_nothing_and_say_so(book):
    book()
    browser = staff()
    query = {"created_from": "2026-03-29", "created_to": "2026-03-28"}
    assert said(browser, **query) == ["No rows: the day of booking 2026-03-29 to 2026-03-28 ends before it starts."]
    assert rows(browser, **query) == []
    assert said(browser, created_from="2026-03-29", created_to="2026-03-29") == []


def test_total_is_what_the_places_left_are_worth_and_what_was_booked_stands_beside_it(book, make_type):
    seat = make_type(event=None)
    whole, partly = book((seat, 2)).confirm(), book((seat, 3), customer_email="bob@example.com").confirm()
    partly.cancel(tickets=[partly.tickets.first().code])
    browser = staff()
    space = "\N{NO-BREAK SPACE}"
    for text in (
        browser.get(url(Booking, "changelist"), {"q": partly.confirmation_code}).content.decode(),
        browser.get(url(Booking, "change", partly.pk)).content.decode(),
        browser.get(url(Event, "change", partly.event_id)).content.decode(),
    ):
        assert f'99.80{space}EUR<br><span class="quiet">booked for 149.70{space}EUR</span>' in text
    text = browser.get(url(Booking, "change", whole.pk)).content.decode()
    assert "booked for" not in text


def test_time_of_booking_names_its_zone(book, settings):
    settings.BACK_OFFICE_TIME_ZONE = "Asia/Tokyo"
    book()
    text = staff().get(url(Booking, "changelist")).content.decode()
    assert '<br><span class="quiet">Asia/Tokyo</span>' in text
    assert "Days in Asia/Tokyo" in text


def test_event_and_venue_are_chosen_among_any_number(book, make_type, make_event):
    here = book()
    there = book((make_type(event=make_event(name="Barn Dance")), 1))
    browser = staff(Role.BOX_OFFICE)
    assert rows(browser, event__id__exact=here.event_id) == [here]
    assert rows(browser, event__venue__id__exact=there.event.venue_id) == [there]
    page = browser.get(url(Booking, "changelist"), {"event__id__exact": there.event_id, "state": "pending"})
    text = page.content.decode()
    assert f'<option value="{there.event_id}" selected>Barn Dance, ' in text
    assert "Concert" not in text
    assert '<input type="hidden" name="state" value="pending">' in text


def test_holds_that_run_out_soon_have_a_list(book):
    soon = book(hold=dt.timedelta(minutes=5))
    book(hold=dt.timedelta(minutes=15))
    assert rows(staff(), state="expiring-soon") == [soon]


def test_totals_are_those_of_the_filtered_bookings(book, make_type, make_event):
    seat = make_type(event=make_event(name="Jazz", currency="GBP"))
    book((seat, 2)).confirm()
    partly = book((seat, 2)).confirm()
    partly.cancel(tickets=[partly.tickets.first().code])
    book((seat, 3))
    book((seat, 1)).cancel()
    book().confirm()  # of another event, in another currency
    browser = staff(Role.AUDITOR)

    def totals(**query):
        found = browser.get(url(Booking, "changelist"), query).context["cl"].totals
        return {total.state: (total.bookings, total.places, total.amounts) for total in found}

    space = "\N{NO-BREAK SPACE}"
    of_jazz = {
        "pending": (1, 3, [f"149.70{space}GBP"]),
        "confirmed": (2, 3, [f"149.70{space}GBP"]),
        "cancelled": (1, 1, [f"49.90{space}GBP"]),
    }
    assert totals(event__id__exact=seat.event_id) == of_jazz
    assert totals(q="jazz") == of_jazz
    assert totals()["confirmed"] == (3, 4, [f"49.90{space}EUR", f"149.70{space}GBP"])
    assert totals(state="expired") == {}


def test_list_adds_up_what_is_to_be_paid_back_as_the_doctor_and_the_table_do(book, make_type, make_event):
    seat, pound = make_type(), make_type(event=make_event(name="Jazz", currency="GBP"))
    whole, partly, other, settled = (
        book((kind, 3)).confirm(payment_reference=f"till {number}")
        for number, kind in enumerate((seat, seat, pound, seat))
    )
    book((seat, 1)).confirm().cancel()  # of which no payment is known
    partly.cancel(tickets=[partly.tickets.first().code])
    for booking in (whole, other, settled):
        booking.cancel()
    settled.refund()
    browser = staff(Role.AUDITOR)

    def due(**query):
        return browser.get(url(Booking, "changelist"), query).context["cl"].refunds_due

    space = "\N{NO-BREAK SPACE}"
    assert due() == due(refund_due__exact="1") == [f"199.60{space}EUR", f"149.70{space}GBP"]
    assert due(event__id__exact=seat.event_id, state="confirmed") == [f"49.90{space}EUR"]
    assert due(refund_due__exact="0") == due(q="nobody") == []
    page = browser.get(url(Booking, "changelist")).content.decode()
    assert f"<dt>Refunds due</dt><dd>199.60{space}EUR<br>149.70{space}GBP</dd>" in page
    assert "Refunds due" not in browser.get(url(Booking, "changelist"), {"state": "pending"}).content.decode()
    assert "3 refunds are due: 199.60 EUR, 149.70 GBP." in check_refunds()[1]
    table = b"".join(browser.get(url(Booking, "export")).streaming_content).decode("utf-8-sig")
    column = [(row["currency"], Decimal(row["refund amount"])) for row in csv.DictReader(io.StringIO(table))]
    sums = {kind: sum(value for currency, value in column if currency == kind) for kind in ("EUR", "GBP")}
    assert sums == {"EUR": Decimal("199.60"), "GBP": Decimal("149.70")}


def test_list_of_many_counts_and_adds_up_no_further_than_its_bound(book, make_type, monkeypatch):
    monkeypatch.setattr(lists, "MAX_COUNTED", 60)
    seat = make_type(event=None)
    for _ in range(62):
        book((seat, 1))
    browser = staff()
    with CaptureQueriesContext(connection) as queries:
        page = browser.get(url(Booking, "changelist"))
    assert page.context["cl"].totals is None
    assert "More than 60 bookings" in page.content.decode()
    assert [query["sql"] for query in queries if '"seats"' in query["sql"]] == []
    (count,) = [query["sql"] for query in queries if "COUNT" in query["sql"]]
    assert "LIMIT 61" in count
    assert "SUM" not in count
    assert len(rows(browser, p="2")) == 12
    page = browser.get(url(Booking, "changelist"), {"state": "confirmed"})
    assert (page.context["cl"].result_count, page.context["cl"].totals) == (0, [])


@pytest.mark.parametrize("number", ["0", "-1", "x", "99", "9" * 40])
def test_page_that_is_not_there_is_no_error(book, number):
    book()
    assert staff().get(url(Booking, "changelist"), {"p": number}).status_code == 200


def test_lists_of_what_belongs_to_a_booking_are_searched_as_bookings_are(book):
    booking = book(customer_name="Zoë Quist").confirm()
    book(customer_name="Ann Lee").confirm()
    browser = staff(Role.AUDITOR)
    for model in (BookingItem, Ticket, BookingChange):
        found = rows(browser, model, q="quist")
        assert {row.booking for row in found} == {booking}
    code = booking.tickets.get().code
    assert rows(browser, Ticket, q=code.lower()) == [booking.tickets.get()]


def test_history_is_searched_by_account(book, django_user_model):
    clerk = django_user_model.objects.create(username="clerk")
    booking = book().confirm(by=clerk)
    assert rows(staff(), BookingChange, q="clerk") == [booking.changes.last()]


def test_no_list_of_sales_looks_for_text_inside_of_text(book):
    """No LIKE '%…%' but in the small tables of the catalogue."""
    book()
    browser = staff()
    for model in (Booking, BookingItem, Ticket, BookingChange):
        with CaptureQueriesContext(connection) as queries:
            rows(browser, model, q="quist")
        inside = [query["sql"] for query in queries if "%quist%" in query["sql"].lower()]
        assert {sql.partition(' FROM "')[2].partition('"')[0] for sql in inside} <= {"ticket_types_tickettype"}
