"""The base of every serializer."""

from collections.abc import Iterator
from functools import cache, cached_property
from typing import Any, ClassVar

from django.db import models
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from config.api import fields
from config.api.errors import MAX_ERRORS
from config.api.expand import Expansion
from config.values import money, percent

OUT_OF_BOUNDS = {"blank", "max_length", "min_length", "max_value", "min_value", "out_of_range"}  # error codes
COMPARISONS = {"range", "gte", "gt", "lte", "lt", "length"}


@cache
def bounds(model: type[models.Model]) -> dict[str, models.CheckConstraint]:
    """The first constraint of each field that compares it to constants."""
    found: dict[str, models.CheckConstraint] = {}
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.CheckConstraint):
            for name in bounded_fields(constraint.condition):
                found.setdefault(name, constraint)
    return found


def bounded_fields(condition: Any) -> Iterator[str]:
    for child in condition.children:
        if isinstance(child, models.Q):
            yield from bounded_fields(child)
        elif not hasattr(child[1], "resolve_expression") and child[0].rsplit("__", 1)[-1] in COMPARISONS:
            yield child[0].split("__")[0]


class StrictFields:
    """Refuses unknown and read-only fields instead of ignoring them.

    A value out of bounds is answered with the message and code of the model's constraint (`Meta.model`). With
    `has_warnings`, an answer has those of the instance, if there are any.
    """

    expansions: ClassVar[dict[str, Expansion]] = {}
    has_warnings: ClassVar[bool] = False
    context: dict[str, Any]
    fields: Any

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return self.with_expansions(super().to_representation(instance), instance)  # type: ignore[misc]

    def with_expansions(self, data: dict[str, Any], instance: Any) -> dict[str, Any]:
        """The representation with what `?expand=` asks for, in the place of ids, and with warnings."""
        for name, serializer in self.expanded.items():
            related = getattr(instance, f"expanded_{name}")
            data[name] = None if related is None else serializer.to_representation(related)
        if self.has_warnings and instance.warnings:
            data["warnings"] = instance.warnings
        return data

    @cached_property
    def expanded(self) -> dict[str, serializers.BaseSerializer]:
        context = {**self.context, "expand": ()}
        expansions = {name: self.expansions[name] for name in self.context.get("expand", ()) if name in self.expansions}
        return {name: it.serializer(many=it.many, context=context) for name, it in expansions.items()}

    def to_internal_value(self, data: Any) -> Any:
        errors: dict[str, list[ErrorDetail]] = {}
        for name in data if isinstance(data, dict) else ():
            if name not in self.fields:
                errors[name] = [ErrorDetail("Unknown field.", code="unknown-field")]
            elif self.fields[name].read_only:
                errors[name] = [ErrorDetail("This field is read-only.", code="read-only")]
            if len(errors) > MAX_ERRORS:
                break
        try:
            value = super().to_internal_value(data)  # type: ignore[misc]
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**self.in_words_of_constraints(error.detail), **errors}) from None
        if errors:
            raise serializers.ValidationError(errors)
        return value

    def in_words_of_constraints(self, errors: Any) -> dict[str, Any]:
        model = getattr(getattr(self, "Meta", None), "model", None)
        constraints = bounds(model) if model else {}
        for name, entries in errors.items():
            field = self.fields.get(name)
            constraint = constraints.get(str(field.source)) if field else None
            if constraint and isinstance(entries, list) and any(entry.code in OUT_OF_BOUNDS for entry in entries):
                code = constraint.violation_error_code or "invalid"
                errors[name] = [ErrorDetail(str(constraint.violation_error_message), code=code)]
        return errors


class Serializer(StrictFields, serializers.Serializer):
    pass


class ModelSerializer(StrictFields, serializers.ModelSerializer):
    """Takes bounds from the model's fields, and leaves uniqueness to the database.

    `Meta.counted` are the fields that change without an edit.
    """

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: fields.LineField,
        models.TextField: fields.ParagraphsField,
        models.EmailField: fields.EmailField,
        models.DateTimeField: fields.InstantField,
        models.PositiveIntegerField: fields.WholeNumberField,
        models.PositiveSmallIntegerField: fields.WholeNumberField,
        models.BooleanField: fields.SwitchField,
        money.MoneyField: fields.PriceField,
        percent.PercentField: fields.PercentField,
    }
    serializer_related_field = fields.ReferenceField

    def get_unique_together_validators(self) -> list[Any]:
        return []
