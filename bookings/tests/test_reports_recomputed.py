"""The figures against a slow recomputation in plain Python, over whatever bookings there can be.

`REPORTS_EXAMPLES` is how many seasons are tried.
"""

import datetime as dt
import os
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from math import floor
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bookings import reports
from bookings.lifecycle.place import Line
from bookings.models import Booking, BookingItem
from bookings.reports import GroupBy
from config.values import money
from events.inventory import release_due
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue

pytestmark = pytest.mark.both

EXAMPLES = int(os.environ.get("REPORTS_EXAMPLES", "15"))
ZONES = ("UTC", "Europe/Vienna", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "Africa/Cairo", "Asia/Tokyo")
# Around these the clocks of Vienna, New York, Cairo (at midnight) and Apia change, a month ends, or a year.
TRANSITIONS = (
    "2026-03-28T23:00:00Z",
    "2026-03-29T01:00:00Z",
    "2026-10-24T22:00:00Z",
    "2026-10-25T23:00:00Z",
    "2026-03-08T07:00:00Z",
    "2026-11-01T06:00:00Z",
    "2026-04-23T22:00:00Z",
    "2026-10-29T21:00:00Z",
    "2025-12-31T23:00:00Z",
    "2026-02-28T23:59:59.999999Z",
)
STEPS = [dt.timedelta(0), *(sign * dt.timedelta(**by) for sign in (1, -1) for by in (
    {"microseconds": 1}, {"hours": 1}, {"hours": 5, "minutes": 45}, {"hours": 13}, {"days": 1}, {"days": 31}
))]  # fmt: skip
INSTANTS = st.builds(lambda edge, step: dt.datetime.fromisoformat(edge) + step, st.sampled_from(TRANSITIONS),
                     st.sampled_from(STEPS))  # fmt: skip
CURRENCIES = ("EUR", "JPY", "KWD", "CLF")
EVENTS = st.lists(
    st.tuples(
        st.integers(0, 1),  # the venue
        st.sampled_from(CURRENCIES),
        # Of each ticket type: price and fee, in the currency's smallest unit, and thousandths of a percent of tax.
        st.lists(
            st.tuples(st.integers(0, 10**7), st.integers(0, 999), st.sampled_from([0, 7_700, 20_000, 100_000])),
            min_size=1,
            max_size=3,
        ),
    ),
    min_size=1,
    max_size=3,
)
BOOKINGS = st.lists(
    st.tuples(
        st.integers(0, 2),  # the event, as far as there are so many
        st.lists(st.integers(0, 4), min_size=3, max_size=3),  # places of each ticket type
        st.sampled_from(["confirmed", "confirmed", "confirmed", "pending", "overdue", "expired", "cancelled"]),
        INSTANTS,
        st.lists(st.booleans(), max_size=12),  # which of its tickets are cancelled
    ),
    max_size=8,
)


def make_season(events, bookings):
    start = dt.datetime(2090, 1, 1, 19, tzinfo=dt.UTC)
    venues = [Venue.objects.create(name=name, address="Street", capacity=500, timezone=zone)
              for name, zone in (("Hall", "Europe/Vienna"), ("Bar", "Asia/Tokyo"))]  # fmt: skip
    types = []
    for number, (venue, currency, prices) in enumerate(events):
        event = Event.plan(venue=venues[venue], name=f"Show {number}", currency=currency,
                           starts_at=start, ends_at=start + dt.timedelta(hours=2))  # fmt: skip
        event.publish(at=timezone.now())
        smallest = Decimal(1).scaleb(-money.DECIMALS[currency])
        types.append([TicketType.offer(event=event, name=f"Type {index}", price=price * smallest, fee=fee * smallest,
                                       tax_rate=Decimal(rate) / 1000, position=2 - index)
                      for index, (price, fee, rate) in enumerate(prices)])  # fmt: skip
    for event, places, fate, instant, cancelled in bookings:
        lines = [Line(kind.pk, count) for kind, count in zip(types[event % len(types)], places, strict=False) if count]
        if lines:
            play(lines, fate, instant, cancelled)
    for kind in TicketType.objects.all():
        kind.revise(price=kind.price + 1, fee=kind.fee + 1, tax_rate=Decimal(50))  # of what is sold later


def play(lines, fate, instant, cancelled):
    booking = Booking.place(customer_name="Ann", customer_email="ann@example.com", lines=lines)
    if fate == "confirmed":
        booking.confirm()
        codes = [
            ticket.code for ticket, is_cancelled in zip(booking.tickets.all(), cancelled, strict=False) if is_cancelled
        ]
        if codes:
            booking.cancel(tickets=codes)
    if fate == "cancelled":
        booking.confirm().cancel()
    if fate in ("overdue", "expired"):
        past = timezone.now() - dt.timedelta(minutes=5)
        Booking.objects.filter(pk=booking.pk).update(created_at=past, expires_at=past + dt.timedelta(minutes=1))
    if fate == "expired":
        release_due(wait=True)
    Booking.objects.filter(pk=booking.pk, confirmed_at__isnull=False).update(confirmed_at=instant)


def groups_of(booking, item, zone):
    event = booking.event
    day = booking.confirmed_at.astimezone(ZoneInfo(zone)).date()
    return {
        GroupBy.EVENT: event.pk,
        GroupBy.VENUE: event.venue_id,
        GroupBy.TICKET_TYPE: item.ticket_type_id,
        GroupBy.DAY: day.isoformat(),
        GroupBy.MONTH: day.isoformat()[:7],
    }


def recomputed(group_by, zone, first, last):
    """Item by item: what its valid tickets are worth, and to whom they belong."""
    found = defaultdict(list)
    for booking in Booking.objects.filter(status="confirmed"):
        if not first <= booking.confirmed_at.astimezone(ZoneInfo(zone)).date() <= last:
            continue
        for item in booking.items.all():
            if count := booking.tickets.filter(ticket_type=item.ticket_type_id).exclude(status="void").count():
                key = (groups_of(booking, item, zone)[group_by], booking.event.currency)
                found[key].append((booking.pk, count, *amounts_of(item, count)))
    return {key: (len({pk for pk, *_ in rows}), *map(sum, list(zip(*rows, strict=True))[1:]))
            for key, rows in found.items()}  # fmt: skip


def amounts_of(item, count):
    """The revenue, price, fees and tax of some tickets; the tax is rounded half up once for all of them."""
    revenue = (item.unit_price + item.unit_fee) * count
    smallest = Fraction(Decimal(1).scaleb(-money.DECIMALS[item.currency]))
    exact = Fraction(revenue) * Fraction(item.tax_rate) / (100 + Fraction(item.tax_rate))
    tax = floor(exact / smallest + Fraction(1, 2)) * smallest
    return revenue, item.unit_price * count, item.unit_fee * count, tax


def check_sales(zone, first, last, period=None):
    for group_by in GroupBy:
        found = list(reports.sales(group_by, period, timezone=zone))
        rows = {(row.group, row.currency): (row.bookings, row.tickets, row.revenue, row.price, row.fees, row.tax)
                for row in found}  # fmt: skip
        assert len(rows) == len(found)
        assert rows == recomputed(group_by, zone, first, last)
        for row in found:
            assert abs(row.average * row.bookings - row.revenue) * 2 <= row.bookings
            assert money.fits(row.average, row.currency)


def check_overview(at):
    release_due(wait=True)
    overview = reports.overview(at)
    statuses = [booking.status_at(at) for booking in Booking.objects.all()]
    assert overview.bookings == {status: statuses.count(status) for status in overview.bookings}
    tickets = [ticket for booking in Booking.objects.all() for ticket in booking.tickets.exclude(status="void")]
    assert overview.tickets_sold == len(tickets) == sum(row.tickets for row in overview.revenue)
    assert overview.revenue == reports.totals()
    confirmed = Booking.objects.filter(status="confirmed")
    assert {row.currency: (row.revenue, row.price, row.fees, row.tax) for row in overview.revenue} == {
        currency: tuple(
            map(sum, zip(*(
                amounts_of(item, item.quantity - item.cancelled_quantity)
                for item in BookingItem.objects.filter(booking__in=confirmed.filter(currency=currency))
            ), strict=True))
        )
        for currency in {booking.currency for booking in confirmed}
    }  # fmt: skip


def check_occupancy(at):
    rows = list(reports.occupancy())
    for row in rows:
        bookings = Booking.objects.filter(event=row.event)
        assert row.sold == sum(booking.places for booking in bookings if booking.status == "confirmed")
        assert row.held == sum(booking.places for booking in bookings if booking.status_at(at) == "pending")
        assert row.available == row.capacity - row.sold - row.held
        assert row.rate == round(row.sold / 500, 4)
    assert [row.event for row in rows] == list(Event.objects.values_list("pk", flat=True))
    assert reports.overview(at).places_available == sum(row.available for row in rows)


SPRING = dt.datetime.fromisoformat("2026-03-29T01:00:00Z")
# One season with everything that there is to get wrong: a type of which all is cancelled and another of which some is,
# two currencies in one venue, sales that do not count, and one at the instant at which the next day begins.
EVERYTHING = example(
    events=[
        (0, "EUR", [(4990, 250, 7_700), (1990, 0, 20_000)]),
        (0, "JPY", [(3000, 110, 100_000)]),
        (1, "EUR", [(1, 0, 0)]),
    ],
    bookings=[
        (0, [1, 2, 0], "confirmed", SPRING, [True, True]),
        (0, [2, 0, 0], "confirmed", SPRING + dt.timedelta(hours=21), []),
        (1, [3, 0, 0], "confirmed", SPRING, [False, True]),
        (1, [1, 0, 0], "cancelled", SPRING, []),
        (1, [1, 0, 0], "pending", SPRING, []),
        (1, [1, 0, 0], "overdue", SPRING, []),
        (2, [4, 0, 0], "confirmed", SPRING - dt.timedelta(microseconds=1), []),
    ],
    zone="Europe/Vienna",
    instant=SPRING,
    days=0,
)


@pytest.mark.django_db
@EVERYTHING
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(events=EVENTS, bookings=BOOKINGS, zone=st.sampled_from(ZONES), instant=INSTANTS, days=st.integers(0, 40))
def test_figures_are_those_of_a_slow_recomputation(events, bookings, zone, instant, days):
    first = instant.astimezone(ZoneInfo(zone)).date()
    with transaction.atomic():
        make_season(events, bookings)
        last = first + dt.timedelta(days=days)
        ends = reports.day_starts_at(first, zone), reports.day_starts_at(last + dt.timedelta(days=1), zone)
        check_sales(zone, first, last, Booking.objects.sold(*ends))
        check_sales(zone, dt.date(2020, 1, 1), dt.date(2030, 1, 1))
        check_overview(timezone.now())
        check_occupancy(timezone.now())
        transaction.set_rollback(True)
