"""Further weeks of a large demo: rows copied from the weeks that were played, with other ids, codes and days.

Playing a week of all houses takes seconds, so that a million bookings would take hours. What is copied has the same
states, money and counters as what was played, and so `manage.py reconcile` finds nothing in it.
"""

import datetime as dt
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, models

from bookings.codes import confirmation_code, ticket_code
from bookings.demo.evening import Evening
from bookings.models import Booking, BookingChange, BookingItem, Ticket
from config.statements import columns_of, insert_all, insert_and_number, stored
from events.models import Event
from ticket_types.models import TicketType

USING = DEFAULT_DB_ALIAS
MAX_WEEKS = 520  # before and after today; what is more shares them


class Template:
    """An evening that was played, as the rows that it left."""

    def __init__(self, evening: Evening) -> None:
        self.evening = evening
        self.event = Event.objects.get(pk=evening.event.pk)
        self.types = list(self.event.ticket_types.order_by("pk"))
        of_event = {"booking__event": self.event}
        self.rows: list[tuple[type[models.Model], list[Any]]] = [
            (Booking, list(self.event.bookings.order_by("created_at", "pk"))),
            (BookingItem, list(BookingItem.objects.filter(**of_event).order_by("pk"))),
            (Ticket, list(Ticket.objects.filter(**of_event).order_by("pk"))),
            (BookingChange, list(BookingChange.objects.filter(**of_event).order_by("pk"))),
        ]
        self.stored = {model: [stored(row, USING) for row in rows] for model, rows in self.rows}


class Copy:
    """The same evening in another week. What is past lies longer ago by as much; what is to come was sold as early."""

    def __init__(self, template: Template, week: int) -> None:
        self.template = template
        evening = template.evening
        week %= MAX_WEEKS
        self.other = Evening(evening.show, evening.house, evening.venue, evening.today, week, evening.seed)
        self.shift = self.other.starts_at - evening.starts_at if evening.is_over else dt.timedelta()
        self.bookings = {row.pk: uuid.uuid4() for row in template.rows[0][1]}
        self.replaced: dict[str, dict[Any, Any]] = {}

    def event_row(self) -> list[Any]:
        times = {"starts_at": self.other.starts_at, "ends_at": self.other.ends_at}
        return self.changed(self.template.event, **times)

    def type_rows(self, event: int) -> Iterator[list[Any]]:
        for row in self.template.types:
            times = {}
            if row.sales_start_at is not None and row.sales_start_at > self.template.evening.today:
                times["sales_start_at"] = row.sales_start_at + (self.other.starts_at - self.template.evening.starts_at)
            yield self.changed(row, event_id=event, **times)

    def changed(self, row: models.Model, **values: Any) -> list[Any]:
        """A row of the catalogue with some other values, and its times as much longer ago as the event is."""
        fields = columns_of(type(row))
        found = stored(row, USING)
        for position, field in enumerate(fields):
            value = getattr(row, field.attname)
            if field.attname in values:
                found[position] = field.get_db_prep_save(values[field.attname], row_connection())
            elif isinstance(value, dt.datetime):
                found[position] = field.get_db_prep_save(value + self.shift, row_connection())
        return found

    def use(self, event: int, types: Sequence[int]) -> None:
        """The ids that the database gave to the copies of the event and of its ticket types."""
        self.replaced = {
            "event_id": {self.template.event.pk: event},
            "ticket_type_id": dict(zip((row.pk for row in self.template.types), types, strict=True)),
            "booking_id": self.bookings,
        }

    def rows_of(self, index: int) -> Iterator[list[Any]]:
        model, instances = self.template.rows[index]
        fields = columns_of(model)
        links = [(at, it) for at, it in enumerate(fields) if it.attname in self.replaced]
        codes = {"confirmation_code": confirmation_code, "code": ticket_code}
        fresh = [(at, codes[it.attname]) for at, it in enumerate(fields) if it.attname in codes]
        times = [(at, it) for at, it in enumerate(fields) if isinstance(it, models.DateTimeField)] if self.shift else []
        connection = row_connection()
        for instance, old in zip(instances, self.template.stored[model], strict=True):
            row = list(old)
            if model is Booking:
                row[0] = fields[0].get_db_prep_save(self.bookings[instance.pk], connection)
            for at, link in links:
                new = self.replaced[link.attname][getattr(instance, link.attname)]
                row[at] = link.get_db_prep_save(new, connection)
            for at, make in fresh:
                row[at] = make()
            for at, field in times:
                if (value := getattr(instance, field.attname)) is not None:
                    row[at] = field.get_db_prep_save(value + self.shift, connection)
            yield row


def row_connection() -> Any:
    from django.db import connections

    return connections[USING]


def copy_week(templates: Sequence[Template], week: int) -> int:
    """Copies what was played to another week; returns how many rows that took."""
    copies = [Copy(template, week) for template in templates]
    events = insert_and_number(Event, [copy.event_row() for copy in copies], USING)
    rows = [row for copy, event in zip(copies, events, strict=True) for row in copy.type_rows(event)]
    types = iter(insert_and_number(TicketType, rows, USING))
    for copy, event in zip(copies, events, strict=True):
        copy.use(event, [next(types) for _ in copy.template.types])
    count = len(events) + len(rows)
    for index, model in enumerate((Booking, BookingItem, Ticket, BookingChange)):
        count += insert_all(model, (row for copy in copies for row in copy.rows_of(index)), USING)
    return count
