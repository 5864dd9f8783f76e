"""The amounts of bookings without their cancelled places, in SQL.

The subqueries run only for bookings with some cancelled places.
"""

from typing import Any

from django.db.models import Case, ExpressionWrapper, F, OuterRef, Subquery, Sum, Value, When

from bookings import models
from config.values import money
from ticket_types.pricing import contained_tax_in_sql

MONEY = money.MoneyField()
PRICE_WITH_FEE = F("unit_price") + F("unit_fee")  # of an item


def net(total: str, cancelled: Any) -> ExpressionWrapper:
    """A total of a booking (the name of its field) less what its items have `cancelled`."""
    items = models.BookingItem.objects.filter(booking=OuterRef("pk"), cancelled_quantity__gt=0).order_by()
    part = Sum(ExpressionWrapper(cancelled, output_field=MONEY))
    parts = Subquery(items.values("booking").annotate(part=part).values("part"), output_field=MONEY)
    less = Case(When(cancelled_quantity__gt=0, then=parts), default=Value(0), output_field=MONEY)
    return ExpressionWrapper(F(total) - less, output_field=MONEY)


def net_price() -> ExpressionWrapper:
    """The total, fees included."""
    return net("total_price", PRICE_WITH_FEE * F("cancelled_quantity"))


def net_fees() -> ExpressionWrapper:
    return net("fees", F("unit_fee") * F("cancelled_quantity"))


def net_tax() -> ExpressionWrapper:
    return net("tax", F("tax") - tax_of_places())


def tax_of_places(item: str = "", currency: str = "booking__currency") -> Case:
    """The tax of an item's places, rounded once for all of them; `item` is the prefix of its fields."""
    places = F(f"{item}quantity") - F(f"{item}cancelled_quantity")
    total = (F(f"{item}unit_price") + F(f"{item}unit_fee")) * places
    rest = contained_tax_in_sql(total, f"{item}tax_rate", currency)
    return Case(When(**{f"{item}cancelled_quantity": 0}, then=F(f"{item}tax")), default=rest, output_field=MONEY)
