"""Further weeks of a large demo: copies of the weeks that were made through the verbs, with new ids, codes and days.

Status, money and counters are copied as they are, so `manage.py reconcile` finds no difference.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models

from bookings.codes import booking_secret, confirmation_code, ticket_code
from bookings.demo.evening import Evening
from bookings.demo.stories import payment_reference
from bookings.models import Booking, BookingChange, BookingItem, Ticket
from bookings.payments.ledger import MANUAL
from bookings.payments.models import Payment, Refund
from events.models import Event
from ticket_types.models import TicketType

M = TypeVar("M", bound=models.Model)
Row = dict[str, Any]  # values by the names of columns

BATCH = 1000  # rows in one statement
MAX_WEEKS = 520  # before and after today; a larger scale has several events of a kind in a week
DATES = ("created_at", "updated_at")


def save_week(evenings: Sequence[Evening], number: int) -> int:
    """Copies evenings to another week; returns the number of rows."""
    copies = [EveningCopy(evening, number % MAX_WEEKS) for evening in evenings]
    insert_dated(Event, [copy.event for copy in copies])
    for copy in copies:
        for ticket_type in copy.types.values():
            ticket_type.event_id = copy.event.pk
    insert_dated(TicketType, [row for copy in copies for row in copy.types.values()])
    rows: dict[type[models.Model], list[Row]] = {
        Booking: [], BookingItem: [], Ticket: [], BookingChange: [], Payment: [], Refund: []
    }  # fmt: skip
    for copy in copies:
        copy.add_bookings(rows)
    for model, instances in rows.items():
        if model is Refund:
            name_payments(instances)
        insert(model, instances)
    return sum(1 + len(copy.types) for copy in copies) + sum(map(len, rows.values()))


class EveningCopy:
    """The event and ticket types of an evening for another week, not saved."""

    def __init__(self, evening: Evening, week: int) -> None:
        self.rows = evening.rows
        other = evening.in_week(week)
        moved_by = other.starts_at - evening.starts_at
        # The sale of a past event moves with it; that of an event to come is as old as the one that is copied.
        self.shift = moved_by if evening.is_over else dt.timedelta()
        times = {"starts_at": other.starts_at, "ends_at": other.ends_at}
        self.event = Event(**copy_row(self.rows.event, self.shift, id=None, **times))
        self.types = {row.pk: TicketType(**copy_row(row, self.shift, id=None)) for row in self.rows.ticket_types}
        for row in self.rows.ticket_types:
            if row.sales_start_at is not None and row.sales_start_at > evening.today:
                self.types[row.pk].sales_start_at = row.sales_start_at + moved_by

    def add_bookings(self, rows: dict[type[models.Model], list[Row]]) -> None:
        """Adds copies of the bookings with all that belongs to them; the event and ticket types must be saved."""
        for booking in self.rows.bookings:
            ids = {"id": uuid.uuid4(), "event_id": self.event.pk}
            of_booking = {"booking_id": ids["id"]}
            codes = {"confirmation_code": confirmation_code(), "secret": booking_secret()}
            reference = booking.payment_reference and payment_reference(codes["confirmation_code"])
            rows[Booking].append(copy_row(booking, self.shift, **ids, **codes, payment_reference=reference))
            for item in booking.items.all():
                ticket_type = self.types[item.ticket_type_id].pk
                rows[BookingItem].append(copy_row(item, self.shift, **of_booking, ticket_type_id=ticket_type))
            for ticket in booking.tickets.all():
                new = {**of_booking, "ticket_type_id": self.types[ticket.ticket_type_id].pk, "code": ticket_code()}
                rows[Ticket].append(copy_row(ticket, self.shift, **new))
            rows[BookingChange] += [copy_row(change, self.shift, **of_booking) for change in booking.changes.all()]
            for payment in booking.payments.all():  # there is one at most
                rows[Payment].append(copy_row(payment, self.shift, **of_booking, reference=reference))
                rows[Refund] += [copy_row(it, self.shift, payment_id=reference) for it in payment.refunds.all()]


def name_payments(refunds: list[Row]) -> None:
    """Puts the ids of their payments, which are stored now, in the place of the references."""
    references = [row["payment_id"] for row in refunds]
    payments = Payment.objects.filter(provider=MANUAL, reference__in=references)
    ids = dict(payments.values_list("reference", "pk"))
    for row in refunds:
        row["payment_id"] = ids[row["payment_id"]]


def copy_row(row: models.Model, shift: dt.timedelta, **values: Any) -> Row:
    """A row with some other values; all other times are moved by `shift`."""
    data = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    if shift:
        data |= {name: value + shift for name, value in data.items() if isinstance(value, dt.datetime)}
    return data | values


def insert_dated(model: type[M], rows: list[M]) -> None:
    """Inserts rows with their own dates, instead of those that `auto_now` sets."""
    dates = [{name: getattr(row, name) for name in DATES} for row in rows]
    model._default_manager.bulk_create(rows, batch_size=BATCH)
    for row, values in zip(rows, dates, strict=True):
        vars(row).update(values)
    model._default_manager.bulk_update(rows, DATES, batch_size=BATCH)


def insert(model: type[models.Model], rows: list[Row]) -> None:
    """Inserts many rows with new ids where the database gives them."""
    connection = connections[DEFAULT_DB_ALIAS]
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
    values = [[field.get_db_prep_save(row[field.attname], connection) for field in fields] for row in rows]
    columns = ", ".join(str(field.column) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    statement = " ".join(("INSERT INTO", model._meta.db_table, f"({columns})", "VALUES", f"({marks})"))
    with connection.cursor() as cursor:
        cursor.executemany(statement, values)
