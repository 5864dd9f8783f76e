"""Cancellations, refunds and the till, against sums in plain Python over random bookings in several time zones."""

import csv
import datetime as dt
import io
from collections import defaultdict
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bookings import reports
from bookings.lifecycle.place import Line
from bookings.models import Booking, Cancellation
from bookings.payments.ledger import Receipt
from bookings.payments.models import Payment, Refund
from bookings.payments.providers.base import Outcome
from bookings.payments.refunding import apply_outcome
from bookings.reports.movements import movements_of_refunds
from bookings.tests.test_reports_recomputed import CURRENCIES, EXAMPLES, INSTANTS, ZONES
from config.access.roles import Role
from config.values import money
from conftest import make_user
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue

pytestmark = pytest.mark.both

STORIES = st.lists(
    st.tuples(
        st.integers(0, 2),  # the event, which has a currency
        st.integers(1, 4),  # places
        st.integers(1, 10**7),  # price, in the currency's smallest unit
        st.sampled_from(["cash", "card", "online"]),
        st.integers(0, 2),  # the user who takes the money; 0: nobody
        st.sampled_from(["kept", "partly", "whole", "both", "event"]),  # what is cancelled
        st.integers(0, 100),  # percent of the price that are kept as a fee
        st.sampled_from(["none", "due", "returned"]),  # what becomes of the refund
        st.tuples(INSTANTS, INSTANTS, INSTANTS, INSTANTS),
    ),
    max_size=6,
)


class Season:
    """Plays stories, and notes in plain Python what happened when."""

    def __init__(self, stories):
        start = dt.datetime(2090, 1, 1, 19, tzinfo=dt.UTC)
        venue = Venue.objects.create(name="Hall", address="Street", capacity=500, timezone="Europe/Vienna")
        self.users = [make_user(Role.BOX_OFFICE, username=name) for name in ("ann", "bob")]
        self.sold, self.cancelled, self.paid, self.refunded, self.returned = [], [], [], [], []
        self.events = []
        for number, currency in enumerate(CURRENCIES[:3]):
            event = Event.plan(venue=venue, name=f"Show {number}", currency=currency, starts_at=start,
                               ends_at=start + dt.timedelta(hours=2))  # fmt: skip
            self.events.append(event.publish(at=timezone.now()))
        for story in stories:
            self.play(*story)

    def play(self, number, places, units, method, user, fate, percent, refund, instants):
        event = self.events[number]
        smallest = Decimal(1).scaleb(-money.DECIMALS[event.currency])
        name, rate = f"Type {event.ticket_types.count()}", Decimal(units % 26)
        kind = TicketType.offer(event=event, name=name, price=units * smallest, tax_rate=rate)
        by = self.users[user - 1] if user else None
        booking = Booking.place(customer_name="Ann", customer_email="ann@example.com", lines=[Line(kind.pk, places)])
        booking.receive(Receipt(amount=booking.total_price, method=method, paid_before=Decimal(0)), by=by)
        at = instants[0]
        Payment.objects.filter(booking=booking).update(succeeded_at=at)
        Booking.objects.filter(pk=booking.pk).update(confirmed_at=at)
        self.sold.append((event, at, places, booking.total_price))
        self.paid.append((by.username if by else "", method, event.currency, booking.total_price, at))
        if fate in ("partly", "both") and places > 1:
            fee = self.fee(kind.price, percent, smallest)
            booking.cancel(tickets=[booking.tickets.first().code], fee=fee)
            self.note(booking, event, instants[1], False, 1, kind.price, fee)
            places -= 1
        if fate in ("whole", "both", "event"):
            fee = Decimal(0) if fate == "event" else self.fee(kind.price * places, percent, smallest)
            booking.cancel(fee=fee)
            self.note(booking, event, instants[2], True, places, kind.price * places, fee)
        if refund != "none" and booking.refund_due:
            self.refund(booking, event, method, by, instants, is_returned=refund == "returned")

    def fee(self, price, percent, smallest):
        return (price * percent / 100).quantize(smallest, "ROUND_DOWN")

    def note(self, booking, event, at, is_whole, places, amount, fee):
        Cancellation.objects.filter(pk=booking.cancellations.latest("pk").pk).update(at=at)
        self.cancelled.append((event, at, is_whole, places, amount, fee))

    def refund(self, booking, event, method, by, instants, *, is_returned):
        (refund,) = booking.refund(by=by)
        Refund.objects.filter(pk=refund.pk).update(succeeded_at=instants[3])
        row = (by.username if by else "", event, method, refund.amount)
        self.refunded.append((*row, instants[3]))
        if is_returned:
            apply_outcome(refund, Outcome("failed", error="The account is closed."))
            Refund.objects.filter(pk=refund.pk).update(failed_at=instants[2])
            self.returned.append((*row, instants[2]))


def groups(event, at, zone):
    day = at.astimezone(ZoneInfo(zone)).date().isoformat()
    return {"day": day, "month": day[:7], "event": event.pk}


def check_sales(season, zone):
    for group_by in ("day", "month", "event"):
        expected = defaultdict(lambda: [0, 0, Decimal(0)])
        for event, at, places, price in season.sold:
            row = expected[groups(event, at, zone)[group_by], event.currency]
            row[:] = row[0] + 1, row[1] + places, row[2] + price
        found = reports.sales(group_by, timezone=zone, with_cancelled=True)
        assert {(it.group, it.currency): [it.bookings, it.tickets, it.revenue] for it in found} == expected


def check_tax(zone):
    """What was sold, less what was cancelled, is what is sold: over all time, to the last cent."""
    sums = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for sign, rows in ((1, reports.sales("event", timezone=zone, with_cancelled=True)), (-1, reports.sales("event"))):
        for row in rows:
            sums[row.currency][0] += sign * row.revenue
            sums[row.currency][1] += sign * row.tax
    for row in reports.cancellations("event"):
        sums[row.currency][0] -= row.amount
        sums[row.currency][1] -= row.tax
    assert all(rest == [0, 0] for rest in sums.values())


def check_cancellations(season, zone, period, rows):
    for group_by in ("day", "month", "event"):
        expected = defaultdict(lambda: [0, 0, Decimal(0), Decimal(0)])
        for event, at, is_whole, places, amount, fee in season.cancelled:
            if period(at):
                row = expected[groups(event, at, zone)[group_by], event.currency]
                row[:] = row[0] + is_whole, row[1] + places, row[2] + amount, row[3] + fee
        found = list(reports.cancellations(group_by, rows, timezone=zone))
        shown = {(it.group, it.currency): [it.bookings, it.tickets, it.amount, it.fees] for it in found}
        assert (shown, len(shown)) == (expected, len(found))


def check_refunds(season, zone, period, movements):
    for group_by in ("day", "month", "event"):
        expected = defaultdict(lambda: [0, Decimal(0), Decimal(0)])
        for index, rows in ((1, season.refunded), (2, season.returned)):
            for _user, event, method, amount, at in rows:
                if period(at):
                    row = expected[groups(event, at, zone)[group_by], event.currency, "manual", method]
                    row[index] += amount
                    row[0] += index == 1
        found = list(reports.refunds(group_by, movements, timezone=zone))
        keys = [(it.group, it.currency, it.provider, it.method) for it in found]
        assert dict(zip(keys, ([it.refunds, it.amount, it.returned] for it in found), strict=True)) == expected
        if group_by != "event":
            assert keys == sorted(keys)


def check_till(season, day, zone, user):
    expected = defaultdict(lambda: [Decimal(0), Decimal(0), 0])
    refunds = [(1, (who, method, event.currency, amount, at)) for who, event, method, amount, at in season.refunded]
    back = [(-1, (who, method, event.currency, amount, at)) for who, event, method, amount, at in season.returned]
    for sign, (who, method, currency, amount, at) in [*((0, it) for it in season.paid), *refunds, *back]:
        if at.astimezone(ZoneInfo(zone)).date() == day and user in (None, who):
            row = expected[who, method, currency]
            row[abs(sign)] += (sign or 1) * amount
            row[2] += 1
    found = reports.till(*reports.till_of(day, timezone=zone, user=user))
    assert {(it.user, it.method, it.currency): [it.payments, it.refunds, it.count] for it in found} == expected


@pytest.mark.django_db
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(stories=STORIES, zone=st.sampled_from(ZONES), instant=INSTANTS, days=st.integers(0, 40))
def test_movements_are_those_of_a_slow_recomputation(stories, zone, instant, days):
    first = instant.astimezone(ZoneInfo(zone)).date()
    last = first + dt.timedelta(days=days)
    ends = [reports.day_starts_at(day, zone) for day in (first, last + dt.timedelta(days=1))]

    def within(at):
        return first <= at.astimezone(ZoneInfo(zone)).date() <= last

    with transaction.atomic():
        season = Season(stories)
        check_sales(season, zone)
        check_tax(zone)
        for period, (start, end) in ((within, ends), (lambda at: True, (None, None))):
            rows = reports.movements.between(Cancellation.objects.all(), "at", start, end)
            check_cancellations(season, zone, period, rows)
            check_refunds(season, zone, period, movements_of_refunds(Refund.objects.all(), start, end))
        for at in {it[-1] for it in (*season.paid, *season.refunded, *season.returned)} | {instant}:
            day = at.astimezone(ZoneInfo(zone)).date()
            for user in (None, "ann"):
                check_till(season, day, zone, user)
        transaction.set_rollback(True)


# Through the API


@pytest.fixture
def sale(make_type, book):
    """Three places for 149.70 EUR, sold in October, of which one is cancelled in November with a fee."""
    booking = book((make_type(), 3)).confirm(payment_reference="pay_1")
    Booking.objects.filter(pk=booking.pk).update(confirmed_at="2026-10-31T22:30:00Z")
    booking.cancel(tickets=[booking.tickets.first().code], fee=Decimal(10))
    Cancellation.objects.update(at="2026-10-31T23:30:00Z")
    return booking


def rows_of(client, path):
    return [
        {name: value for name, value in row.items() if name != "label"} for row in client.get(path).json()["results"]
    ]


@pytest.mark.parametrize(
    ("zone", "month"), [("UTC", "2026-10"), ("Europe/Vienna", "2026-11"), ("Asia/Tokyo", "2026-11")]
)
def test_cancellation_counts_on_its_own_day(sale, auditor, zone, month):
    path = f"/reports/cancellations?group_by=month&timezone={zone}"
    row = {"currency": "EUR", "bookings": 0, "tickets": 1, "amount": "49.90", "tax": "0.00", "fees": "10.00"}
    assert rows_of(auditor, path) == [{"group": month, **row}]
    period = f"&event={sale.event_id}&from={month}-01&to={month}-30"
    assert rows_of(auditor, path + period) == ([] if zone == "UTC" else [{"group": month, **row}])
    assert rows_of(auditor, f"{path}&event=0") == []


def test_past_month_of_sales_does_not_change(sale, auditor):
    closed = "/reports/sales?group_by=month&with_cancelled=true&timezone=Europe/Vienna&from=2026-10-01&to=2026-10-31"
    before = rows_of(auditor, closed)
    assert (before[0]["tickets"], before[0]["revenue"]) == (3, "149.70")
    sale.cancel()
    assert rows_of(auditor, closed) == before
    assert rows_of(auditor, closed.replace("with_cancelled=true", "with_cancelled=false")) == []
    assert sum(Cancellation.objects.values_list("amount", flat=True)) == Decimal("149.70")


def test_event_that_is_cancelled_notes_each_booking_once(make_type, book, auditor):
    seat = make_type()
    sold, partly = (book((seat, 2)).confirm() for _ in range(2))
    partly.cancel(tickets=[partly.tickets.first().code])
    book((seat, 1)), sold.cancel(), sold.cancel()
    seat.event.cancel(reason="storm", at=timezone.now())
    rows = Cancellation.objects.order_by("pk").values_list("booking", "is_whole", "places", "amount")
    one = Decimal("49.90")
    assert list(rows) == [(partly.pk, False, 1, one), (sold.pk, True, 2, 2 * one), (partly.pk, True, 1, one)]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("till", "day"),
        ("till?day=2026-11", "day"),
        ("till?day=2026-02-30", "day"),
        ("till?day=2026-11-30&timezone=Mars/Base", "timezone"),
        ("cancellations?group_by=venue", "group_by"),
        ("refunds?group_by=day&from=2026-11-02&to=2026-11-01", "from"),
        ("refunds", "group_by"),
        ("sales?group_by=day&with_cancelled=yes", "with_cancelled"),
    ],
)
def test_wrong_parameter_is_named(auditor, query, parameter):
    answer = auditor.get(f"/reports/{query}")
    assert answer.status_code == 400
    assert [error["parameter"] for error in answer.json()["errors"]] == [parameter]


def test_till_as_a_table_has_negative_amounts_as_numbers(sale, auditor, box_office):
    sale.refund(by=make_user(Role.BOX_OFFICE, username="till-2"))
    answer = auditor.get(f"/reports/till?day={timezone.now():%Y-%m-%d}&user=till-2&format=csv")
    table = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"), newline="")))
    assert table == [
        ["user", "method", "currency", "payments", "refunds", "net", "count"],
        ["till-2", "other", "EUR", "0.00", "39.90", "-39.90", "1"],
    ]
