"""Refunds: what is due to be paid back for places that were paid and are cancelled or were never had.

Only a payment with a reference can be refunded; without one the money did not pass through this system.
"""

from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F

from bookings import models
from bookings.lifecycle.amounts import net_price
from bookings.problems import RefundChanged
from config.values import money

MONEY = money.MoneyField()
NO_REFUND: dict[str, Any] = {"refund_due": False, "refund_amount": 0}


def add_refunds(booking_ids: list[Any]) -> None:
    """Adds the net price of bookings that were just cancelled to what is due; in the caller's transaction.

    A statement of its own: the one that cancels may have waited for a cancellation by ticket, and on PostgreSQL its
    subqueries would still see the items as they were before.
    """
    paid = models.Booking.objects.filter(pk__in=booking_ids).exclude(payment_reference="")
    due = paid.annotate(net=net_price()).filter(net__gt=0)
    due.update(refund_due=True, refund_amount=F("refund_amount") + net_price())


def settle(booking: "models.Booking", *, amount: Decimal | None, by: Any) -> "models.Booking":
    with transaction.atomic():
        stored: Any = models.Booking.objects.select_for_update(no_key=True).get(pk=booking.pk)
        if stored.refund_due:
            due = f"{money.plain(stored.refund_amount, stored.currency)} {stored.currency}"
            if amount not in (None, stored.refund_amount):
                raise RefundChanged(f"The refund that is due is now {due}.")
            models.Booking.objects.filter(pk=booking.pk).update(**NO_REFUND)
            models.BookingChange.entry(
                booking.pk, "settle refund", stored.status, stored.status, by=by, amount=due
            ).save()
    booking.refresh_from_db()
    return booking
