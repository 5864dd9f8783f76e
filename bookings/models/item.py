"""One line of a booking."""

from django.db import models
from django.db.models import ExpressionWrapper, F, Q

from config.values import money
from ticket_types.models import TicketType


class BookingItem(models.Model):
    """A number of places of one ticket type, with the name and price that it had when they were booked."""

    booking = models.ForeignKey("bookings.Booking", on_delete=models.CASCADE, related_name="items", db_index=False)
    ticket_type = models.ForeignKey(TicketType, on_delete=models.PROTECT, related_name="booking_items")
    name = models.CharField(max_length=100)
    unit_price = money.MoneyField()
    quantity = models.PositiveSmallIntegerField()
    total_price = money.MoneyField()
    cancelled_quantity = models.PositiveSmallIntegerField(default=0)

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
                    total_price=ExpressionWrapper(
                        F("unit_price") * F("quantity"), output_field=models.BigIntegerField()
                    )
                ),
                name="booking_item_total_is_price_times_quantity",
                violation_error_message="An item's total is its price times its quantity.",
                violation_error_code="invalid-total",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.name}"

    @property
    def currency(self) -> str:
        return self.booking.currency
