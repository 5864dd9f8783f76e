"""One line of a booking."""

from decimal import Decimal

from django.db import models
from django.db.models import ExpressionWrapper, F, Q, Value

from bookings.lifecycle.amounts import PRICE_WITH_FEE
from config.values import money, percent
from ticket_types.models import TicketType


class BookingItem(models.Model):
    """A number of places of one ticket type, with its name, price, fee and tax when they were booked."""

    booking = models.ForeignKey("bookings.Booking", on_delete=models.CASCADE, related_name="items", db_index=False)
    ticket_type = models.ForeignKey(TicketType, on_delete=models.PROTECT, related_name="booking_items")
    name = models.CharField(max_length=100)
    unit_price = money.MoneyField()
    unit_fee = money.MoneyField(default=Decimal(0), db_default=0)
    tax_rate = percent.PercentField(default=Decimal(0), db_default=0)
    quantity = models.PositiveSmallIntegerField()
    total_price = money.MoneyField()
    tax = money.MoneyField(default=Decimal(0), db_default=0, help_text="Contained in the total.")
    cancelled_quantity = models.PositiveSmallIntegerField(default=0)
    attendees = models.JSONField(
        default=list, db_default=Value([], models.JSONField()), help_text="Holders, until the tickets are issued."
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            # Its index also finds the items of a booking.
            models.UniqueConstraint(
                fields=["booking", "ticket_type"],
                name="booking_item_ticket_type_is_unique_in_its_booking",
                violation_error_message="A booking has each ticket type once.",
                violation_error_code="already-exists",
            ),
            models.CheckConstraint(
                condition=Q(quantity__range=(1, 100), cancelled_quantity__lte=F("quantity")),
                name="booking_item_quantity_is_1_to_100",
                violation_error_message="An item has 1 to 100 places, and not more of them cancelled.",
                violation_error_code="invalid-quantity",
            ),
            models.CheckConstraint(
                condition=Q(unit_price__gte=0),
                name="booking_item_unit_price_is_not_negative",
                violation_error_message="A price must not be negative.",
                violation_error_code="invalid-price",
            ),
            models.CheckConstraint(
                condition=Q(
                    total_price=ExpressionWrapper(PRICE_WITH_FEE * F("quantity"), output_field=models.BigIntegerField())
                ),
                name="booking_item_total_is_price_and_fee_times_quantity",
                violation_error_message="An item's total is its price and fee times its quantity.",
                violation_error_code="invalid-total",
            ),
            # How the tax is rounded depends on the currency: `reconcile` checks it.
            models.CheckConstraint(
                condition=Q(unit_fee__gte=0, tax_rate__range=(0, percent.MAX_PERCENT))
                & (Q(tax_rate=0, tax=0) | Q(tax_rate__gt=0, tax__gte=0, tax__lte=F("total_price"))),
                name="booking_item_fee_and_tax_are_within_its_total",
                violation_error_message="An item's fee is not negative, and its tax is a part of its total.",
                violation_error_code="invalid-tax",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.name}"

    @property
    def currency(self) -> str:
        return self.booking.currency

    @property
    def price_with_fee(self) -> Decimal:
        """What the customer pays for one ticket."""
        return self.unit_price + self.unit_fee
