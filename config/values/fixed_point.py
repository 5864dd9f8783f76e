"""Numbers with a fixed number of decimals, exact on every database."""

from decimal import Decimal
from typing import Any, ClassVar

from django.core import checks
from django.core.exceptions import ValidationError
from django.db import models


def from_integer(value: int, places: int) -> Decimal:
    """The number that is stored as an integer of its smallest parts: 499000 with 4 places is 49.9."""
    return Decimal(value) / 10**places


def to_integer(value: Decimal | int, places: int) -> int:
    """A number in its smallest parts. Raises ValueError for one with more decimals."""
    parts = Decimal(value) * 10**places
    if parts != int(parts):
        raise ValueError(f"{value} has more than {places} decimals.")
    return int(parts)


class FixedPointField(models.BigIntegerField):
    """A Decimal in Python, an integer of its smallest parts in the database.

    SQLite stores decimals as binary floats, in which 3 × 0.1 is not 0.3. Integers are exact, so a constraint can check
    that a total is price times quantity.
    """

    # Of the stubs, for mypy.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    places: ClassVar[int]
    largest: ClassVar[Decimal]
    example: ClassVar[str]

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        return models.Field.check(self, **kwargs)

    @property
    def validators(self) -> list[Any]:
        # Those of IntegerField would bound the number by the column's range; there is no public name for the others.
        return list(self._validators)  # type: ignore[attr-defined]

    def from_db_value(self, value: int | None, *args: Any) -> Decimal | None:
        return None if value is None else from_integer(value, self.places)

    def to_python(self, value: Any) -> Decimal | None:
        if value is None or isinstance(value, Decimal):
            return value
        try:
            return Decimal(str(value))
        except ArithmeticError:
            raise ValidationError(f"Enter a number such as {self.example}.", code="invalid") from None

    def get_prep_value(self, value: Any) -> Any:
        if value is None or hasattr(value, "resolve_expression"):
            return value
        return to_integer(value, self.places)

    def formfield(self, **kwargs: Any) -> Any:
        from django import forms

        return models.Field.formfield(
            self,
            **{
                "form_class": forms.DecimalField,
                "min_value": 0,
                "max_value": self.largest,
                "decimal_places": self.places,
                **kwargs,
            },
        )

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.value_from_object(obj))
