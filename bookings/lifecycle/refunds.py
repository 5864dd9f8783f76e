"""Money that is to be paid back: for places that were paid, and are not had (any more).

Only a payment with a reference can be found and paid back; without one the money never passed through here.
"""

from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Case, ExpressionWrapper, F, OuterRef, Subquery, Sum, Value, When

from bookings import models
from bookings.problems import RefundChanged
from config.values import money

MONEY = money.MoneyField()
NOTHING: dict[str, Any] = {"refund_due": False, "refund_amount": 0}


def net_price() -> ExpressionWrapper:
    """What a booking's places cost that are not cancelled. The subquery is asked for those alone that have some."""
    items = models.BookingItem.objects.filter(booking=OuterRef("pk"), cancelled_quantity__gt=0).order_by()
    cost = Sum(ExpressionWrapper(F("unit_price") * F("cancelled_quantity"), output_field=MONEY))
    cancelled = Subquery(items.values("booking").annotate(cost=cost).values("cost"), output_field=MONEY)
    left = F("total_price") - Case(When(cancelled_quantity__gt=0, then=cancelled), default=Value(0), output_field=MONEY)
    return ExpressionWrapper(left, output_field=MONEY)


def mark_cancelled(booking_ids: list[Any]) -> None:
    """Adds what the places of bookings cost that have just been cancelled whole, in this transaction.

    A statement of its own, after the one that cancels: that one may have waited for somebody who cancelled single
    tickets, and on PostgreSQL its subqueries would still see the items as they were before.
    """
    paid = models.Booking.objects.filter(pk__in=booking_ids).exclude(payment_reference="")
    due = paid.annotate(net=net_price()).filter(net__gt=0)
    due.update(refund_due=True, refund_amount=F("refund_amount") + net_price())


def settle(booking: "models.Booking", *, amount: Decimal | None, by: Any) -> "models.Booking":
    with transaction.atomic():
        # The lock keeps the amount as it is while it is written down.
        stored: Any = models.Booking.objects.select_for_update(no_key=True).get(pk=booking.pk)
        if stored.refund_due:
            due = f"{money.plain(stored.refund_amount, stored.currency)} {stored.currency}"
            if amount not in (None, stored.refund_amount):
                raise RefundChanged(f"By now {due} is to be paid back.")
            models.Booking.objects.filter(pk=booking.pk).update(**NOTHING)
            models.BookingChange.entry(
                booking.pk, "settle refund", stored.status, stored.status, by=by, amount=due
            ).save()
    booking.refresh_from_db()
    return booking
