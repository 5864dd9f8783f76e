import datetime as dt
import io
from collections import Counter

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper
from django.utils import timezone

from bookings import demo
from bookings.demo import load
from bookings.demo.season import HOUSES, House, Show, entry
from bookings.management.commands.load_demo import Command, ProgressLine
from bookings.models import Booking, BookingItem, Ticket
from events.models import CapacityAboveVenue, Event
from ticket_types.models import TicketType
from venues.models import Venue

BY_NAME = {house.name: house for house in HOUSES}
SCALA = BY_NAME["Teatro alla Scala"]  # a cancelled event, and one on sale
SOME_HOUSES = [SCALA, BY_NAME["Opernhaus Zürich"], BY_NAME["Red Rocks Amphitheatre"]]
TODAY = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture
def rows(db):
    def count():
        return [model.objects.count() for model in (Venue, Event, TicketType, Booking, BookingItem, Ticket)]

    return count


def test_demo_user_is_not_made_when_debug_is_off(db):
    assert Command().make_user() is None
    assert get_user_model().objects.count() == 0


def test_demo_user_that_is_there_keeps_its_password(db, settings):
    settings.DEBUG = True
    get_user_model().objects.create_user("demo", password="as it was")
    assert Command().make_user() is None
    assert get_user_model().objects.get().check_password("as it was")


def test_load_demo_refuses_to_load_twice(make_venue, rows):
    make_venue()
    with pytest.raises(CommandError, match="There are venues already"):
        call_command("load_demo")
    assert rows() == [1, 0, 0, 0, 0, 0]


def test_load_demo_if_empty_leaves_what_is_there(make_venue, rows):
    make_venue()
    out = io.StringIO()
    call_command("load_demo", "--if-empty", stdout=out)
    assert out.getvalue() == "No demo data was loaded: there are venues already.\n"
    assert rows() == [1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("scale", [0, 2001])
def test_load_demo_refuses_a_scale_out_of_range(rows, scale):
    with pytest.raises(CommandError, match="--scale must be between 1 and 2000"):
        call_command("load_demo", scale=scale)
    assert rows() == [0] * 6


def snapshot(first_venue):
    """The data of the houses from `first_venue` on, without ids, codes, and times of pending holds."""
    lines = []
    lines += (
        Event.objects.filter(venue__gte=first_venue)
        .order_by("pk")
        .values_list(
            "venue__name", "name", "starts_at", "ends_at", "status", "capacity", "reserved", "created_at", "updated_at"
        )
    )
    lines += (
        TicketType.objects.filter(event__venue__gte=first_venue)
        .order_by("pk")
        .values_list(
            "event__name", "name", "price", "capacity", "reserved", "sales_start_at", "sales_end_at", "created_at"
        )
    )
    for booking in Booking.objects.filter(event__venue__gte=first_venue).prefetch_related(
        "event", "items", "tickets", "changes"
    ):
        is_held = booking.status == "pending"
        lines.append((
            booking.event.name, booking.customer_email, booking.status, booking.total_price,
            booking.metadata, booking.amount_paid, booking.refund_amount, booking.expires_at - booking.created_at,
            None if is_held else booking.created_at, booking.confirmed_at, booking.cancelled_at,
            [(item.name, item.quantity, item.cancelled_quantity) for item in booking.items.all()],
            [(ticket.status, ticket.checked_in_at) for ticket in booking.tickets.all()],
            [(change.verb, None if is_held else change.at) for change in booking.changes.all()],
        ))  # fmt: skip
    return sorted(lines, key=repr)


def loaded(seed):
    before = Venue.objects.order_by("pk").last()
    load(seed=seed, scale=1, today=TODAY, houses=SOME_HOUSES)
    return snapshot(before.pk + 1 if before else 0)


def test_demo_is_the_same_for_the_same_seed_and_day(db):
    first, second, other = loaded(seed=1), loaded(seed=1), loaded(seed=2)
    assert first == second
    assert first != other


def test_demo_scale_multiplies_the_events_of_the_same_houses(db):
    load(seed=1, scale=3, today=TODAY, houses=[SCALA])
    starts = Event.objects.filter(name="The Nutcracker").order_by("starts_at").values_list("starts_at", flat=True)
    assert (Venue.objects.count(), Event.objects.count()) == (1, 6)
    assert starts[2] - starts[0] == dt.timedelta(days=14)
    assert Booking.objects.values("secret").distinct().count() == Booking.objects.count()


def test_demo_that_fails_on_the_way_leaves_nothing(rows):
    too_large = House(
        "Cellar", "2 Main Street", 10, "UTC", "EUR", (Show("Crowd", 9, "20:00", entry("5.00"), capacity=11),)
    )
    with pytest.raises(CapacityAboveVenue):
        load(seed=1, scale=1, today=TODAY, houses=[SCALA, too_large])
    assert rows() == [0] * 6


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_redrawn_on_a_terminal():
    terminal = Terminal()
    progress = ProgressLine(OutputWrapper(terminal))
    progress(0.5, 1234)
    progress(1.0, 2468)
    progress.end()
    assert terminal.getvalue() == (
        "\rLoading the demo:  50 %   1,234 rows   0 s\rLoading the demo: 100 %   2,468 rows   0 s\n"
    )


def test_progress_is_a_few_lines_elsewhere():
    file = io.StringIO()
    progress = ProgressLine(OutputWrapper(file))
    for percent in range(101):
        progress(percent / 100, percent)
    progress.end()
    assert [line.split()[3] for line in file.getvalue().splitlines()] == ["25", "50", "75", "100"]


@pytest.fixture
def copied(db, monkeypatch):
    """Three weeks of some houses: one made through the verbs, and two copies of it."""
    monkeypatch.setattr(demo, "PLAYED", 1)
    load(seed=1, scale=3, today=TODAY, houses=SOME_HOUSES)


def test_copied_weeks_have_the_same_sales(copied):
    sold = Counter()
    for event in Event.objects.prefetch_related("bookings__items", "bookings__tickets", "ticket_types"):
        assert {booking.event_id for booking in event.bookings.all()} <= {event.pk}
        types = {ticket_type.pk for ticket_type in event.ticket_types.all()}
        assert {item.ticket_type_id for it in event.bookings.all() for item in it.items.all()} <= types
        states = Counter(booking.status for booking in event.bookings.all())
        money = sum(booking.total_price for booking in event.bookings.all())
        tickets = sum(len(booking.tickets.all()) for booking in event.bookings.all())
        sold[event.name, event.status, event.reserved, len(types), money, tickets, *sorted(states.items())] += 1
    assert set(sold.values()) == {3}
    assert sum(sold.values()) == 3 * sum(len(house.shows) for house in SOME_HOUSES)


def test_copied_weeks_are_in_other_weeks(copied):
    for house in SOME_HOUSES:
        for show in house.shows:
            starts = Event.objects.filter(venue__name=house.name, name=show.name).order_by("pk")
            first, second, third = (event.starts_at.date() for event in starts)
            week = dt.timedelta(days=7 if show.days > 0 else -7)
            assert (second - first, third - second) == (week, week)


def test_copied_history_is_before_its_event_and_before_today(copied):
    for booking in Booking.objects.select_related("event").prefetch_related("changes"):
        assert booking.event.created_at <= booking.created_at < booking.event.starts_at
        history = [booking.created_at, *(change.at for change in booking.changes.all())]
        assert history == sorted(history)
        assert history[-1] <= timezone.now()
