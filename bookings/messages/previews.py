"""A mail of each kind with demo data, which is nowhere stored."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from django.utils import timezone

from bookings.lifecycle.states import Status
from bookings.messages.kinds import Kind
from bookings.messages.models import Message
from bookings.messages.rendering import Rendered, compose_links, render
from bookings.models import Booking, BookingItem, Ticket
from events.models import Event
from ticket_types.pricing import price_line
from venues.models import Venue

CODES = ("7Q2MKZ4HAB9CDEFGHJKMNPQRST", "8R3NMA5JBC2DEFGHJKMNPQRSTU", "9S4PNB6KCD3EFGHJKMNPQRSTUV")
CANCELLED = (Kind.CANCELLATION, Kind.EVENT_CANCELLED)


def preview(kind: str) -> Rendered:
    booking = demo_booking(kind)
    if kind == Kind.LINKS:
        return compose_links([booking])
    details: dict[str, Any] = {
        Kind.REFUND: {"amount": "52.40 EUR"},
        Kind.TRANSFER: {"ticket": CODES[1]},
        Kind.TRANSFERRED: {"ticket": CODES[1]},
        Kind.POSTPONED: {"reason": "The singer is ill."},
        Kind.RESCHEDULED: {"was": "Fri 11 Jun 2027, 19:30 to 22:00 Europe/Vienna, Old Hall"},
    }.get(Kind(kind), {})
    address = "bea@example.com" if kind == Kind.TRANSFER else booking.customer_email
    return render(Message(kind=kind, booking=booking, address=address, details=details, created_at=timezone.now()))


def demo_booking(kind: str) -> Booking:
    at = timezone.now()
    prices = [line(price, quantity) for price, quantity in (("49.90", 2), ("19.90", 1))]
    booking = Booking(
        pk=uuid.UUID(int=1),
        confirmation_code="K7QMZ2HA",
        event=demo_event(at, is_postponed=kind == Kind.POSTPONED),
        status=Status.CANCELLED if kind in CANCELLED else Status.CONFIRMED,
        customer_name="Ann Lee",
        customer_email="ann@example.com",
        customer_key="ann@example.com",
        quantity=3,
        currency="EUR",
        total_price=sum(it.total_price for it in prices),
        fees=sum(it.fees for it in prices),
        tax=sum(it.tax for it in prices),
        created_at=at,
        confirmed_at=at,
        cancelled_at=at,
        cancel_reason="The singer is ill." if kind in CANCELLED else "",
    )
    booking.amount_paid = booking.total_price
    booking.refund_amount = Decimal("52.40") if kind in (*CANCELLED, Kind.PART_CANCELLED) else Decimal(0)
    names = ("Seat, rows 1 to 12", "Standing")
    booking.item_list = [
        BookingItem(
            booking=booking,
            ticket_type_id=number,
            name=name,
            unit_price=price.unit_price,
            unit_fee=price.unit_fee,
            tax_rate=price.tax_rate,
            quantity=price.quantity,
            cancelled_quantity=int(kind == Kind.PART_CANCELLED and number == 1),
            total_price=price.total_price,
            tax=price.tax,
        )
        for number, (name, price) in enumerate(zip(names, prices, strict=True), start=1)
    ]
    booking.ticket_list = demo_tickets(booking, kind)
    return booking


def line(price: str, quantity: int) -> Any:
    return price_line(
        price=Decimal(price), fee=Decimal("2.50"), tax_rate=Decimal(13), quantity=quantity, currency="EUR"
    )


def demo_event(at: dt.datetime, *, is_postponed: bool) -> Event:
    starts_at = (at + dt.timedelta(days=30)).replace(hour=17, minute=30, second=0, microsecond=0)
    venue = Venue(name="Old Hall", address="1 Main Street, 1010 Vienna", timezone="Europe/Vienna", updated_at=at)
    return Event(
        venue=venue,
        name="Summer Concert",
        starts_at=starts_at,
        ends_at=starts_at + dt.timedelta(hours=3),
        status=Event.Status.PUBLISHED,
        is_postponed=is_postponed,
        is_sales_paused=is_postponed,
        currency="EUR",
        created_at=at,
        updated_at=at,
    )


def demo_tickets(booking: Booking, kind: str) -> list[Ticket]:
    tickets = [Ticket(booking=booking, code=code, ticket_type_id=1 + (code == CODES[2])) for code in CODES]
    tickets[1].holder_name = "Bea Moss"
    if kind == Kind.TRANSFER:
        tickets[1].holder_email = "bea@example.com"
    if kind == Kind.PART_CANCELLED:
        tickets[0].status = Ticket.Status.VOID
    return tickets
