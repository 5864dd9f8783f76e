"""How a serializer turns an object into what is shown, worked out once for each class.

A serializer of DRF copies all of its fields each time it is made, and asks each of them how it is read for each object:
150 µs for one venue, 900 for a hundred. What a field does depends on its class alone: so the fields are made once, and
most of an object is read in one step, which leaves 8 µs and 250.
"""

from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any

from django.db.models import Manager
from rest_framework import serializers
from rest_framework.relations import PrimaryKeyRelatedField

Show = Callable[[Any], Any]  # given the field's value
Make = Callable[[Any, Any], Any]  # given the serializer and the object

# Their values are what JSON has too: texts, whole numbers, truths, and nothing.
SHOWN_AS_THEY_ARE = (
    serializers.CharField,
    serializers.ChoiceField,
    serializers.IntegerField,
    serializers.BooleanField,
)
NOTHING = "__class__"  # an attribute that everything has, for what is not read from one


class Representation:
    def __init__(self, serializer: serializers.Serializer) -> None:
        self.names: list[str] = []
        self.shown: list[tuple[int, Show]] = []
        self.made: list[tuple[int, Make]] = []
        attributes = []
        for position, field in enumerate(serializer._readable_fields):
            self.names.append(str(field.field_name))
            attribute, show, make = reading(serializer, field)
            attributes.append(attribute)
            if show:
                self.shown.append((position, show))
            if make:
                self.made.append((position, make))
        # With one more, because `attrgetter` answers a tuple only when it is asked for two.
        self.values_of = attrgetter(*attributes, NOTHING)

    def of(self, serializer: Any, instance: Any) -> dict[str, Any]:
        """As `serializer`, which knows the request, shows an object; what is no object but a mapping, DRF reads."""
        if isinstance(instance, Mapping):
            return serializers.Serializer.to_representation(serializer, instance)
        values = list(self.values_of(instance))
        for position, show in self.shown:
            if values[position] is not None:
                values[position] = show(values[position])
        for position, make in self.made:
            values[position] = make(serializer, instance)
        return dict(zip(self.names, values, strict=False))


@cache
def representation(kind: type[serializers.Serializer], expanded: tuple[str, ...] = ()) -> Representation:
    serializer = kind()
    serializer.expanded = expanded  # type: ignore[attr-defined]
    return Representation(serializer)


def reading(serializer: Any, field: Any) -> tuple[str, Show | None, Make | None]:
    """The attribute that a field shows, and what is made of its value, or of the object."""
    if isinstance(field, PrimaryKeyRelatedField):
        return serializer.Meta.model._meta.get_field(field.source).attname, None, None
    if make := making(serializer, field):
        return NOTHING, None, make
    is_plain = isinstance(field, SHOWN_AS_THEY_ARE)
    return ".".join(field.source_attrs), None if is_plain else field.to_representation, None


def making(serializer: Any, field: Any) -> Make | None:
    """How a field is made that shows more of an object than one attribute."""
    kind = type(field)
    if issubclass(kind, serializers.SerializerMethodField):
        return getattr(type(serializer), field.method_name)
    if issubclass(kind, serializers.ListSerializer):
        return many(field.field_name, attrgetter(field.source), type(field.child))
    if issubclass(kind, serializers.Serializer):
        return one(field.field_name, None if field.source == "*" else attrgetter(field.source), kind)
    if kind.get_attribute is not serializers.Field.get_attribute:
        return lambda serializer, instance: field.to_representation(field.get_attribute(instance))
    return None


def one(name: str, attribute: Show | None, kind: type[serializers.Serializer]) -> Make:
    def make(serializer: Any, instance: Any) -> Any:
        shown = instance if attribute is None else attribute(instance)
        return None if shown is None else representation(kind).of(inner(serializer, name, kind), shown)

    return make


def many(name: str, attribute: Show, kind: type[serializers.Serializer]) -> Make:
    def make(serializer: Any, instance: Any) -> Any:
        rows = attribute(instance)
        rows = rows.all() if isinstance(rows, Manager) else rows
        if not rows:
            return []
        show, within = representation(kind).of, inner(serializer, name, kind)
        return [show(within, row) for row in rows]

    return make


def inner(serializer: Any, name: str, kind: type[serializers.Serializer]) -> Any:
    """The serializer of a field, made once for all the objects that the outer one shows."""
    made = serializer.__dict__.setdefault("inner", {})
    if name not in made:
        made[name] = kind(context=serializer.context)
    return made[name]
