"""What every resource's serializer does alike."""

from typing import Any

from django.db import models
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from config import money
from config.api import fields


class StrictFields:
    """Refuses what the resource does not have, and what only the server sets, instead of ignoring it."""

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
            raise serializers.ValidationError({**error.detail, **faults}) from None  # type: ignore[dict-item]
        if faults:
            raise serializers.ValidationError(faults)
        return value


class Serializer(StrictFields, serializers.Serializer):
    pass


class ModelSerializer(StrictFields, serializers.ModelSerializer):
    """Takes its bounds from the model's fields. Uniqueness is the database's to decide, not a question asked before."""

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
