"""Fixtures of all apps: clients of each role, and one object of each kind."""

import datetime as dt
import functools
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import DateTimeField, F, QuerySet, Value
from django.utils import timezone
from rest_framework.test import APIClient

from bookings.door.models import Scan
from bookings.lifecycle.place import Line
from bookings.messages.models import Message
from bookings.models import Booking, BookingChange, Ticket
from bookings.payments.models import Payment, ProviderEvent, Refund
from bookings.reconciliation import comparisons, drifts
from config.access.models import ApiToken
from config.access.roles import Role
from config.idempotency.models import KeyedRequest
from config.outbox.models import FeedChange
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue

WITH_TIMES = (
    *(Venue, Event, TicketType, Booking, Ticket, Scan, BookingChange, Message),
    *(Payment, Refund, ProviderEvent, FeedChange, KeyedRequest),
)
MILLISECOND = dt.timedelta(milliseconds=1)


class Client(APIClient):
    """Sends JSON to paths below the API's base; with two slashes, as in `//health`, to paths outside of it."""

    def generic(self, method: str, path: str, *args: Any, **kwargs: Any) -> Any:
        return super().generic(method, path[1:] if path.startswith("//") else f"/api/v1{path}", *args, **kwargs)


def client_of(user: Any = None) -> Client:
    client = Client()
    client.default_format = "json"
    if user is not None:
        token, text = ApiToken.issue(user=user, name="test")
        token.note_use(at=timezone.now())  # so that requests in tests do not write it
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def holder_of(booking: Booking) -> Client:
    """An anonymous client with the booking's secret."""
    client = client_of()
    client.credentials(HTTP_BOOKING_SECRET=booking.secret)
    return client


def make_user(role: Role | None = None, **data: Any) -> Any:
    user = get_user_model().objects.create(username=data.pop("username", role or "nobody"), **data)
    if role:
        user.groups.add(Group.objects.get(name=role.label))
    return user


@pytest.fixture
def anonymous() -> Client:
    return client_of()


@pytest.fixture
def manager(db: None) -> Client:
    return client_of(make_user(Role.MANAGER))


@pytest.fixture
def box_office(db: None) -> Client:
    return client_of(make_user(Role.BOX_OFFICE))


@pytest.fixture
def door(db: None) -> Client:
    return client_of(make_user(Role.DOOR))


@pytest.fixture
def auditor(db: None) -> Client:
    return client_of(make_user(Role.AUDITOR))


@pytest.fixture
def sends_mail(settings: Any) -> None:
    """Mails of bookings are written, as in production with a mail server."""
    settings.SEND_MAIL = True


@pytest.fixture
def make_venue(db: None) -> Callable[..., Venue]:
    def make(**data: Any) -> Venue:
        return Venue.objects.create(
            **{"name": "Old Hall", "address": "1 Main Street", "capacity": 1000, "timezone": "Europe/Vienna", **data}
        )

    return make


@pytest.fixture
def make_event(make_venue: Callable[..., Venue]) -> Callable[..., Event]:
    """Creates an event, by default published and in 30 days."""

    def make(*, is_published: bool = True, **data: Any) -> Event:
        starts_at = data.pop("starts_at", timezone.now() + dt.timedelta(days=30))
        data = {"name": "Concert", "capacity": 100, "ends_at": starts_at + dt.timedelta(hours=3), **data}
        event = Event.plan(venue=data.pop("venue", None) or make_venue(), starts_at=starts_at, **data)
        return event.publish(at=timezone.now()) if is_published else event

    return make


@pytest.fixture
def make_type(make_event: Callable[..., Event]) -> Callable[..., TicketType]:
    def make(**data: Any) -> TicketType:
        event = data.pop("event", None) or make_event()
        return TicketType.offer(event=event, **{"name": "Seat", "price": Decimal("49.90"), **data})

    return make


@pytest.fixture
def book(make_type: Callable[..., TicketType]) -> Callable[..., Booking]:
    """Creates a booking: `book((seat, 2), (standing, 1))`; by default of one place of a new ticket type."""

    def place(*lines: tuple[TicketType, int], **data: Any) -> Booking:
        items = [Line(ticket_type.pk, quantity) for ticket_type, quantity in lines or [(make_type(), 1)]]
        data = {"customer_name": "Ann Lee", "customer_email": "ann@example.com", **data}
        placed = Booking.place(lines=items, **data)
        if placed.expires_at - placed.created_at < MILLISECOND:
            time.sleep(0.002)  # its hold must be over; SQLite's clock has milliseconds
        return placed

    return place


@pytest.fixture
def pass_time(db: None) -> Callable[..., None]:
    """Moves all stored datetimes into the past: `pass_time(minutes=16)`. The clocks stay as they are."""

    def shift(**by: float) -> None:
        delta = dt.timedelta(**by)
        for model in WITH_TIMES:
            instants = [field.name for field in model._meta.fields if isinstance(field, DateTimeField)]
            QuerySet(model).update(**{name: F(name) - delta for name in instants})

    return shift


@pytest.fixture
def figures(db: None) -> Callable[[], dict[str, int]]:
    """Returns `reserved` of all events and ticket types by name. A refused write must not change it."""

    def read() -> dict[str, int]:
        rows = [*Event.objects.values_list("name", "reserved"), *TicketType.objects.values_list("name", "reserved")]
        return dict(rows)

    return read


@functools.cache
def compiled_comparisons() -> list[tuple[str, Any]]:
    """What `reconcile` asks, as SQL. Compiling it takes ten times as long as asking."""
    found = [it.differing.order_by().values_list(Value(1)) for it in comparisons()]
    return [rows[:1].query.sql_with_params() for rows in found]


def differences() -> list[str]:
    """The counters that differ from their rows."""
    statements = compiled_comparisons()
    if not Booking.objects.exists():
        statements = statements[:2]  # the counters of events and ticket types, which must be 0
    with connection.cursor() as cursor:
        for sql, values in statements:
            cursor.execute(sql, values)
            if cursor.fetchone():
                return [str(drift) for drift in drifts()]
    return []


@pytest.fixture(autouse=True)
def _reconciled(request: Any) -> Any:
    """At the end of each test every counter equals its rows."""
    uses_database = {"db", "transactional_db"} & set(request.fixturenames)
    if not uses_database or request.node.get_closest_marker("drifts"):
        yield
        return
    request.getfixturevalue("db")  # requested first, so that it ends last
    yield
    assert differences() == []


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Prints figures that tests report, also from xdist workers."""
    for report in terminalreporter.getreports("passed"):
        for name, line in report.user_properties:
            if name == "shows":
                terminalreporter.write_line(line)
