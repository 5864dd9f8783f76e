"""What is held about people: all of it shown, taken out of what is over, and not kept for ever.

The figures stay: how many places were sold, of what, when, for how much. So do the booking's id and codes, which name
nobody, and the payment's reference, which ties the figures to the bank's, unless it is asked to go as well.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from bookings import models
from bookings.lifecycle.expire import expire
from bookings.lifecycle.states import LIVE, Status
from bookings.problems import StillNeeded
from bookings.search import keys_of
from config.values import money

BATCH = 500  # bookings in one transaction
NAME, EMAIL, KEY = "Erased", "erased@customer.invalid", "erased"  # `.invalid` is nobody's (RFC 2606)

# Of a booking; what is not here tells nothing of a person.
ERASED: dict[str, Any] = {
    "customer_name": NAME,
    "customer_email": EMAIL,
    "customer_key": KEY,
    **keys_of(NAME),
    "metadata": {},
    "cancel_reason": "",
    # What was asked for can be guessed back from its fingerprint, and a key may be made of a name.
    "idempotency_client": "",
    "idempotency_key": None,
    "request_fingerprint": "",
}
PAYMENT = "payment_reference"
KEPT_IN_HISTORY = {"at", "expires_at", "fields", "ticket", "tickets", "amount", PAYMENT}  # times, codes, money

Progress = Callable[[int], None]


def nobody(done: int) -> None:
    """The progress that nobody watches."""


# Showing


def record(booking: "models.Booking") -> dict[str, Any]:
    """All that is stored of a booking, as values that JSON has."""
    return {
        **columns(booking),
        "event_name": booking.event.name,
        "event_starts_at": plain(booking.event.starts_at),
        "items": [columns(item, "booking") for item in booking.items.all()],
        "tickets": [columns(ticket, "booking") for ticket in booking.tickets.all()],
        "history": [columns(change, "booking") for change in booking.changes.all()],
    }


def columns(row: Any, *but: str) -> dict[str, Any]:
    fields = [field for field in row._meta.concrete_fields if field.name not in but]
    amounts = {field.name for field in fields if isinstance(field, money.MoneyField)}
    return {
        field.name: money.plain(value, row.currency) if field.name in amounts else plain(value)
        for field in fields
        for value in [getattr(row, field.attname)]
    }


def plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, bool | int | str | dict | list) else str(value)


def address(text: str) -> str:
    """An e-mail address as somebody types it. Raises ValueError for what is none: staff often have an empty one."""
    if "@" not in text.strip("@ "):
        raise ValueError
    return text


def accounts(email: str) -> list[str]:
    """The names of accounts with an address. They are no customers: staff delete them in the admin."""
    users = get_user_model().objects.filter(email__iexact=email).order_by("pk")
    return [user.get_username() for user in users]


# Erasing


def not_over(at: Any) -> Q:
    """Bookings that still mean something: their places are held for an event to come, or money is owed."""
    return Q(status__in=LIVE, event__ends_at__gt=at) | Q(refund_due=True)


def erase(bookings: Any, *, by: Any, with_payments: bool, progress: Progress = nobody) -> int:
    """Erases what is over of some bookings, in batches; returns how many. Stopped on the way, it goes on when asked
    again.
    """
    rows = bookings.exclude(customer_key=KEY).exclude(not_over(Now()))
    total = 0
    while done := erase_batch(rows, by, with_payments):
        total += done
        progress(total)
    return total


def erase_batch(rows: Any, by: Any, with_payments: bool) -> int:
    with transaction.atomic():
        # With the rows locked nobody corrects a name, or confirms late, between the question and the answer.
        locked = rows.order_by("pk").select_for_update(no_key=True, of=("self",))
        found = dict(locked.values_list("pk", "status")[:BATCH])
        changes = {**ERASED, **({PAYMENT: ""} if with_payments else {})}
        models.Booking.objects.filter(pk__in=found).update(**changes)
        kept = KEPT_IN_HISTORY - ({PAYMENT} if with_payments else set())
        models.BookingChange.objects.filter(booking__in=found).erase_details(keep=kept)
        entries = [models.BookingChange.entry(pk, "erase", status, status, by=by) for pk, status in found.items()]
        models.BookingChange.objects.bulk_create(entries)
    return len(found)


def erase_customer(email: str, *, by: Any, with_payments: bool) -> int:
    """Erases all bookings of an address, or none. Raises StillNeeded when one of them is not over."""
    with transaction.atomic():
        bookings = models.Booking.objects.of_customer(email)
        expire(bookings.due())
        kept = list(bookings.filter(not_over(Now())).order_by("created_at").select_related("event"))
        if kept:
            raise StillNeeded.of(kept)
        return erase(bookings, by=by, with_payments=with_payments)


# Not keeping for ever


def attempts_before(instant: dt.datetime) -> Any:
    """Bookings whose hold ended before an instant and that never were a sale: nobody paid, nobody got a ticket."""
    over = models.Booking.objects.filter(expires_at__lt=instant).exclude(status=Status.CONFIRMED)
    return over.filter(confirmed_at=None, payment_reference="", refund_due=False, tickets=None)


def sales_before(instant: dt.datetime) -> Any:
    """Bookings with a person's name whose event ended before an instant, other than mere attempts."""
    named = models.Booking.objects.filter(event__ends_at__lt=instant).exclude(customer_key=KEY)
    return named.exclude(pk__in=attempts_before(instant).values("pk"))


def purge_attempts(instant: dt.datetime, progress: Progress = nobody) -> int:
    """Deletes mere attempts with their items and history, in batches; returns how many."""
    expire(models.Booking.objects.due().filter(expires_at__lt=instant), skip_locked=True)
    attempts = attempts_before(instant).exclude(status=Status.PENDING).order_by("pk")  # whose places are given back
    total = 0
    while ids := list(attempts.values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            # A late payment may have come meanwhile: the condition is asked again with the rows locked.
            rows = attempts.filter(pk__in=ids).select_for_update(of=("self",))
            locked = list(rows.values_list("pk", flat=True))
            models.Booking.objects.filter(pk__in=locked).delete()
        total += len(locked)
        progress(total)
    return total


def purge_names(instant: dt.datetime, *, by: Any, progress: Progress = nobody) -> int:
    """Erases the people of what was sold for events that ended before an instant; returns of how many bookings."""
    return erase(sales_before(instant), by=by, with_payments=False, progress=progress)
