"""The production application with one guard taken away: the negative controls of `benchmarks.torture`.

TORTURE_SABOTAGE names the guard. This is the only way to take one away; production has no switch for it. What stands in
its place is what naive code does: it reads, decides in Python, and then writes. It reads before the transaction begins,
because on SQLite a transaction has the whole database to itself from its first statement on.
"""

import copy
import os
import threading
import time
from typing import Any

from django.db import connection, connections, transaction
from django.db.backends.signals import connection_created

from config.wsgi import application

__all__ = ["application"]


def read_then_save() -> None:
    """Without the conditional update, and without the check constraint (which the harness drops on PostgreSQL)."""
    from bookings.lifecycle import offer, place
    from bookings.lifecycle.transitions import LostRace
    from bookings.models import Booking, BookingChange, BookingItem
    from events.models import Event
    from ticket_types.models import TicketType

    offers = threading.local()

    def look(ids: list[int]) -> offer.Offer:
        offers.last = offer.look(ids)
        return offers.last

    def write(booking: Booking, items: list[BookingItem], change: BookingChange) -> None:
        with transaction.atomic():
            for row in (booking, *items, change):
                row.save(force_insert=True)
            for item in items:
                take(TicketType, offers.last.ticket_types[item.ticket_type_id], item.quantity)
            take(Event, offers.last.event, booking.quantity)

    def take(model: Any, stock: Any, places: int) -> None:
        if stock.capacity is not None and stock.reserved + places > stock.capacity:
            raise LostRace
        model.objects.filter(pk=stock.id).update(reserved=stock.reserved + places)

    place.look, place.write = look, write
    connection_created.connect(without_checks, weak=False)


def without_checks(connection: Any, **kwargs: Any) -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA ignore_check_constraints = ON")


def key_apart() -> None:
    """The idempotency key is looked up before the booking and stored after it, each in a transaction of its own."""
    from bookings.models import Booking

    place = Booking.place.__func__

    def place_then_note(cls: type, *, key: Any = None, **data: Any) -> Booking:
        if key is not None and (earlier := key.booking()) is not None:
            return earlier
        booking = place(cls, **data)
        if key is not None:
            noted = {"idempotency_key": key.key, "request_fingerprint": key.fingerprint}
            Booking.objects.filter(pk=booking.pk).update(idempotency_client=key.client, **noted)
        return booking

    Booking.place = classmethod(place_then_note)


def key_in_steps() -> None:
    """The key is marked busy, the booking made, the mark taken off: three transactions. The harness makes the table."""
    from bookings.models import Booking
    from bookings.problems import RequestInProgress

    place = Booking.place.__func__

    def run(sql: str, *values: object) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchone() if cursor.description else None

    def place_in_steps(cls: type, *, key: Any, **data: Any) -> Booking:
        if row := run("SELECT booking FROM torture_key WHERE name = %s", key.key):
            if row[0] == "busy":
                raise RequestInProgress(retry_after=1)
            return Booking.objects.detailed().get(pk=row[0])
        run("INSERT INTO torture_key (name, booking) VALUES (%s, 'busy')", key.key)
        booking = place(cls, **data)
        run("UPDATE torture_key SET booking = %s WHERE name = %s", str(booking.pk), key.key)
        return booking

    Booking.place = classmethod(place_in_steps)


def plain_edge() -> None:
    """The status is checked in Python, and then written whatever it is by now."""
    from bookings.lifecycle import cancel, confirm
    from bookings.models import Booking, BookingChange

    def move(booking: Booking, edge: Any, where: Any = None, *, by: Any, note: dict, **changes: Any) -> bool:
        if booking.status != edge.source:
            return False
        Booking.objects.filter(pk=booking.pk).update(status=edge.target, **changes)
        BookingChange.entry(booking.pk, edge.verb, edge.source, edge.target, by=by, **note).save()
        return True

    confirm.move = cancel.move = move
    confirm.confirm_at_once = confirm.confirm_in_steps


def swept_only() -> None:
    """A due hold counts until a worker releases it, and no worker runs."""
    from bookings.lifecycle import catalogue

    catalogue.release_due = lambda *args, **kwargs: 0


def whole_rows() -> None:
    """An edit writes back the whole row, with the counter as it was when the row was loaded."""
    from django.db.models import Model

    from events.inventory.stock import CounterField
    from events.models import Event
    from ticket_types.models import TicketType

    def revise(self: Model, **changes: Any) -> Model:
        for name, value in changes.items():
            setattr(self, name, value)
        self.save()
        return self

    del CounterField.pre_save
    Event.revise = TicketType.revise = revise


def lazy_commits() -> None:
    """`COMMIT` answers before anything is on disk (PostgreSQL)."""
    options = connections.settings["default"]["OPTIONS"]
    options["options"] = options["options"].replace("synchronous_commit=on", "synchronous_commit=off")


def early_answer() -> None:
    """The customer is answered first; the booking is written behind a moment later."""
    from bookings.models import Booking, BookingChange, BookingItem
    from events.models import Event
    from ticket_types.models import TicketType

    place = Booking.place.__func__

    def write(booking: Booking, items: list[BookingItem]) -> None:
        time.sleep(0.3)
        with transaction.atomic():
            booking.save(force_insert=True)
            BookingItem.objects.bulk_create(items)
            BookingChange.entry(booking.pk, "place", "", booking.status).save()
            for item in items:
                TicketType.take(item.ticket_type_id, item.quantity)
            Event.take(booking.event_id, booking.quantity)
        connections.close_all()

    def place_behind(cls: type, **data: Any) -> Booking:
        with transaction.atomic():
            booking = place(cls, **data)
            transaction.set_rollback(True)
        if booking.is_replay:
            return booking
        items = [copy.copy(item) for item in booking.item_list]
        for item in items:
            item.pk = None
        threading.Thread(target=write, args=(copy.copy(booking), items), daemon=True).start()
        return booking

    Booking.place = classmethod(place_behind)


SABOTAGES = {
    sabotage.__name__: sabotage
    for sabotage in (
        read_then_save,
        key_apart,
        key_in_steps,
        plain_edge,
        swept_only,
        whole_rows,
        lazy_commits,
        early_answer,
    )
}
SABOTAGES[os.environ["TORTURE_SABOTAGE"]]()
