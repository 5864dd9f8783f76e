"""Serializer fields that accept one spelling of each value, and answer in that spelling."""

import datetime as dt
import re
from decimal import Decimal
from typing import Any, overload

from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import get_error_detail

from config.values import money, percent, text

INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-5][0-9])")
INSTANT_SCHEMA = {
    "type": "string",
    "format": "date-time",
    "pattern": f"^(20[0-9]{{2}}|2100){INSTANT.pattern.removeprefix('[0-9]{4}')}$",
}
AMOUNT = re.compile(r"(0|[1-9][0-9]{0,12})(\.[0-9]{1,4})?")
PERCENT = re.compile(r"(0|[1-9][0-9]{0,2})(\.[0-9]{1,3})?")
DECIMALS_ABOVE_0 = "([1-9][0-9]{0,3}|0[1-9][0-9]{0,2}|00[1-9][0-9]?|000[1-9])"
GREATEST_ID = 2**63 - 1


class StoredIsValid(serializers.Field):
    """Accepts what the updated object has already, even if the rules for new values have become stricter."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        stored = getattr(getattr(self.parent, "instance", None), str(self.source), None)
        return data if isinstance(data, str | dict) and data == stored else self.validate_new(data)

    def validate_new(self, data: Any) -> Any:
        return super().run_validation(data)


class LineField(StoredIsValid, serializers.CharField):
    """One line of text, trimmed and in NFC."""

    default_error_messages = {"invalid": "Must be a string."}
    check = staticmethod(text.validate_line)
    has_paragraphs = False

    def validate_new(self, data: Any) -> Any:
        if isinstance(data, str):
            if self.max_length is not None and len(data) > self.max_length:
                self.fail("max_length", max_length=self.max_length)
            self.refuse_characters(data.strip(text.TRIMMED))
            data = text.normalise(data)
        return super().validate_new(data)

    def refuse_characters(self, data: str) -> None:
        try:
            self.check(data)
        except DjangoValidationError as error:
            raise serializers.ValidationError(get_error_detail(error)) from None

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data


class ParagraphsField(LineField):
    """Text that may hold line breaks and tabs."""

    check = staticmethod(text.validate_paragraphs)
    has_paragraphs = True


class EmailField(LineField, serializers.EmailField):
    default_error_messages = {"invalid": "Must be an e-mail address, such as ann@example.com."}
    default_validators = (text.validate_email_key,)


class ListField(serializers.ListField):
    """Refuses a list that is too long without a look at its entries."""

    def to_internal_value(self, data: Any) -> list[Any]:
        if isinstance(data, list) and self.max_length is not None and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        return super().to_internal_value(data)


class WholeNumberField(serializers.IntegerField):
    """A JSON integer: not `1.0`, not `"1"`, not `true`."""

    default_error_messages = {"invalid": "Must be a whole number."}

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return data


class SwitchField(serializers.BooleanField):
    default_error_messages = {"invalid": "Must be true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if type(data) is not bool:
            self.fail("invalid")
        return data


class ReferenceField(serializers.PrimaryKeyRelatedField):
    """The id of another resource, as a JSON integer."""

    default_error_messages = {
        "does_not_exist": "No object with id {pk_value}.",
        "incorrect_type": "Must be an id (a whole number).",
    }

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return serializers.Field.run_validation(self, data)  # RelatedField's own reads an empty string as null

    def to_internal_value(self, data: Any) -> Any:
        if type(data) is not int:
            self.fail("incorrect_type")
        if not 0 < data <= GREATEST_ID:
            self.fail("does_not_exist", pk_value=data)
        return super().to_internal_value(data)


class InstantField(serializers.DateTimeField):
    """An RFC 3339 timestamp with an offset; answered in UTC."""

    default_error_messages = {
        "invalid": "Must be a timestamp with an offset and at most 6 decimals, such as 2027-01-31T19:30:00Z.",
        "out_of_range": "Must be in the years 2000 to 2100.",
    }

    def to_internal_value(self, value: Any) -> dt.datetime:
        if not isinstance(value, str) or not INSTANT.fullmatch(value):
            self.fail("invalid")
        try:
            instant = dt.datetime.fromisoformat(value).astimezone(dt.UTC)
        except (ValueError, OverflowError):
            self.fail("invalid")
        if not 2000 <= instant.year <= 2100:
            self.fail("out_of_range")
        return instant

    def to_representation(self, value: dt.datetime) -> str:
        return format_instant(value)


@overload
def format_instant(value: dt.datetime) -> str: ...
@overload
def format_instant(value: None) -> None: ...
def format_instant(value: dt.datetime | None) -> str | None:
    """In UTC, as RFC 3339 writes it."""
    if value is None:
        return None
    return (value if value.tzinfo is dt.UTC else value.astimezone(dt.UTC)).isoformat()[:-6] + "Z"


@extend_schema_field({"type": "string"})  # schema.bounds_of adds the pattern
class PriceField(serializers.Field):
    """A decimal string of plain digits, answered with the decimals of the object's `currency`."""

    default_error_messages = {
        "invalid": 'Must be a string of plain digits, such as "49.90".',
        "max_value": "Must be at most {largest}.",
    }
    largest = money.MAX_AMOUNT  # in requests
    answered_digits = len(str(money.MAX_TOTAL))  # before the point
    sign = ""

    def pattern(self, *, is_request: bool) -> str:
        """For the document."""
        return rf"^{self.sign}(0|{self.at_least_1(is_request=is_request)})(\.[0-9]{{1,4}})?$"

    def at_least_1(self, *, is_request: bool) -> str:
        """The pattern of the digits before the point."""
        digits = len(str(self.largest)) if is_request else self.answered_digits
        return f"[1-9][0-9]{{0,{digits - 1}}}"

    def to_internal_value(self, data: Any) -> Decimal:
        if not isinstance(data, str) or not AMOUNT.fullmatch(data):
            self.fail("invalid")
        amount = Decimal(data)
        if amount > self.largest:
            self.fail("max_value", largest=self.largest)
        return amount

    def get_attribute(self, instance: Any) -> Any:
        return super().get_attribute(instance), instance.currency

    def to_representation(self, value: tuple[Decimal, str]) -> str:
        return money.plain(*value)


class AmountField(PriceField):
    """An amount above 0."""

    default_error_messages = {"min_value": "Must be above 0."}

    def pattern(self, *, is_request: bool) -> str:
        return rf"^({self.at_least_1(is_request=is_request)}(\.[0-9]{{1,4}})?|0\.{DECIMALS_ABOVE_0})$"

    def to_internal_value(self, data: Any) -> Decimal:
        amount = super().to_internal_value(data)
        if not amount:
            self.fail("min_value")
        return amount


class TotalField(PriceField):
    """A total, which may exceed the highest price."""

    largest = money.MAX_TOTAL


@extend_schema_field({"type": "string", "pattern": r"^(100(\.0{1,3})?|[1-9]?[0-9](\.[0-9]{1,3})?)$"})
class PercentField(serializers.Field):
    """A percentage of 0 to 100 as a decimal string, answered in its shortest form."""

    default_error_messages = {
        "invalid": 'Must be a string of plain digits with at most 3 decimals, such as "7.70".',
        "max_value": f"Must be at most {percent.MAX_PERCENT}.",
    }

    def to_internal_value(self, data: Any) -> Decimal:
        if not isinstance(data, str) or not PERCENT.fullmatch(data):
            self.fail("invalid")
        value = Decimal(data)
        if value > percent.MAX_PERCENT:
            self.fail("max_value")
        return value

    def to_representation(self, value: Decimal) -> str:
        return percent.plain(value)
