"""What every resource's serializer does alike."""

from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar

from django.db import models
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from config.api import fields
from config.api.expand import Expansion
from config.api.representation import representation
from config.values import money

BOUNDS = {"blank", "max_length", "min_length", "max_value", "min_value", "out_of_range"}  # codes of faults
COMPARISONS = {"range", "gte", "gt", "lte", "lt", "length"}


@cache
def bounds(model: type[models.Model]) -> dict[str, models.CheckConstraint]:
    """The first constraint of each field that compares it to constants."""
    found: dict[str, models.CheckConstraint] = {}
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.CheckConstraint):
            for name in bounded(constraint.condition):
                found.setdefault(name, constraint)
    return found


def bounded(condition: Any) -> Iterator[str]:
    for child in condition.children:
        if isinstance(child, models.Q):
            yield from bounded(child)
        elif not hasattr(child[1], "resolve_expression") and child[0].rsplit("__", 1)[-1] in COMPARISONS:
            yield child[0].split("__")[0]


class StrictFields:
    """Refuses what the resource does not have, and what only the server sets, instead of ignoring it.

    A value out of its bounds is answered in the words of the model's constraint (`Meta.model`), as everywhere.

    `expansions` are what `?expand=` can put inside, and `expanded` the names of those that this one shows.
    """

    expansions: ClassVar[dict[str, Expansion]] = {}
    expanded: tuple[str, ...] = ()

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()  # type: ignore[misc]
        return {**fields, **{name: self.expansions[name].field(name) for name in self.expanded}}

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return representation(type(self), self.expanded).of(self, instance)  # type: ignore[arg-type]

    def to_internal_value(self, data: Any) -> Any:
        known: dict[str, serializers.Field] = self.fields  # type: ignore[attr-defined]
        faults: dict[str, list[ErrorDetail]] = {}
        for name in data if isinstance(data, dict) else ():
            if name not in known:
                faults[name] = [ErrorDetail("There is no such field.", code="unknown-field")]
            elif known[name].read_only:
                faults[name] = [ErrorDetail("Only the server sets this.", code="read-only")]
        try:
            value = super().to_internal_value(data)  # type: ignore[misc]
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**self.in_own_words(error.detail), **faults}) from None
        if faults:
            raise serializers.ValidationError(faults)
        return value

    def in_own_words(self, faults: Any) -> dict[str, Any]:
        model = getattr(getattr(self, "Meta", None), "model", None)
        constraints = bounds(model) if model else {}
        for name, entries in faults.items():
            known = self.fields.get(name)  # type: ignore[attr-defined]
            constraint = constraints.get(known.source) if known else None
            if constraint and isinstance(entries, list) and any(entry.code in BOUNDS for entry in entries):
                code = constraint.violation_error_code or "invalid"
                faults[name] = [ErrorDetail(str(constraint.violation_error_message), code=code)]
        return faults


class Serializer(StrictFields, serializers.Serializer):
    pass


@cache
def checked_by(kind: type[serializers.Serializer]) -> serializers.Serializer:
    """A serializer to check bodies with, again and again: it knows nothing of any request, and keeps nothing of one."""
    return kind()


class ModelSerializer(StrictFields, serializers.ModelSerializer):
    """Takes its bounds from the model's fields. Uniqueness is the database's to decide, not a question asked before.

    `Meta.counted` are the fields that change without anybody's edit.
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
    }
    serializer_related_field = fields.ReferenceField

    def get_unique_together_validators(self) -> list[Any]:
        return []
