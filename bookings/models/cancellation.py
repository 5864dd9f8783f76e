"""Places of a sold booking that were cancelled: one row for each cancellation, whole or by ticket."""

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import F, Q

from config.values import money


class Cancellation(models.Model):
    """Written in the transaction of the cancellation and never changed, so that reports of a past month stay."""

    booking = models.ForeignKey("bookings.Booking", on_delete=models.PROTECT, related_name="cancellations")
    at = models.DateTimeField(editable=False)
    is_whole = models.BooleanField(editable=False, help_text="Whether no places were left.")
    places = models.PositiveIntegerField(editable=False)
    amount = money.MoneyField(editable=False, help_text="What the places cost when they were booked.")
    tax = money.MoneyField(default=Decimal(0), editable=False, help_text="Contained in the amount.")
    fee = money.MoneyField(default=Decimal(0), editable=False, help_text="The part of it that is still owed.")

    class Meta:
        ordering = ["id"]
        # Cancellations by day and month: GET /reports/cancellations.
        indexes = [models.Index(fields=["at"], name="cancellation_by_day")]
        constraints = [
            models.CheckConstraint(
                condition=Q(places__gt=0, amount__gte=0, tax__lte=F("amount"), fee__gte=0, fee__lte=F("amount")),
                name="cancellation_amounts_are_not_negative",
                violation_error_message="A cancellation has places, and its fee is a part of their price.",
                violation_error_code="invalid-amount",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.booking_id}: {self.places}"

    @property
    def currency(self) -> Any:
        return self.booking.currency
