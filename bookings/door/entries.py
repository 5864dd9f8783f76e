"""Check-ins of many tickets at once: scans that were uploaded later, and the tickets of one booking."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Case, DateTimeField, Value, When

from bookings.codes import TICKET_CODE
from bookings.door.answers import Answer, Result
from bookings.door.models import Scan
from bookings.door.problems import ScanIdReused
from bookings.lifecycle.states import Status
from bookings.lifecycle.telling import tell_ticket
from bookings.models import Booking, BookingChange, Ticket
from bookings.problems import AlreadyCheckedIn, BookingNotConfirmed, OtherEvent, TicketVoid

MAX_TRIES = 3


@dataclass(frozen=True)
class Sent:
    """A scan as it was uploaded; `event` is the id of the event at the door."""

    scan_id: str
    code: str
    at: dt.datetime
    event: int | None = None


def check_in_scans(
    sent: Sequence[Sent], *, client: str, at: dt.datetime, events: Collection[int] = (), by: Any = None
) -> tuple[list[Answer], int]:
    """Answers each scan, and how many codes were unknown. A scan that was sent before is answered the same again.

    Of several scans of a ticket the earliest one counts; a check-in that is stored already stays. `events` narrows the
    tickets that are known. The statements are the same for one scan and for many. Raises ScanIdReused.
    """
    for attempt in range(1, MAX_TRIES + 1):
        try:
            with transaction.atomic():
                return upload(sent, client, at, events, by)
        except IntegrityError:  # the same scans at the same time: they are stored now
            if attempt == MAX_TRIES:
                raise
    raise AssertionError  # for mypy


def upload(
    sent: Sequence[Sent], client: str, at: dt.datetime, events: Collection[int], by: Any
) -> tuple[list[Answer], int]:
    known = [it for it in sent if TICKET_CODE.fullmatch(it.code)]
    tickets = locked(codes={it.code for it in known}, events=events)
    stored = {it.scan_id: it for it in Scan.objects.of_client(client, [it.scan_id for it in known])}
    refuse_reused(sent, stored)
    answers: dict[str, Answer] = {}
    admitted, new = [], []
    for scan in sorted(known, key=lambda it: it.at):
        ticket = tickets.get(scan.code)
        if scan.scan_id in stored:
            answers[scan.scan_id] = replayed(stored[scan.scan_id], ticket)
            continue
        when = min(scan.at, at)  # a clock that is fast
        answer = answers[scan.scan_id] = enter(ticket, when, scan.event)
        if answer.result == Result.ADMITTED and ticket:
            admitted.append((ticket, "re-enter" if answer.is_reentry else "check in", when))
        data = {"scan_id": scan.scan_id, "code": scan.code, "at": scan.at}
        new.append(Scan(client=client, ticket=ticket, result=answer.result, is_reentry=answer.is_reentry, **data))
    write(admitted, by)
    Scan.objects.bulk_create(sorted(new, key=lambda it: it.scan_id))  # in one order, against deadlocks
    unknown = Answer(Result.UNKNOWN, None, at)
    return [answers.get(it.scan_id, unknown) for it in sent], sum(it.result == Result.UNKNOWN for it in new)


def locked(*, codes: Collection[str], events: Collection[int] = ()) -> dict[str, Ticket]:
    """The tickets by code, complete for answers. Locks their bookings, then the tickets, each by id.

    Cancellations lock the booking too, and then its tickets in any order. FOR NO KEY UPDATE, so that a check-in of one
    ticket can still insert into the booking's history.
    """
    rows = Ticket.objects.filter(code__in=codes)
    rows = rows.filter(booking__event__in=events) if events else rows
    bookings = Booking.objects.filter(pk__in=rows.order_by().values("booking"))
    list(bookings.order_by("pk").select_for_update(no_key=True).values_list("pk"))
    found = rows.for_answers().order_by("pk").select_for_update(no_key=True, of=("self",))
    return {ticket.code: ticket for ticket in found}


def refuse_reused(sent: Sequence[Sent], stored: dict[str, Scan]) -> None:
    errors = [
        {"pointer": f"/check_ins/{index}/scan_id", "code": ScanIdReused.code, "detail": "Used for another code before."}
        for index, it in enumerate(sent)
        if it.scan_id in stored and stored[it.scan_id].code != it.code
    ]
    if errors:
        raise ScanIdReused(errors=errors)


def replayed(scan: Scan, ticket: Ticket | None) -> Answer:
    if ticket is None:
        return Answer(Result.UNKNOWN, None, scan.at)
    return Answer(scan.result, ticket, scan.at, scan.is_reentry)


def enter(ticket: Ticket | None, at: dt.datetime, event: int | None) -> Answer:
    """Moves a locked ticket in memory, as `Ticket.check_in` does it in the database."""
    if ticket is None:
        return Answer(Result.UNKNOWN, None, at)
    if event is not None and ticket.booking.event_id != event:
        return Answer(Result.OTHER_EVENT, ticket, at)
    if ticket.status == Ticket.Status.VOID:
        return Answer(Result.VOID, ticket, at)
    if ticket.status == Ticket.Status.VALID:
        ticket.status, ticket.checked_in_at = Ticket.Status.CHECKED_IN, at
        return Answer(Result.ADMITTED, ticket, at)
    if ticket.checked_out_at is not None and at > ticket.checked_out_at:
        ticket.checked_out_at = None
        return Answer(Result.ADMITTED, ticket, at, is_reentry=True)
    return Answer(Result.ALREADY_ADMITTED, ticket, at)


def write(admitted: Sequence[tuple[Ticket, str, dt.datetime]], by: Any) -> None:
    """Stores the tickets, which are locked, and an entry of history for each check-in."""
    if not admitted:
        return
    tickets = {ticket.pk: ticket.checked_in_at for ticket, _, _ in admitted}
    first_entry = Case(*(When(pk=pk, then=Value(at)) for pk, at in tickets.items()), output_field=DateTimeField())
    # As bulk_update, in a third of its time: two of the columns are the same for all.
    Ticket.objects.filter(pk__in=tickets).update(
        status=Ticket.Status.CHECKED_IN, checked_in_at=first_entry, checked_out_at=None
    )
    BookingChange.objects.bulk_create(
        BookingChange.entry(
            ticket.booking_id, verb, Status.CONFIRMED, Status.CONFIRMED, by=by, at=at, ticket=ticket.code
        )
        for ticket, verb, at in admitted
    )
    tell_ticket("check in", *tickets, by=by)


def check_in_booking(
    booking: Booking, *, at: dt.datetime, count: int | None = None, event: int | None = None, by: Any = None
) -> list[Answer]:
    """Admits the holders of all its valid tickets, or of `count` of them.

    Raises OtherEvent, BookingNotConfirmed, TicketVoid (when all are), and AlreadyCheckedIn when too few are left.
    """
    if event is not None and booking.event_id != event:
        raise OtherEvent(f"The booking is for event {booking.event_id}.")
    with transaction.atomic():
        codes = booking.tickets.order_by().values_list("code", flat=True)
        tickets = locked(codes=list(codes)).values()
        valid = [it for it in tickets if it.status == Ticket.Status.VALID]
        refuse_too_few(tickets, valid, count)
        answers = [enter(ticket, at, None) for ticket in valid[:count]]
        write([(ticket, "check in", at) for ticket in valid[:count]], by)
    return answers


def refuse_too_few(tickets: Collection[Ticket], valid: Sequence[Ticket], count: int | None) -> None:
    if len(valid) >= (count or 1):
        return
    if not tickets:
        raise BookingNotConfirmed
    if all(it.status == Ticket.Status.VOID for it in tickets):
        raise TicketVoid("The tickets of the booking were cancelled.")
    detail = f"{len(valid)} of its tickets {'is' if len(valid) == 1 else 'are'} left."
    error = {"pointer": "", "code": AlreadyCheckedIn.code, "detail": detail, "valid": len(valid)}
    raise AlreadyCheckedIn(detail, errors=[error])
