"""Personal data: export, erasure, retention.

Erasure keeps the figures (places, prices, times, payments), ids and codes, and payment references unless they are
erased on request.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from bookings import models
from bookings.lifecycle.expire import expire
from bookings.lifecycle.states import LIVE, Status
from bookings.messages.models import Message
from bookings.payments.models import Payment, ProviderEvent, Refund
from bookings.payments.online import GIVE_UP_AFTER
from bookings.problems import StillNeeded
from bookings.search import keys_of
from config.database.clock import Now
from config.idempotency.models import KeyedRequest
from config.outbox.models import FeedChange
from config.outbox.telling import tell_gone
from config.values import money
from config.values.text import fold
from config.webhooks.models import WebhookDelivery

BATCH = 500  # bookings in one transaction
KEEP_BODIES = dt.timedelta(days=30)  # of providers' events
NAME, EMAIL, KEY = "Erased", "erased@customer.invalid", "erased"  # `.invalid` is reserved (RFC 2606)

# The columns of a booking with personal data.
ERASED: dict[str, Any] = {
    "customer_name": NAME,
    "customer_email": EMAIL,
    "customer_key": KEY,
    **keys_of(NAME),
    "metadata": {},
    **dict.fromkeys(("cancel_reason", "secret"), ""),
    # A fingerprint can be matched with a guessed request, and a key may contain a name.
    "idempotency_client": "",
    "idempotency_key": None,
    "request_fingerprint": "",
    "client_key": "",
}
NO_MESSAGE: dict[str, Any] = {"address": EMAIL, "details": {}, "error": ""}
NO_HOLDER = {"holder_name": "", "holder_email": "", **keys_of("")}
PAYMENT = "payment_reference"
KEPT_IN_HISTORY = {
    "at",
    "expires_at",
    "fields",
    "ticket",
    "new_ticket",
    "tickets",
    "amount",
    PAYMENT,
}  # keys of `details`

Progress = Callable[[int], None]  # the number of bookings done


def no_progress(done: int) -> None:
    """Reports nothing."""


# Export


def record(booking: "models.Booking") -> dict[str, Any]:
    """All stored data of a booking, as JSON values, but for its secret."""
    return {
        **columns(booking, "secret"),
        "event_name": booking.event.name,
        "event_starts_at": plain(booking.event.starts_at),
        "items": [columns(item, "booking") for item in booking.items.all()],
        "tickets": [columns(ticket, "booking") for ticket in booking.tickets.all()],
        "payments": [record_payment(payment) for payment in reversed(booking.payments.all())],
        "mails": [columns(message, "booking") for message in reversed(booking.messages.all())],
        "history": [columns(change, "booking") for change in booking.changes.all()],
    }


def held_tickets(email: str) -> list[dict[str, Any]]:
    """The tickets in bookings of others that are in the name of an address."""
    tickets = models.Ticket.objects.held_by(email).exclude(booking__customer_key=fold(email))
    rows = tickets.select_related("booking__event").order_by("pk")
    return [{**columns(it, "booking"), "event_name": it.booking.event.name} for it in rows]


def record_payment(payment: Payment) -> dict[str, Any]:
    return {
        **columns(payment, "booking"),
        "refunds": [columns(it, "payment") for it in reversed(payment.refunds.all())],
    }


def columns(row: Any, *excluded: str) -> dict[str, Any]:
    fields = [field for field in row._meta.concrete_fields if field.name not in excluded]
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
    """A command's argument. Raises ValueError for an empty address, which many staff accounts have."""
    if "@" not in text.strip("@ "):
        raise ValueError
    return text


def accounts(email: str) -> list[str]:
    """The user names of staff with this address. They are not customers, and are deleted in the admin."""
    users = get_user_model().objects.filter(email__iexact=email).order_by("pk")
    return [user.get_username() for user in users]


# Erasure


def still_needed(at: Any) -> Q:
    """Live bookings of events that are not over, and bookings with a refund due."""
    return Q(status__in=LIVE, event__ends_at__gt=at) | Q(refund_due=True)


def erase(bookings: Any, *, by: Any, with_payments: bool, progress: Progress = no_progress) -> int:
    """Erases the bookings that are not needed any more, in batches; returns their number. Can be interrupted and
    repeated.
    """
    rows = bookings.exclude(customer_key=KEY).exclude(still_needed(Now()))
    total = 0
    while done := erase_batch(rows, by, with_payments):
        total += done
        progress(total)
    return total


def erase_batch(rows: Any, by: Any, with_payments: bool) -> int:
    with transaction.atomic():
        # Locked, so that a concurrent correction or late confirmation is not overwritten.
        locked = rows.order_by("pk").select_for_update(no_key=True, of=("self",))
        found = dict(locked.values_list("pk", "status")[:BATCH])
        changes = {**ERASED, **({PAYMENT: ""} if with_payments else {})}
        models.Booking.objects.filter(pk__in=found).update(**changes)
        models.BookingItem.objects.filter(booking__in=found).exclude(attendees=[]).update(attendees=[])
        models.Ticket.objects.filter(booking__in=found).exclude(**NO_HOLDER).update(**NO_HOLDER)
        kept = KEPT_IN_HISTORY - ({PAYMENT} if with_payments else set())
        models.BookingChange.objects.filter(booking__in=found).erase_details(keep=kept)
        erase_payments(found, with_references=with_payments)
        KeyedRequest.objects.about(found).delete()
        Message.objects.filter(booking__in=found).update(**NO_MESSAGE)
        entries = [models.BookingChange.entry(pk, "erase", status, status, by=by) for pk, status in found.items()]
        models.BookingChange.objects.bulk_create(entries)
        erase_told(found)
        tell_gone("booking.erased", *found, by=by)
    return len(found)


def erase_payments(bookings: Any, *, with_references: bool) -> None:
    """Erases the texts of their payments, refunds and providers' events; in the caller's transaction."""
    references = {"reference": ""} if with_references else {}
    ProviderEvent.objects.filter(payment__booking__in=bookings).update(body="", error="")
    Refund.objects.filter(payment__booking__in=bookings).update(reason="", error="", **references)
    Payment.objects.filter(booking__in=bookings).update(error="", **references)


def erase_told(bookings: Any) -> None:
    """Erases what the change feed tells of their tickets and payments, and what receivers of webhooks answered; in the
    caller's transaction.
    """
    codes = models.Ticket.objects.filter(booking__in=bookings).values_list("code", flat=True)
    FeedChange.objects.erase_data("ticket", codes)
    payments = Payment.objects.filter(booking__in=bookings).values_list("pk", flat=True)
    FeedChange.objects.erase_data("payment", payments)
    for resource, ids in {"booking": bookings, "ticket": codes, "payment": payments}.items():
        WebhookDelivery.objects.erase_responses(resource, ids)


def erase_holder(email: str, *, by: Any) -> int:
    """Erases an address and its name from tickets in bookings of others; returns how many. The tickets stay valid."""
    held = models.Ticket.objects.held_by(email).exclude(booking__customer_key=fold(email))
    with transaction.atomic():
        tickets = list(held.select_for_update(no_key=True, of=("self",)).select_related("booking"))
        models.Ticket.objects.filter(pk__in=[it.pk for it in tickets]).update(**NO_HOLDER)
        bookings = sorted({it.booking_id for it in tickets})
        FeedChange.objects.erase_data("booking", bookings)
        erase_told(bookings)
        Message.objects.to_mailbox(fold(email)).exclude(booking__customer_key=fold(email)).update(**NO_MESSAGE)
        for it in tickets:
            booking = it.booking
            transfers = models.BookingChange.objects.filter(booking=booking, verb="transfer")
            codes = Q(details__ticket=it.code) | Q(details__new_ticket=it.code)
            transfers.filter(codes).erase_details(keep=KEPT_IN_HISTORY)
            note = {"ticket": it.code, "fields": ["holder_email", "holder_name"]}
            models.BookingChange.entry(booking.pk, "transfer", booking.status, booking.status, by=by, **note).save()
    return len(tickets)


def erase_customer(email: str, *, by: Any, with_payments: bool) -> int:
    """Erases all bookings of an address, or none. Raises StillNeeded."""
    with transaction.atomic():
        bookings = models.Booking.objects.of_customer(email)
        expire(bookings.due())
        needed = list(bookings.filter(still_needed(Now())).order_by("created_at").select_related("event"))
        if needed:
            raise StillNeeded.of(needed)
        return erase(bookings, by=by, with_payments=with_payments)


# Retention


def attempts_before(instant: dt.datetime) -> Any:
    """Bookings whose hold ended before an instant, and that were never paid or confirmed.

    Those with an online payment wait until it cannot succeed any more.
    """
    over = models.Booking.objects.filter(expires_at__lt=instant).exclude(status=Status.CONFIRMED)
    young = Payment.objects.filter(booking=OuterRef("pk"), created_at__gt=Now() - GIVE_UP_AFTER)
    unpaid = over.filter(confirmed_at=None, payment_reference="", amount_paid=0, refund_due=False, tickets=None)
    return unpaid.exclude(Exists(young))


def sales_before(instant: dt.datetime) -> Any:
    """Bookings that are not erased, whose event ended before an instant, except attempts."""
    named = models.Booking.objects.filter(event__ends_at__lt=instant).exclude(customer_key=KEY)
    return named.exclude(pk__in=attempts_before(instant).values("pk"))


def purge_attempts(instant: dt.datetime, progress: Progress = no_progress) -> int:
    """Deletes attempts with their items, history and failed payments, in batches; returns their number."""
    expire(models.Booking.objects.due().filter(expires_at__lt=instant), skip_locked=True)
    attempts = (
        attempts_before(instant).exclude(status=Status.PENDING).order_by("pk")
    )  # expired, so their places are given back
    total = 0
    while ids := list(attempts.values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            # Filtered again with the rows locked, because a late payment may have arrived.
            rows = attempts.filter(pk__in=ids).select_for_update(of=("self",))
            locked = list(rows.values_list("pk", flat=True))
            erase_told(locked)
            tell_gone("booking.deleted", *locked, by="system")
            KeyedRequest.objects.about(locked).delete()
            Payment.objects.filter(booking__in=locked).delete()
            models.Booking.objects.filter(pk__in=locked).delete()
        total += len(locked)
        progress(total)
    return total


def old_links(instant: dt.datetime) -> Any:
    """Mails that belong to no booking: the links that somebody asked for."""
    return Message.objects.filter(booking=None, created_at__lt=instant)


def old_bodies(at: dt.datetime) -> Any:
    """Providers' events whose bodies are not needed any more."""
    return ProviderEvent.objects.filter(received_at__lt=at - KEEP_BODIES).exclude(body="")


def purge_names(instant: dt.datetime, *, by: Any, progress: Progress = no_progress) -> int:
    """Erases the personal data of `sales_before`; returns the number of bookings."""
    return erase(sales_before(instant), by=by, with_payments=False, progress=progress)
