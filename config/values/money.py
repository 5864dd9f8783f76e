"""Money: exact on every database, with the decimals of its ISO 4217 currency."""

from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from iso4217 import Currency

from config.values.currencies import WITHDRAWN, Decimals
from config.values.fixed_point import FixedPointField, from_integer, to_integer

# Its keys are the currencies that new events may have.
DECIMALS = Decimals(
    {it.code: it.exponent for it in Currency if it.exponent is not None and it.number},
)
STORED_DECIMALS = 4  # the most of any currency (CLF, UYW)
MAX_AMOUNT = Decimal(999999999)
MAX_TOTAL = Decimal(9999999999999)
PART = 10**9


def validate_currency(code: str) -> None:
    """Raises ValidationError for a currency that new events cannot have."""
    if code in DECIMALS:
        return
    if code in WITHDRAWN:
        raise ValidationError(f"The currency {code} was withdrawn from ISO 4217.", code="withdrawn-currency")
    raise ValidationError(f"{code!r} is not an ISO 4217 currency code, such as EUR.", code="unknown-currency")


def fits(amount: Decimal | int, currency: str) -> bool:
    """Whether the currency has that many decimals: 49.90 EUR does, 49.900 EUR and 49.0 JPY do not."""
    exponent = Decimal(amount).as_tuple().exponent
    return isinstance(exponent, int) and -exponent <= DECIMALS[currency]


def plain(amount: Any, currency: str) -> str:
    """The amount with the currency's own number of decimals: `49.90` in EUR, `50` in JPY.

    An amount with more decimals, stored when its currency had more or was known, is shown as it is.
    """
    return with_decimals(amount, DECIMALS[currency])


@lru_cache(maxsize=10_000)  # a booking has fourteen amounts, most of them 0
def with_decimals(amount: Any, decimals: int) -> str:
    text = f"{amount + 0:.{decimals}f}"  # the sum has no negative zero
    return text if Decimal(text) == amount else f"{Decimal(amount).normalize():f}"


def from_units(units: int) -> Decimal:
    """An amount from the ten-thousandths in which it is stored."""
    return from_integer(units, STORED_DECIMALS)


def to_units(amount: Decimal | int) -> int:
    """An amount as ten-thousandths. Raises ValueError for one with more than 4 decimals."""
    return to_integer(amount, STORED_DECIMALS)


def whole(value: Any, *args: Any) -> int | None:
    """A sum as an integer; SQLite returns it as a text of two parts."""
    if isinstance(value, str):
        high, low = value.split()
        return int(high) * PART + int(low)
    return None if value is None else int(value)


class Total(models.Sum):
    """A sum of any number of amounts. SQLite adds in parts, because its SUM overflows at 2**63."""

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        each, parameters = self.as_sql(compiler, connection, template="(%(expressions)s)", **context)
        return f"(SUM({each} / {PART}) || ' ' || SUM({each} %% {PART}))", (*parameters, *parameters)

    def convert_value(self, value: Any, *args: Any) -> int | None:
        return whole(value)


class TotalOf(models.Subquery):
    """A subquery with one column, a Total."""

    def convert_value(self, value: Any, *args: Any) -> int | None:
        return whole(value)


class MoneyField(FixedPointField):
    """An amount, in ten-thousandths."""

    description = "An amount of money"
    places = STORED_DECIMALS
    largest = MAX_AMOUNT
    example = "49.90"
