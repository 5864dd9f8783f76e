"""Percentages, such as the rate of a tax."""

from decimal import Decimal

from config.values.fixed_point import FixedPointField, from_integer, to_integer

DECIMALS = 3
MAX_PERCENT = Decimal(100)


def plain(percent: Decimal) -> str:
    """In its shortest form: `7.7` for 7.70, `19` for 19.000."""
    return f"{percent.normalize():f}"


def from_stored(thousandths: int) -> Decimal:
    return from_integer(thousandths, DECIMALS)


def to_stored(percent: Decimal) -> int:
    """In thousandths. Raises ValueError for one with more than 3 decimals."""
    return to_integer(percent, DECIMALS)


class PercentField(FixedPointField):
    """0 to 100, in thousandths."""

    description = "A percentage"
    places = DECIMALS
    largest = MAX_PERCENT
    example = "7.70"
