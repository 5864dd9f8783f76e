"""Another holder for a ticket, and a new code, which voids the old one. Places are not touched, so it works when sold
out.
"""

import datetime as dt
from typing import Any

from django.conf import settings
from django.db import transaction

from bookings import models
from bookings.codes import ticket_code
from bookings.lifecycle.telling import tell_ticket
from bookings.messages.queueing import queue_transfer
from bookings.problems import AlreadyCheckedIn, TicketVoid, TransferClosed
from bookings.search import keys_of
from config.problems import InvalidInput, NotFound, Precondition, no_precondition
from config.values.timezones import in_words

HOLDER = ("holder_name", "holder_email")


def transfer(
    booking: "models.Booking",
    code: str,
    *,
    new_code: bool = False,
    at: dt.datetime | None = None,
    check: Precondition = no_precondition,
    by: Any = None,
    **holder: str,
) -> "models.Ticket":
    """See `Booking.transfer`."""
    if not set(holder) <= set(HOLDER):
        raise TypeError(f"A holder has {' and '.join(HOLDER)}.")
    if at is not None:
        refuse_late(booking, at)
    with transaction.atomic():
        # The booking first, as in every verb: a cancellation voids its tickets with the lock on the booking.
        stored = models.Booking.objects.select_for_update(no_key=True).get(pk=booking.pk)
        rows = models.Ticket.objects.select_for_update(no_key=True).select_related("ticket_type")
        ticket = transferable(rows.filter(booking=stored, code=code).first(), holder)
        check()
        changed = {name: value for name, value in holder.items() if getattr(ticket, name) != value}
        held = replace(ticket, changed) if new_code else change(ticket, changed)
        if changed or new_code:
            note(stored, ticket, held, changed, by)
            queue_transfer(stored, ticket, held)
    held.booking = booking
    return held


def refuse_late(booking: "models.Booking", at: dt.datetime) -> None:
    event = booking.event
    end = event.starts_at - dt.timedelta(hours=settings.TICKET_TRANSFER_UNTIL)
    if at >= end:
        detail = f"Holders could be changed until {in_words(end, event.venue.timezone)}. Ask staff."
        raise TransferClosed(detail)


def transferable(ticket: "models.Ticket | None", holder: dict[str, str]) -> "models.Ticket":
    """The ticket. Raises NotFound, AlreadyCheckedIn, TicketVoid, and InvalidInput for a name that may not be empty."""
    if ticket is None:
        raise NotFound("The booking has no such ticket.")
    if ticket.status == models.Ticket.Status.CHECKED_IN:
        raise AlreadyCheckedIn.of(ticket)
    if ticket.status == models.Ticket.Status.VOID:
        raise TicketVoid
    if ticket.ticket_type.is_name_required and not holder.get("holder_name", ticket.holder_name):
        detail = f"“{ticket.ticket_type.name}” needs the name of the holder."
        raise InvalidInput(errors=[{"pointer": "/holder_name", "code": "name-required", "detail": detail}])
    return ticket


def change(ticket: "models.Ticket", changed: dict[str, str]) -> "models.Ticket":
    if not changed:
        return ticket
    keys = keys_of(changed.get("holder_name", ticket.holder_name))
    models.Ticket.objects.filter(pk=ticket.pk).update(**changed, **keys)
    return models.Ticket.objects.get(pk=ticket.pk)


def replace(ticket: "models.Ticket", changed: dict[str, str]) -> "models.Ticket":
    """A new ticket in the place of one that becomes void, so that the door knows the old code and refuses it."""
    holder = {name: getattr(ticket, name) for name in HOLDER} | changed
    holder |= keys_of(holder["holder_name"])
    models.Ticket.objects.filter(pk=ticket.pk).update(status=models.Ticket.Status.VOID)
    return models.Ticket.objects.create(
        booking_id=ticket.booking_id, ticket_type_id=ticket.ticket_type_id, code=ticket_code(), **holder
    )


def note(
    booking: "models.Booking", before: "models.Ticket", held: "models.Ticket", changed: dict[str, str], by: Any
) -> None:
    """Of an address, the history keeps only that it changed, as in `correct`."""
    details: dict[str, Any] = {"ticket": before.code, "fields": sorted(changed)}
    if held.code != before.code:
        details["new_ticket"] = held.code
    if "holder_name" in changed:
        details["holder_name"] = [before.holder_name, held.holder_name]
    models.BookingChange.entry(booking.pk, "transfer", booking.status, booking.status, by=by, **details).save()
    tell_ticket("transfer", *{before.pk, held.pk}, by=by)
