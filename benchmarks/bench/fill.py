"""Fills a database for the measurements, in a process of its own: python -m benchmarks.bench.fill NUMBER_OF_BOOKINGS.

100 venues with an event each, on sale with one ticket type, of which one place is booked; a ticket type that is sold
out; and so many confirmed bookings of the hot ticket type. The catalogue is made by the verbs; of the hot bookings one
is, and the others are copies of its rows. What it made, it prints as JSON.
"""

# ruff: noqa: E402  Django comes first

import datetime as dt
import json
import sys
import uuid
from decimal import Decimal
from typing import Any

import django

django.setup()

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.db.models import F
from django.utils import timezone

from bookings.codes import confirmation_code, ticket_code
from bookings.lifecycle.place import Line
from bookings.models import Booking, BookingChange, BookingItem, Ticket
from config.access.models import ApiToken
from config.statements import columns_of, insert_all, stored
from events.models import Event
from ticket_types.models import TicketType
from venues.models import LARGEST, Venue

USING = DEFAULT_DB_ALIAS
BATCH = 20_000
CUSTOMER = {"customer_name": "Ann Lee", "customer_email": "ann@example.com"}


def catalogue() -> tuple[list[Event], list[TicketType], TicketType]:
    at = timezone.now()
    events, types = [], []
    for number in range(1, 101):
        venue = Venue.objects.create(
            name=f"Venue number {number}", address=f"{number} Long Street, Some City, Country", capacity=LARGEST
        )
        starts_at = at + dt.timedelta(days=3650 + number)
        event = Event.plan(
            venue=venue,
            name=f"Event number {number}",
            description="An evening of music and dance " * 3,
            starts_at=starts_at,
            ends_at=starts_at + dt.timedelta(hours=3),
        )
        events.append(event.publish(at=at))
        types.append(TicketType.offer(event=event, name="Standard", price=Decimal("49.90")))
    full = TicketType.offer(event=events[-1], name="Sold out", price=Decimal("49.90"), capacity=1)
    for ticket_type in (*types, full):
        Booking.place(lines=[Line(ticket_type.pk, 1)], **CUSTOMER).confirm(payment_reference="pay_0")
    return events, types, full


def book(ticket_type: TicketType, number: int) -> None:
    """One through the verbs, and copies of it."""
    template = Booking.place(lines=[Line(ticket_type.pk, 1)], **CUSTOMER).confirm(payment_reference="pay_0")
    rows = {
        model: [stored(row, USING) for row in model.objects.filter(**{name: template.pk}).order_by("pk")]
        for model, name in ((Booking, "pk"), (BookingItem, "booking"), (BookingChange, "booking"), (Ticket, "booking"))
    }
    left = number - 1
    while left > 0:
        ids = [uuid.uuid4() for _ in range(min(left, BATCH))]
        with transaction.atomic():
            for model, templates in rows.items():
                insert_all(model, (copy(model, row, pk) for pk in ids for row in templates), USING)
            for row in (ticket_type, ticket_type.event):
                type(row).objects.filter(pk=row.pk).update(reserved=F("reserved") + len(ids))
        left -= len(ids)


def copy(model: type, row: list[Any], booking: uuid.UUID) -> list[Any]:
    new = list(row)
    for position, field in enumerate(columns_of(model)):
        if field.attname == ("id" if model is Booking else "booking_id"):
            new[position] = field.get_db_prep_save(booking, connection)
        elif field.attname == "confirmation_code":
            new[position] = confirmation_code()
        elif field.attname == "code":
            new[position] = ticket_code()
        elif field.attname in ("customer_email", "customer_key"):
            new[position] = f"buyer{booking.int % 10**9}@example.com"
    return new


def staff() -> tuple[str, str]:
    """A token, and a session of the admin, of somebody who may see everything."""
    user = get_user_model().objects.create_superuser("bench", password=None)
    _, token = ApiToken.issue(user=user, name="bench")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return token, session.session_key


def flash_event() -> int:
    """An event with 500 places that cost nothing, so that whoever holds one may confirm it."""
    at = timezone.now()
    starts_at = at + dt.timedelta(days=3600)
    event = Event.plan(
        venue=Venue.objects.order_by("pk").first(), name="Flash sale", capacity=500,
        starts_at=starts_at, ends_at=starts_at + dt.timedelta(hours=3),
    )  # fmt: skip
    event.publish(at=at)
    return TicketType.offer(event=event, name="Seat", price=Decimal(0)).pk


def main(number: int) -> None:
    events, types, full = catalogue()
    book(types[0], number)
    token, session = staff()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    made = {
        "venue": events[6].venue_id, "event": events[6].pk, "hot": types[0].pk, "sold_out": full.pk,
        "types": [it.pk for it in types], "token": token, "session": session,
    }  # fmt: skip
    print(json.dumps(made))


if __name__ == "__main__":
    if sys.argv[1] == "flash":
        print(json.dumps({"ticket_type": flash_event()}))
    else:
        main(int(sys.argv[1]))
