"""How a booking comes to be: look, refuse honestly, claim; look again when somebody was faster."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DataError, IntegrityError, OperationalError, transaction
from django.db.models import Min, Sum
from django.db.models.functions import Coalesce, Now

from bookings import models
from bookings.lifecycle.sql import HELD_OF_EVENT, HELD_OF_TYPE, OF_CUSTOMER, OFFERED, claim
from bookings.lifecycle.states import Status
from bookings.lifecycle.transitions import LostRace
from bookings.problems import CustomerLimit, NotOnSale, RequestInProgress, SoldOut, instant
from bookings.search import keys_of
from config.problems import InvalidInput, Problem
from config.statements import Sums, fresh
from config.values import text
from events.models import Event
from ticket_types.models import TicketType

holds = Sums()
MAX_LINES = 20
MAX_TRIES = 10
DIVISION_BY_ZERO, LOCK_NOT_AVAILABLE = "22012", "55P03"


@dataclass(frozen=True)
class Offer:
    """What was on sale at a moment of the database's clock."""

    event: Event
    types: Mapping[int, TicketType]
    at: dt.datetime

    @classmethod
    def read(cls, ids: list[int], wanted: int) -> "Offer":
        """What of some ticket types can be had by somebody who wants so many places of them together.

        Raises InvalidInput when a type is not there (or not for the public), or not of the first one's event.
        """
        types = {row.pk: row for row in OFFERED.objects(ids=ids, wanted=wanted)}
        for index, pk in enumerate(ids):
            pointer = f"/items/{index}/ticket_type"
            if pk not in types:
                raise refusal(pointer, "does-not-exist", f"There is no ticket type with the id {pk}.")
            if types[pk].event_id != types[ids[0]].event_id:
                raise refusal(pointer, "other-event", "All items of a booking must be of one event.")
        first = types[ids[0]]
        return cls(first.event, types, first.at)  # type: ignore[attr-defined]

    @property
    def has_overdue(self) -> bool:
        """Whether places are needed that only the counters still count."""
        return any(it.overdue or it.event_overdue for it in self.types.values())  # type: ignore[attr-defined]

    @property
    def event_left(self) -> int:
        overdue: int = next(iter(self.types.values())).event_overdue  # type: ignore[attr-defined]
        return self.event.capacity - self.event.reserved + overdue


def refusal(pointer: str, code: str, detail: str) -> InvalidInput:
    return InvalidInput(errors=[{"pointer": pointer, "code": code, "detail": detail}])


@dataclass(frozen=True)
class Placing:
    """One attempt to book; `Booking.place` says what the fields mean and what is raised."""

    lines: "tuple[models.Line, ...]"
    customer_name: str
    customer_email: str
    hold: dt.timedelta | None
    metadata: dict[str, str]
    key: "models.IdempotencyKey | None"
    by: Any

    def place(self) -> "models.Booking":
        try:
            return self.book()
        except Problem:
            # What is refused now may have been booked when it was first asked for. Whoever is not refused learns it
            # from the key's own constraint, without asking before.
            if self.key is not None and (earlier := self.key.booking()) is not None:
                return earlier
            raise

    def book(self) -> "models.Booking":
        self.check_lines()
        for _ in range(MAX_TRIES):
            offer = Offer.read([line.ticket_type for line in self.lines], self.wanted)
            self.refuse_quantities(offer)
            self.refuse_off_sale(offer)
            refuse_sold_out(offer, self.lines)
            try:
                return self.claim(offer)
            except LostRace:
                if offer.has_overdue:
                    # The places are there, but holds that ran out still have them in the counters.
                    offer.event.bookings.expire_overdue()
            except DuplicateKey:
                if (earlier := self.key.booking()) is not None:  # type: ignore[union-attr]
                    return earlier
        raise SoldOut("Others were faster, several times over.", retry_after=1)

    @property
    def wanted(self) -> int:
        return sum(line.quantity for line in self.lines)

    def check_lines(self) -> None:
        if not 1 <= len(self.lines) <= MAX_LINES:
            raise refusal("/items", "invalid", f"A booking has 1 to {MAX_LINES} items.")
        seen: set[int] = set()
        for index, line in enumerate(self.lines):
            if line.ticket_type in seen:
                raise refusal(f"/items/{index}/ticket_type", "given-twice", "Each ticket type must be given once.")
            seen.add(line.ticket_type)

    def refuse_quantities(self, offer: Offer) -> None:
        for index, line in enumerate(self.lines):
            ticket_type = offer.types[line.ticket_type]
            least, most = ticket_type.min_per_booking, ticket_type.max_per_booking
            if not least <= line.quantity <= most:
                detail = f"“{ticket_type.name}” can be booked {least} to {most} at a time."
                raise refusal(f"/items/{index}/quantity", "quantity-out-of-range", detail)

    def refuse_off_sale(self, offer: Offer) -> None:
        faults = []
        for index, line in enumerate(self.lines):
            ticket_type = offer.types[line.ticket_type]
            reason = ticket_type.status_at(offer.at)
            if reason not in ("on_sale", "sold_out"):
                detail = f"“{ticket_type.name}” cannot be booked: {REASONS[reason]}."
                pointer = f"/items/{index}/ticket_type"
                faults.append({"pointer": pointer, "code": NotOnSale.code, "detail": detail, "reason": reason})
        if faults:
            raise NotOnSale(str(faults[0]["detail"]), errors=faults)

    def claim(self, offer: Offer) -> "models.Booking":
        """Raises LostRace, DuplicateKey or CustomerLimit, with nothing done."""
        booking = self.booking(offer)
        items = [self.item(booking, line, offer.types[line.ticket_type]) for line in self.lines]
        change = models.BookingChange.entry(booking.pk, "place", "", Status.PENDING, by=self.by, at=offer.at)
        with self.transaction(offer), self.translated():
            claim(booking, items, change, offer.event)
            refuse_over_limit(booking, offer.event, offer.at)
        booking.remember(items=items, tickets=[])
        return booking

    def transaction(self, offer: Offer) -> AbstractContextManager[Any]:
        """One statement is a transaction of its own, and saves the two trips to begin and to end one."""
        connection = transaction.get_connection()
        is_one = connection.vendor == "postgresql" and offer.event.max_per_customer is None
        return nullcontext() if is_one and not connection.in_atomic_block else transaction.atomic()

    def booking(self, offer: Offer) -> "models.Booking":
        most = dt.timedelta(minutes=settings.BOOKING_HOLD_MINUTES_MAX)
        hold = min(self.hold or dt.timedelta(minutes=settings.BOOKING_HOLD_MINUTES), most)
        booking = fresh(
            models.Booking,
            event=offer.event,
            customer_name=self.customer_name,
            **keys_of(self.customer_name),
            customer_email=self.customer_email,
            customer_key=text.fold(self.customer_email),
            metadata=self.metadata,
            currency=offer.event.currency,
            created_at=offer.at,
            expires_at=offer.at + hold,
            quantity=self.wanted,
            total_price=sum(offer.types[line.ticket_type].price * line.quantity for line in self.lines),
        )
        if self.key is not None:
            booking.idempotency_caller = self.key.caller
            booking.idempotency_key = self.key.key
            booking.request_fingerprint = self.key.fingerprint
        return booking

    def item(self, booking: "models.Booking", line: "models.Line", ticket_type: TicketType) -> "models.BookingItem":
        return fresh(
            models.BookingItem,
            booking=booking,
            ticket_type=ticket_type,
            name=ticket_type.name,
            unit_price=ticket_type.price,
            quantity=line.quantity,
            total_price=ticket_type.price * line.quantity,
        )

    @contextmanager
    def translated(self) -> Iterator[None]:
        """What the database says when a claim comes to nothing, in the words of `claim`.

        The key is written first: a twin waits there for the other's commit, before it holds any lock.
        """
        try:
            yield
        except IntegrityError as error:
            if "idempotency" in str(error):
                raise DuplicateKey from None
            if "confirmation_code" in str(error):
                raise LostRace from None  # one in 10^11: the next try draws another
            raise
        except DataError as error:
            if sqlstate(error) == DIVISION_BY_ZERO:
                raise LostRace from None
            raise
        except OperationalError as error:
            if sqlstate(error) == LOCK_NOT_AVAILABLE and waited_for_key(error):
                raise RequestInProgress("The same request is being worked on.", retry_after=1) from None
            raise


def sqlstate(error: Exception) -> str | None:
    return getattr(error.__cause__, "sqlstate", None)


def waited_for_key(error: Exception) -> bool:
    """Whether it was the key's index at which somebody else stood in the way, and no row that is sold from."""
    context = getattr(getattr(error.__cause__, "diag", None), "context", None)
    return "idempotency" in (context or "")


class DuplicateKey(Exception):
    """Another booking has the idempotency key by now."""


REASONS = {
    "not_published": "its event is not published",
    "cancelled": "its event is cancelled",
    "ended": "its sale is over",
    "not_started": "its sale has not begun",
}


def refuse_sold_out(offer: Offer, lines: "Sequence[models.Line]") -> None:
    """An answer from one look at the figures, before anything is locked; the claim decides what passes it."""
    wanted = sum(line.quantity for line in lines)
    short = [
        (index, line) for index, line in enumerate(lines) if line.quantity > offer.types[line.ticket_type].available
    ]
    if not short and wanted <= offer.event_left:
        return
    faults = [shortage(offer, index, line) for index, line in short] or [event_shortage(offer, wanted)]
    detail = f"{faults[0]['requested']} requested, {faults[0]['available']} available."
    raise SoldOut(detail, errors=[as_fault(fault) for fault in faults], retry_after=soonest(faults, offer.at))


def shortage(offer: Offer, index: int, line: "models.Line") -> dict[str, Any]:
    ticket_type = offer.types[line.ticket_type]
    # Whose holds must end for this to be had: the type's own, or any of the event's.
    is_own = ticket_type.capacity is not None and ticket_type.capacity - ticket_type.held < line.quantity
    return {
        "pointer": f"/items/{index}/quantity",
        "code": SoldOut.code,
        "detail": f"“{ticket_type.name}”: {line.quantity} requested, {ticket_type.available} available.",
        "requested": line.quantity,
        "available": ticket_type.available,
        **release(offer.event, ticket_type if is_own else None),
    }


def event_shortage(offer: Offer, wanted: int) -> dict[str, Any]:
    left = max(offer.event_left, 0)
    return {
        "pointer": "/items",
        "code": SoldOut.code,
        "detail": f"“{offer.event.name}”: {wanted} requested, {left} available.",
        "requested": wanted,
        "available": left,
        **release(offer.event),
    }


def release(event: Event, ticket_type: TicketType | None = None) -> dict[str, Any]:
    """How many places are held that may come free, of the event or of one type, and when the first of them does."""
    if ticket_type is None:
        held, end = holds.of(event.pk, lambda: first(HELD_OF_EVENT.rows(event=event.pk)))
    else:
        ids = event.pk, ticket_type.pk
        held, end = holds.of(ids, lambda: first(HELD_OF_TYPE.rows(event=ids[0], ticket_type=ids[1])))
    return {"held": held, "next_release_at": end}


def first(rows: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    return rows[0] if rows else (0, None)


def soonest(faults: list[dict[str, Any]], at: dt.datetime) -> int | None:
    """In how many seconds the first of the holds ends that are in the way; None when there are none."""
    ends = [fault["next_release_at"] for fault in faults if fault["next_release_at"] is not None]
    return max(int((min(ends) - at).total_seconds()) + 1, 1) if ends else None


def as_fault(fault: dict[str, Any]) -> dict[str, Any]:
    return {**fault, "next_release_at": instant(fault["next_release_at"])}


def refuse_over_limit(booking: "models.Booking", event: Event, at: dt.datetime) -> None:
    """Raises CustomerLimit. The booking is in and its places are taken, so the event's row is locked: nobody else's
    booking can be counted wrongly, and the sum is exact however many ask at once.
    """
    most = event.max_per_customer
    if most is None:
        return
    ((places,),) = OF_CUSTOMER.rows(customer=booking.customer_key, event=event.pk)
    places -= booking.places
    if places + booking.places <= most:
        return
    available = max(most - places, 0)
    others = event.bookings.filter(customer_key=booking.customer_key).exclude(pk=booking.pk)
    fault = {
        "pointer": "/items",
        "code": CustomerLimit.code,
        "detail": f"A customer may have {most} places of this event, and this one has {places}.",
        "requested": booking.places,
        "available": available,
        "max_per_customer": most,
        **others.holds(Now()).aggregate(held=Coalesce(Sum("quantity"), 0), next_release_at=Min("expires_at")),
    }
    raise CustomerLimit(str(fault["detail"]), errors=[as_fault(fault)], retry_after=soonest([fault], at))
