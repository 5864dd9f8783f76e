import io
from collections import Counter

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import transaction
from django.db.models import Count
from django.test import override_settings
from django.utils import timezone

from bookings.models import Booking, BookingChange, BookingItem, Ticket
from events.inventory.sales import load_ticket_types
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue

pytestmark = pytest.mark.xdist_group("demo")  # all tests of this module share the data of one process


@pytest.fixture(scope="module")
def demo(django_db_setup, django_db_blocker):
    """The output of the command. All tests of this module share its data, because loading takes seconds."""
    out = io.StringIO()
    with django_db_blocker.unblock(), transaction.atomic():
        with override_settings(DEBUG=True):
            call_command("load_demo", stdout=out)
        yield out.getvalue()
        transaction.set_rollback(True)


def test_demo_has_a_few_thousand_rows_and_says_how_many(demo, db):
    models = (Venue, Event, TicketType, Booking, BookingItem, Ticket, BookingChange)
    counted = sum(model.objects.count() for model in models)
    assert 2_000 < counted < 10_000
    assert f"Loading the demo: 100 %   {counted:,} rows" in demo


def test_demo_counters_equal_the_rows_behind_them(demo, db):
    of_event, of_type = Counter(), Counter()
    for item in BookingItem.objects.filter(booking__status__in=["pending", "confirmed"]).select_related("booking"):
        places = item.quantity - item.cancelled_quantity
        of_event[item.booking.event_id] += places
        of_type[item.ticket_type_id] += places
    assert dict(Event.objects.filter(reserved__gt=0).values_list("pk", "reserved")) == of_event
    assert dict(TicketType.objects.filter(reserved__gt=0).values_list("pk", "reserved")) == of_type


def test_demo_has_events_in_every_state(demo, db):
    at = timezone.now()
    events = Event.objects.all()
    load_ticket_types(events)
    assert {event.sales_refusal(at) for event in events} == {
        None, "not_published", "cancelled", "ended", "not_started", "sold_out",
    }  # fmt: skip
    available = {event.name: event.available for event in events}
    assert (available["Quartet, First Set"], available["Quartet, Second Set"], available["Voices of Soho"]) == (0, 0, 3)
    assert events.filter(max_per_customer__isnull=False, status="published", starts_at__gt=at).exists()
    currencies = set(Event.objects.values_list("currency", flat=True))
    assert currencies == {"AUD", "CHF", "EUR", "GBP", "JPY", "KWD", "USD"}


def test_demo_has_ticket_types_in_every_state(demo, db):
    at = timezone.now()
    assert {row.status_at(at) for row in TicketType.objects.select_related("event")} == {
        "on_sale", "sold_out", "not_started", "ended", "not_published", "cancelled",
    }  # fmt: skip


def test_demo_has_bookings_in_every_state(demo, db):
    at = timezone.now()
    bookings = Booking.objects
    assert {booking.status_at(at) for booking in bookings.all()} == {"pending", "confirmed", "cancelled", "expired"}
    assert bookings.due().count() == 0
    kinds = {
        "late": bookings.filter(is_late=True, status="confirmed"),
        "partly cancelled": bookings.filter(status="confirmed", cancelled_quantity__gt=0),
        "free": bookings.filter(status="confirmed", total_price=0),
        "of several types": bookings.annotate(types=Count("items")).filter(types__gt=1),
        "refund due after a cancellation": bookings.filter(refund_due=True, status="cancelled"),
        "refund due for a late payment": bookings.filter(refund_due=True, status="expired"),
        "cancelled with its event": bookings.filter(status="cancelled", event__status="cancelled"),
    }
    assert [kind for kind, found in kinds.items() if not found.exists()] == []


def test_demo_checks_in_most_tickets_of_past_events(demo, db):
    tickets = Ticket.objects.filter(booking__event__ends_at__lt=timezone.now(), booking__status="confirmed")
    statuses = Counter(tickets.values_list("status", flat=True))
    assert statuses["checked_in"] > 4 * statuses["valid"] > 0
    assert not Ticket.objects.filter(status="checked_in", booking__event__ends_at__gte=timezone.now()).exists()


def test_demo_sold_while_the_sale_was_on_and_in_order(demo, db):
    now = timezone.now()
    for booking in Booking.objects.prefetch_related("items__ticket_type", "changes").select_related("event"):
        ends = [booking.event.starts_at, *(i.ticket_type.sales_end_at for i in booking.items.all())]
        assert booking.event.created_at <= booking.created_at < min(end for end in ends if end)
        history = [booking.created_at, *(change.at for change in booking.changes.all())]
        assert history == sorted(history)
        assert history[-1] <= now
        assert booking.changes.all()[0].at == booking.created_at
        confirmed = [change.at for change in booking.changes.all() if change.verb in ("confirm", "confirm late")]
        assert confirmed == ([booking.confirmed_at] if booking.confirmed_at else [])


def test_demo_sales_are_spread_over_weeks(demo, db):
    days = {booking.created_at.date() for booking in Booking.objects.exclude(status="pending")}
    assert len(days) > 35
    assert max(days) < timezone.now().date()


def test_demo_user_is_shown_with_a_password_that_works(demo, db):
    line = demo.splitlines()[-1]
    user = get_user_model().objects.get(username="demo")
    assert line.startswith("Demo login: demo    password: ")
    assert user.check_password(line.split()[4])
    assert (user.is_staff, user.is_superuser) == (True, True)
