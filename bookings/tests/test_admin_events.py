"""What the screens of events tell of their sale."""

import datetime as dt
from decimal import Decimal

import pytest
from django.utils import timezone

from bookings.models import Booking
from config.access.roles import Role
from config.tests.harness.pages import form_on, staff, url
from events.models import Event
from ticket_types.models import TicketType

SPACE = "\N{NO-BREAK SPACE}"


@pytest.fixture
def seat(make_type, make_event):
    return make_type(event=make_event(capacity=10))


def page_of(event, role=None):
    return staff(role).get(url(Event, "change", event.pk))


def test_list_tells_revenue_to_whom_may_see_it(seat, book, make_event):
    book((seat, 2)).confirm()
    partly = book((seat, 2)).confirm()
    partly.cancel(tickets=[partly.tickets.first().code])
    book((seat, 1))
    make_event(name="Unsold")
    rows = staff(Role.AUDITOR).get(url(Event, "changelist")).context["cl"].result_list
    assert {event.name: event.revenue_text for event in rows} == {"Concert": f"149.70{SPACE}EUR", "Unsold": "-"}
    assert "149.70" not in staff(Role.DOOR).get(url(Event, "changelist")).content.decode()


def test_event_on_one_screen(seat, make_type, book):
    box = make_type(event=seat.event, name="Box", price=Decimal(120), capacity=4)
    booking = book((seat, 2), (box, 1)).confirm()
    booking.tickets.first().check_in(at=timezone.now())
    held = book((box, 2))
    page = page_of(seat.event)
    context = page.context
    assert (context["sold"], context["held"], context["available"]) == (3, 2, 5)
    assert context["checked_in"] == {"count": 1, "of": 3, "inside": 1}
    assert context["revenue"] == f"219.80{SPACE}EUR"
    names = ["sold", "held", "available", "revenue"]
    figures = [(row["type"].name, *(row[name] for name in names)) for row in context["types"]]
    assert figures == [("Seat", 2, 0, 5, f"99.80{SPACE}EUR"), ("Box", 1, 2, 1, f"120.00{SPACE}EUR")]
    assert "<title>1 sold, 2 held, 1 available</title>" in page.content.decode()
    assert [row["booking"] for row in context["latest"]] == [held, booking]
    assert context["curve"].rows[-1][1:3] == ["3", "3"]


def test_event_that_nobody_booked_has_a_page_too(make_event):
    page = page_of(make_event())
    assert (page.context["curve"], page.context["checked_in"], page.context["revenue"]) == (None, None, "-")
    text = page.content.decode()
    assert "No bookings." in text
    assert "No ticket types: without one, nothing can be booked." in text


def test_curve_rises_by_the_days_of_the_venue_and_skips_none(make_type, make_event, make_venue, book):
    event = make_event(venue=make_venue(timezone="Pacific/Auckland"))
    seat = make_type(event=event)
    hour = dt.timedelta(hours=1)
    instants = ["2026-05-01T11:59+00:00", "2026-05-01T12:00+00:00", "2026-05-04T20:00+00:00"]
    for quantity, instant in enumerate(instants, start=1):
        booking, at = book((seat, quantity)).confirm(), dt.datetime.fromisoformat(instant)
        Booking.objects.filter(pk=booking.pk).update(created_at=at - hour, expires_at=at + hour, confirmed_at=at)
    curve = page_of(event).context["curve"]
    assert [row[:3] for row in curve.rows] == [
        ["Fri 1 May 2026", "1", "1"],
        ["Sat 2 May 2026", "2", "3"],
        ["Tue 5 May 2026", "3", "6"],
    ]
    assert curve.picture.count('class="dot"') == 6  # from the day before to the last


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        (Role.MANAGER, {"latest", "revenue", "curve", "add_type_url", "sell_url"}),
        (Role.BOX_OFFICE, {"latest", "revenue", "curve", "sell_url"}),
        (Role.AUDITOR, {"latest", "revenue", "curve"}),
        (Role.DOOR, set()),
    ],
)
def test_page_shows_each_role_what_it_may_see(seat, book, role, shown):
    book((seat, 1), customer_name="Zoë Quist").confirm()
    page = page_of(seat.event, role)
    names = {"latest", "revenue", "curve", "add_type_url", "sell_url"}
    assert {name for name in names if page.context[name]} == shown
    assert ("Quist" in page.content.decode()) == ("latest" in shown)


def test_cancelled_event_is_not_sold_and_gets_no_types(seat):
    seat.event.cancel(reason="storm", at=timezone.now())
    page = page_of(seat.event)
    assert (page.context["sell_url"], page.context["add_type_url"]) == (None, None)
    assert "storm" in page.content.decode()


def test_ticket_type_is_added_from_its_events_page_in_its_zone_and_leads_back(seat):
    browser = staff(Role.MANAGER)
    link = browser.get(url(Event, "change", seat.event.pk)).context["add_type_url"]
    page = browser.get(link)
    assert "Europe/Vienna" in page.content.decode()
    form = form_on(page, TicketType)
    assert form["event"] == str(seat.event.pk)
    answer = browser.post(
        link,
        {**form, "name": "Box", "price": "120", "fee": "0", "tax_rate": "0", "sales_start_at": "2026-07-01T10:00"},
        follow=True,
    )
    assert answer.redirect_chain == [(url(Event, "change", seat.event.pk), 302)]
    assert TicketType.objects.get(name="Box").sales_start_at == dt.datetime(2026, 7, 1, 8, tzinfo=dt.UTC)


@pytest.mark.parametrize("event", ["x", "0", "9" * 30, ""])
def test_page_for_a_ticket_type_of_no_event_lets_one_be_chosen(db, event):
    page = staff().get(url(TicketType, "add"), {"event": event})
    assert page.status_code == 200
    assert "local time at the venue" in page.content.decode()


def test_page_takes_as_many_queries_for_many_as_for_one(seat, make_type, book, django_assert_num_queries):
    book((seat, 1)).confirm()
    browser = staff()
    browser.get(url(Event, "change", seat.event.pk))  # learns the kinds of content
    with django_assert_num_queries(12):
        browser.get(url(Event, "change", seat.event.pk))
    for number in range(3):
        book((make_type(event=seat.event, name=f"Box {number}"), 1)).confirm()
    with django_assert_num_queries(12):
        browser.get(url(Event, "change", seat.event.pk))
