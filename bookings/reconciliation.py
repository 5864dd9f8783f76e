"""Compares counters and totals with the rows that they summarise."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction
from django.db.models import Case, Count, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from bookings.lifecycle.states import LIVE, Status
from bookings.models import Booking, BookingItem, Ticket
from bookings.payments.models import Payment, Refund
from events.inventory.stock import Stock
from events.models import Event
from ticket_types.models import TicketType
from ticket_types.pricing import contained_tax_in_sql

LEFT = F("quantity") - F("cancelled_quantity")
MONEY = models.BigIntegerField()
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Comparison:
    """A stored number of some rows, and what it must be; the database compares."""

    field: str
    differing: QuerySet

    @classmethod
    def of(cls, rows: QuerySet, field: str, stored: Any, counted: Any) -> "Comparison":
        compared = rows.order_by("pk").annotate(stored=stored, counted=counted)
        return cls(field, compared.filter(~Q(stored=F("counted"))))

    def drifts(self) -> "Iterator[Drift]":
        for row in self.differing.iterator(chunk_size=500):
            kind = row._meta.verbose_name
            yield Drift(kind, str(row.pk), str(row), self.field, int(row.stored), int(row.counted))


@dataclass(frozen=True)
class Drift:
    """A stored number that differs from the number counted from other rows."""

    model: str
    id: str
    name: str
    field: str
    stored: int
    counted: int

    def __str__(self) -> str:
        numbers = f"{self.field} is {self.stored}, but the rows add up to {self.counted}"
        return f"{self.model} {self.id} ({self.name}): {numbers}"


def total(rows: QuerySet, group: str, expression: Any) -> Coalesce:
    """An expression over the rows of an outer row; 0 when there are none."""
    sums = rows.order_by().values(group).annotate(total=expression).values("total")
    return Coalesce(Subquery(sums, output_field=MONEY), Value(0), output_field=MONEY)


def reserved_of(model: type[Stock]) -> Coalesce:
    """Events and ticket types are counted from the same rows, the items, even if a booking's own numbers are wrong."""
    group = "booking__event" if model is Event else "ticket_type"
    live = BookingItem.objects.filter(booking__status__in=LIVE, **{group: OuterRef("pk")})
    return total(live, group, Sum(LEFT))


def of_booking(rows: type[models.Model], field: Any) -> Coalesce:
    return total(rows._default_manager.filter(booking=OuterRef("pk")), "booking", Sum(field))


def tax_of_items() -> Coalesce:
    """The tax of a booking, computed again for each item."""
    currency = ExpressionWrapper(OuterRef("currency"), output_field=models.CharField())
    items = BookingItem.objects.filter(booking=OuterRef("pk")).annotate(booking_currency=currency)
    return total(items, "booking", Sum(number(contained_tax_in_sql(F("total_price"), "tax_rate", "booking_currency"))))


def number(expression: Any) -> ExpressionWrapper:
    """Amounts as they are stored."""
    return ExpressionWrapper(expression, output_field=MONEY)


def valid_tickets() -> Coalesce:
    tickets = Ticket.objects.filter(booking=OuterRef("pk")).exclude(status=Ticket.Status.VOID)
    return total(tickets, "booking", Count("pk"))


def drifts(progress: Progress = lambda done, total: None) -> Iterator[Drift]:
    """Every difference. Each comparison is one statement with one snapshot, so sales may go on."""
    found = comparisons()
    for done, comparison in enumerate(found, start=1):
        yield from comparison.drifts()
        progress(done, len(found))


def comparisons() -> list[Comparison]:
    bookings = Booking.objects.all()
    confirmed = bookings.filter(status=Status.CONFIRMED)
    compare = Comparison.of
    return [
        *counters(Event.objects.all()),
        *(
            compare(bookings, name, number(F(name)), of_booking(BookingItem, name))
            for name in ("quantity", "cancelled_quantity", "total_price", "tax")
        ),
        compare(bookings, "fees", number(F("fees")), of_booking(BookingItem, F("unit_fee") * F("quantity"))),
        compare(bookings, "tax", number(F("tax")), tax_of_items()),
        *balances(bookings),
        compare(confirmed, "tickets", LEFT, valid_tickets()),
        compare(bookings.exclude(status=Status.CONFIRMED), "tickets", Value(0), valid_tickets()),
    ]


def balances(bookings: QuerySet[Booking]) -> list[Comparison]:
    """The amounts of bookings that differ from payments, refunds and items, in ten-thousandths."""
    paid = Payment.objects.succeeded().filter(booking=OuterRef("pk"))
    refunds = Refund.objects.filter(payment=OuterRef("pk"), status__in=["pending", "succeeded"])
    compare = Comparison.of
    return [
        compare(bookings, "amount_paid", number(F("amount_paid")), total(paid, "booking", Sum(number(F("amount"))))),
        *(
            compare(rows, "amount_refunded", number(F("amount_refunded")), counted)
            for rows, counted in (
                (bookings, of_booking(Payment, number(F("amount_refunded")))),
                (Payment.objects.all(), total(refunds, "payment", Sum(number(F("amount"))))),
            )
        ),
        compare(bookings, "cancelled_amount", number(F("cancelled_amount")), cancelled_amount()),
    ]


def cancelled_amount() -> Case:
    """What its state and items say: a booking without places owes its fees alone."""
    price = number((F("unit_price") + F("unit_fee")) * F("cancelled_quantity"))
    of_tickets = total(BookingItem.objects.filter(booking=OuterRef("pk")), "booking", Sum(price))
    of_live = of_tickets - number(F("cancellation_fee")) + number(F("goodwill_amount"))
    of_others = number(F("total_price")) - number(F("cancellation_fee"))
    return Case(When(status__in=LIVE, then=of_live), default=of_others, output_field=MONEY)


def counters(events: QuerySet[Event]) -> list[Comparison]:
    """The counters of some events and of their ticket types."""
    types = TicketType.objects.filter(event__in=events)
    return [Comparison.of(rows, "reserved", F("reserved"), reserved_of(rows.model)) for rows in (events, types)]


def fix(drift: Drift) -> bool:
    """Corrects a `reserved` counter; false for other differences, which need a person.

    The row is locked first, so that a concurrent sale is either counted or adds its places afterwards.
    """
    model = {kind._meta.verbose_name: kind for kind in (Event, TicketType)}.get(drift.model)
    if model is None:
        return False
    with transaction.atomic():
        row = model.objects.select_for_update(no_key=True).get(pk=drift.id)
        rows: QuerySet = model.objects.annotate(counted=reserved_of(model))
        counted = rows.values_list("counted", flat=True).get(pk=row.pk)
        model.objects.filter(pk=row.pk).update(reserved=counted)
    return True
