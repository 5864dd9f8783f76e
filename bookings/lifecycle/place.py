"""Placing a booking: look, refuse if necessary, claim; look again after a lost race.

On PostgreSQL a claim is one statement in `sql`, elsewhere the ORM's in `write` and `transitions.take_places`.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import DataError, IntegrityError, OperationalError, connection, transaction

from bookings import models
from bookings.lifecycle import sql
from bookings.lifecycle.offer import Offer, OfferedEvent, OfferedTicketType, look, refusal
from bookings.lifecycle.refusals import refuse_over_limit, refuse_sold_out, refuse_too_many_places
from bookings.lifecycle.states import Status
from bookings.lifecycle.transitions import MAX_TRIES, LostRace, take_places
from bookings.problems import (
    CustomerLimit,
    NotOnSale,
    PriceChanged,
    SoldOut,
)
from bookings.search import keys_of
from config.database.clock import Now
from config.database.constraints import is_waiting_for, sqlstate, violated_constraint
from config.idempotency.keys import ANONYMOUS_REPLAY, RequestKey
from config.idempotency.problems import IdempotencyKeyExpired, RequestInProgress
from config.outbox.models import FeedChange
from config.outbox.telling import change_of
from config.problems import Problem
from config.values import money, text
from events.inventory import release_due, sales
from ticket_types.pricing import PriceLine, price_line

MAX_LINES = 20
IDEMPOTENCY_CONSTRAINT = "booking_idempotency_key_is_unique_for_its_client"
CODE_CONSTRAINT = "booking_confirmation_code_is_unique"
OFF_SALE = {
    "not_published": "its event is not published",
    "cancelled": "its event is cancelled",
    "ended": "its sale has ended",
    "paused": "the sales of its event are paused",
    "not_started": "its sale has not started",
}


class DuplicateKey(Exception):
    """Another booking was placed with the same idempotency key."""


@dataclass(frozen=True)
class Line:
    """A number of places of one ticket type (its id), and who is admitted, as far as that is known: `name`, `email`."""

    ticket_type: int
    quantity: int
    attendees: Sequence[dict[str, str]] = ()


class IdempotencyKey(RequestKey):
    """The key of a booking, in the booking's own row. Anonymous clients' keys expire: the answer has its secret."""

    @property
    def columns(self) -> dict[str, str]:
        """For the booking's row."""
        return {
            "idempotency_client": self.client,
            "idempotency_key": self.key,
            "request_fingerprint": self.fingerprint,
        }

    def booking(self) -> "models.Booking | None":
        """The booking that was placed with this key. Raises IdempotencyKeyReused when its request was another one, and
        IdempotencyKeyExpired.
        """
        rows: Any = models.Booking.objects.detailed().annotate(read_at=Now())
        booking = rows.filter(idempotency_client=self.client, idempotency_key=self.key).first()
        if booking is None:
            return None
        if not booking.request_fingerprint:
            raise IdempotencyKeyExpired("The secret of this key's booking was renewed. Use a new key.")
        self.refuse_other(booking.request_fingerprint)
        if not self.client and booking.created_at + ANONYMOUS_REPLAY <= booking.read_at:
            raise IdempotencyKeyExpired("This key's booking is more than 24 hours old. Use a new key.")
        booking.is_replay = True
        return booking


@dataclass(frozen=True)
class BookingRequest:
    """One request for a booking; see `Booking.place`."""

    lines: tuple[Line, ...]
    customer_name: str
    customer_email: str
    hold: dt.timedelta | None
    metadata: dict[str, str]
    key: IdempotencyKey | None
    by: Any
    expected_total: Decimal | None = None
    client_key: str = ""
    notify: bool = True

    @property
    def quantity(self) -> int:
        return sum(line.quantity for line in self.lines)

    def place(self) -> "models.Booking":
        try:
            return self.book()
        except Problem:
            # A request that is refused now may have succeeded when it was first sent. A request that is not refused
            # learns that from the key's constraint, without a query.
            if self.key is not None and (earlier := self.key.booking()) is not None:
                return earlier
            raise

    def book(self) -> "models.Booking":
        self.refuse_lines()
        for _ in range(MAX_TRIES):
            offer = look([line.ticket_type for line in self.lines])
            self.refuse_quantities(offer)
            self.refuse_attendees(offer)
            self.refuse_off_sale(offer)
            try:
                refuse_sold_out(offer, self.lines)
                return self.claim(offer)
            except (SoldOut, CustomerLimit):
                if not release_due(offer.event.id, wait=True):
                    raise
            except LostRace:
                continue
            except DuplicateKey:
                if self.key is not None and (earlier := self.key.booking()) is not None:  # it has a key, for mypy
                    return earlier
        raise SoldOut("Could not reserve places because of high demand. Please retry.", retry_after=1)

    def refuse_lines(self) -> None:
        if not 1 <= len(self.lines) <= MAX_LINES:
            raise refusal("/items", "invalid", f"A booking has 1 to {MAX_LINES} items.")
        seen: set[int] = set()
        for index, line in enumerate(self.lines):
            if line.ticket_type in seen:
                raise refusal(f"/items/{index}/ticket_type", "given-twice", "Each ticket type must be given once.")
            seen.add(line.ticket_type)

    def refuse_quantities(self, offer: Offer) -> None:
        for index, line in enumerate(self.lines):
            ticket_type = offer.ticket_types[line.ticket_type]
            fewest, most = ticket_type.min_per_booking, ticket_type.max_per_booking
            if not fewest <= line.quantity <= most:
                detail = f"A booking may have {fewest} to {most} of “{ticket_type.name}”."
                raise refusal(f"/items/{index}/quantity", "quantity-out-of-range", detail)

    def refuse_attendees(self, offer: Offer) -> None:
        for index, line in enumerate(self.lines):
            pointer, ticket_type = f"/items/{index}/attendees", offer.ticket_types[line.ticket_type]
            if len(line.attendees) > line.quantity:
                raise refusal(pointer, "too-many-attendees", f"At most {line.quantity}, one for each ticket.")
            names = sum(bool(attendee.get("name")) for attendee in line.attendees)
            if ticket_type.is_name_required and names < line.quantity:
                detail = f"“{ticket_type.name}” needs the name of each holder: {line.quantity}, not {names}."
                raise refusal(pointer, "name-required", detail)

    def refuse_off_sale(self, offer: Offer) -> None:
        errors = []
        for index, line in enumerate(self.lines):
            ticket_type = offer.ticket_types[line.ticket_type]
            reason = sales.status_of_ticket_type(ticket_type, offer.event, offer.at)
            if reason in OFF_SALE:
                detail = f"“{ticket_type.name}” cannot be booked: {OFF_SALE[reason]}."
                pointer = f"/items/{index}/ticket_type"
                errors.append({"pointer": pointer, "code": NotOnSale.code, "detail": detail, "reason": reason})
        if errors:
            raise NotOnSale(str(errors[0]["detail"]), errors=errors)

    def claim(self, offer: Offer) -> "models.Booking":
        """Raises PriceChanged, LostRace, DuplicateKey, CustomerLimit or TooManyPlaces, with nothing written."""
        prices = [price_of(line, offer) for line in self.lines]
        booking = self.new_booking(offer, prices)
        self.refuse_other_total(booking)
        items = [
            new_item(booking, offer.ticket_types[line.ticket_type], price, line.attendees)
            for line, price in zip(self.lines, prices, strict=True)
        ]
        change = models.BookingChange.entry(booking.pk, "place", "", Status.PENDING, by=self.by, at=offer.at)
        booking.item_list, booking.ticket_list = items, []
        told = change_of("booking.placed", booking, by=self.by, at=offer.at)
        # One statement is a transaction of its own, which saves the round trips that begin and end one.
        is_one = connection.vendor == "postgresql" and offer.event.max_per_customer is None
        with nullcontext() if is_one and not connection.in_atomic_block else transaction.atomic(), translated_errors():
            write(booking, items, change, told, offer.event)
            refuse_over_limit(booking, offer.event, offer.at)
        booking.free_confirmation = offer.event.free_confirmation
        return booking

    def refuse_other_total(self, booking: "models.Booking") -> None:
        if self.expected_total is None:
            return
        currency = booking.currency
        if not money.fits(self.expected_total, currency):
            detail = f"{currency} has {money.DECIMALS[currency]} decimals."
            raise refusal("/expected_total", "too-many-decimals", detail)
        if self.expected_total != booking.total_price:
            raise PriceChanged.to(booking.total_price, self.expected_total, currency)

    def new_booking(self, offer: Offer, prices: Sequence[PriceLine]) -> "models.Booking":
        usual = dt.timedelta(minutes=settings.BOOKING_HOLD_MINUTES)
        longest = usual if is_anonymous(self.by) else dt.timedelta(minutes=settings.BOOKING_HOLD_MINUTES_MAX)
        hold = min(self.hold or usual, longest)
        total = sum((price.total_price for price in prices), Decimal())
        return models.Booking(
            event_id=offer.event.id,
            customer_name=self.customer_name,
            **keys_of(self.customer_name),
            customer_email=self.customer_email,
            customer_key=text.fold(self.customer_email),
            metadata=self.metadata,
            currency=offer.event.currency,
            created_at=offer.at,
            updated_at=offer.at,
            expires_at=offer.at + hold,
            quantity=self.quantity,
            total_price=total,
            amount_due=total,
            fees=sum(price.fees for price in prices),
            tax=sum(price.tax for price in prices),
            client_key=self.client_key,
            notify=self.notify,
            **(self.key.columns if self.key else {}),
        )


def is_anonymous(by: Any) -> bool:
    """Whether it is an anonymous client, and not a user or the system."""
    return getattr(by, "is_anonymous", False)


def price_of(line: Line, offer: Offer) -> PriceLine:
    ticket_type = offer.ticket_types[line.ticket_type]
    return price_line(
        price=ticket_type.price,
        fee=ticket_type.fee,
        tax_rate=ticket_type.tax_rate,
        quantity=line.quantity,
        currency=offer.event.currency,
    )


def new_item(
    booking: "models.Booking", ticket_type: OfferedTicketType, price: PriceLine, attendees: Sequence[dict[str, str]]
) -> "models.BookingItem":
    return models.BookingItem(
        booking=booking,
        ticket_type_id=ticket_type.id,
        name=ticket_type.name,
        unit_price=price.unit_price,
        unit_fee=price.unit_fee,
        tax_rate=price.tax_rate,
        quantity=price.quantity,
        total_price=price.total_price,
        tax=price.tax,
        attendees=list(attendees),
    )


def write(
    booking: "models.Booking",
    items: "list[models.BookingItem]",
    change: "models.BookingChange",
    told: FeedChange,
    event: OfferedEvent,
) -> None:
    """Inserts the booking, then takes its places. Raises LostRace when they cannot be had (any more), and
    TooManyPlaces.
    """
    if connection.vendor == "postgresql":
        ids = sql.claim(booking, items, change, told, event.max_per_customer)
        if not ids:
            refuse_too_many_places(booking)
            raise LostRace  # a hold of the client has ended since
        for item, pk in zip(items, ids, strict=True):
            item.pk = pk
            item._state.adding = False
        booking._state.adding = False
        return
    refuse_too_many_places(booking)  # exact: SQLite has one writer
    booking.save(force_insert=True)
    models.BookingItem.objects.bulk_create(items)
    change.save()
    told.save(force_insert=True)
    quantities = {item.ticket_type_id: item.quantity for item in items}
    take_places(event, quantities, is_sale=True)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raises DuplicateKey, LostRace and RequestInProgress for what the database says."""
    try:
        yield
    except IntegrityError as error:
        constraint = violated_constraint(error)
        if constraint is not None and constraint.name == IDEMPOTENCY_CONSTRAINT:
            raise DuplicateKey from None
        if constraint is not None and constraint.name == CODE_CONSTRAINT:
            raise LostRace from None  # one in 10^11: the next try has another code
        raise
    except DataError as error:
        if sqlstate(error) == sql.DIVISION_BY_ZERO:
            raise LostRace from None
        raise
    except OperationalError as error:
        if is_waiting_for(error, IDEMPOTENCY_CONSTRAINT):
            raise RequestInProgress("A request with this key is still in progress. Retry.", retry_after=1) from None
        raise
