"""The production application without one of its guards: the negative controls of `benchmarks.torture`.

TORTURE_SABOTAGE names the guard. This is the only way to remove one; production has no switch for it. Naive code takes
the guard's place: it reads, decides in Python, and then writes. It reads before the transaction begins, because on
SQLite a transaction locks the whole database from its first statement on.
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
    """Counts in Python and then saves, without the check constraint (which the harness drops on PostgreSQL)."""
    from bookings.lifecycle import place
    from bookings.lifecycle.transitions import LostRace
    from bookings.models import Booking, BookingChange, BookingItem
    from events.models import Event
    from ticket_types.models import TicketType

    def claim(request: place.BookingRequest, offer: Any) -> Booking:
        prices = [place.price_of(line, offer) for line in request.lines]
        booking = request.new_booking(offer, prices)
        items = [
            place.new_item(booking, offer.ticket_types[line.ticket_type], price, line.attendees)
            for line, price in zip(request.lines, prices, strict=True)
        ]
        with place.translated_errors(), transaction.atomic():
            booking.save(force_insert=True)
            BookingItem.objects.bulk_create(items)
            BookingChange.entry(booking.pk, "place", "", booking.status, by=request.by, at=offer.at).save()
            for line in request.lines:
                take(TicketType, offer.ticket_types[line.ticket_type], line.quantity)
            take(Event, offer.event, request.quantity)
        booking.item_list, booking.ticket_list = items, []
        booking.free_confirmation = offer.event.free_confirmation
        return booking

    def take(model: Any, seen: Any, places: int) -> None:
        if seen.capacity is not None and seen.reserved + places > seen.capacity:
            raise LostRace
        model.objects.filter(pk=seen.id).update(reserved=seen.reserved + places)

    place.BookingRequest.claim = claim
    connection_created.connect(without_checks, weak=False)


def without_checks(connection: Any, **kwargs: Any) -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA ignore_check_constraints = ON")


def key_apart() -> None:
    """Looks the idempotency key up before the booking and stores it after it, each in a separate transaction."""
    from bookings.models import Booking

    place = Booking.place.__func__

    def place_then_store(cls: type, *, key: Any = None, **data: Any) -> Booking:
        if key is not None and (earlier := key.booking()) is not None:
            return earlier
        booking = place(cls, **data)
        if key is not None:
            noted = {"idempotency_key": key.key, "request_fingerprint": key.fingerprint}
            Booking.objects.filter(pk=booking.pk).update(idempotency_client=key.client, **noted)
        return booking

    Booking.place = classmethod(place_then_store)


def key_in_steps() -> None:
    """Marks the key as busy, makes the booking, and stores it: three transactions. The harness makes the table."""
    from bookings.models import Booking
    from config.idempotency.problems import RequestInProgress

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


def unconditional_transition() -> None:
    """Checks the state in Python, and then writes the new one without a condition."""
    from bookings.lifecycle import cancel, confirm
    from bookings.models import Booking, BookingChange

    def move(booking: Booking, transition: Any, where: Any = None, *, by: Any, note: dict, **changes: Any) -> bool:
        if booking.status != transition.source:
            return False
        Booking.objects.filter(pk=booking.pk).update(status=transition.target, **changes)
        verb, source, target = transition.verb, transition.source, transition.target
        BookingChange.entry(booking.pk, verb, source, target, by=by, **note).save()
        return True

    confirm.move = cancel.move = move
    confirm.confirm_at_once = confirm.confirm_in_steps


def payment_read_first() -> None:
    """Looks the payment up before the transaction that inserts it. The harness drops the unique constraint."""
    from bookings.lifecycle import confirm
    from bookings.payments import ledger

    find, receive, seen = ledger.find, confirm.confirm, threading.local()

    def read_then_receive(booking: Any, receipt: Any, **how: Any) -> Any:
        seen.payment = find(receipt)
        return receive(booking, receipt, **how)

    confirm.confirm = read_then_receive
    confirm.confirm_at_once = lambda *args: False
    ledger.find = lambda receipt: seen.payment


def no_release() -> None:
    """No request releases due holds, and no worker runs."""
    from bookings.lifecycle import expire

    expire.has_due = lambda event_id: False


def whole_rows() -> None:
    """An edit saves the whole row, with the counter as it was when the row was loaded."""
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
    """`COMMIT` returns before the data is on disk (PostgreSQL)."""
    options = connections.settings["default"]["OPTIONS"]
    options["options"] = options["options"].replace("synchronous_commit=on", "synchronous_commit=off")


def early_positions() -> None:
    """The position of a change is its id, which is given when it is written and not when it is committed."""
    from django.db.models import F, Max

    from config.outbox import publishing
    from config.outbox.models import Feed, FeedChange

    def publish_batch() -> int:
        with transaction.atomic():
            feed = publishing.locked_feed()
            count = FeedChange.objects.unpublished().update(position=F("id"))
            last = FeedChange.objects.published().order_by().aggregate(last=Max("position"))["last"] or 0
            Feed.objects.filter(pk=feed.pk).update(last_position=last)
        return count

    publishing.publish_batch = publish_batch


def early_response() -> None:
    """Responds first, and writes the booking a moment later."""
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

    def place_later(cls: type, **data: Any) -> Booking:
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

    Booking.place = classmethod(place_later)


SABOTAGES = {
    sabotage.__name__: sabotage
    for sabotage in (
        read_then_save,
        key_apart,
        key_in_steps,
        payment_read_first,
        unconditional_transition,
        no_release,
        whole_rows,
        lazy_commits,
        early_positions,
        early_response,
    )
}
SABOTAGES[os.environ["TORTURE_SABOTAGE"]]()
