"""What tickets cost: the price and the fee of each, and the tax that both contain. A booking copies its price lines."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import BigIntegerField, Case, ExpressionWrapper, F, Value, When

from config.values import money, percent

MONEY = money.MoneyField()
HUNDRED = percent.to_stored(percent.MAX_PERCENT)


@dataclass(frozen=True, slots=True)
class PriceLine:
    """The price of a number of tickets of one type. `tax` is contained in `total_price`."""

    unit_price: Decimal
    unit_fee: Decimal
    tax_rate: Decimal
    quantity: int
    total_price: Decimal
    tax: Decimal

    @property
    def fees(self) -> Decimal:
        return self.unit_fee * self.quantity


def price_line(*, price: Decimal, fee: Decimal, tax_rate: Decimal, quantity: int, currency: str) -> PriceLine:
    total = (price + fee) * quantity
    return PriceLine(price, fee, tax_rate, quantity, total, contained_tax(total, tax_rate, currency))


def contained_tax(total: Decimal, rate: Decimal, currency: str) -> Decimal:
    """The tax at `rate` percent in a total, rounded half up to the currency's decimals."""
    if not rate:
        return Decimal(0)
    smallest = Decimal(1).scaleb(-money.DECIMALS[currency])
    return (total * rate / (100 + rate)).quantize(smallest, ROUND_HALF_UP)


def contained_tax_in_sql(total: Any, rate: str, currency: str) -> ExpressionWrapper:
    """The same as an expression; `rate` and `currency` are names of fields.

    It divides integers, first the part of the total that divides without a remainder, so that no product overflows.
    """
    smallest = smallest_unit(currency)
    step = (F(rate) + HUNDRED) * smallest
    tax = (total / step * F(rate) + (total % step * F(rate) * 2 + step) / (step * 2)) * smallest
    return ExpressionWrapper(tax, output_field=MONEY)


def smallest_unit(currency: str) -> Case:
    """The smallest amount of a currency, as it is stored: 100 for EUR, 10000 for JPY."""
    units: dict[int, list[str]] = {}
    for code, decimals in money.DECIMALS.items():
        units.setdefault(10 ** (money.STORED_DECIMALS - decimals), []).append(code)
    usual = max(units, key=lambda unit: len(units[unit]))
    others = [When(**{f"{currency}__in": codes}, then=Value(unit)) for unit, codes in units.items() if unit != usual]
    return Case(*others, default=Value(usual), output_field=BigIntegerField())
