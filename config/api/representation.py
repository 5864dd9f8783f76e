"""How a serializer turns an object into what is shown, worked out once for each class.

A serializer of DRF copies all of its fields each time it is made, and asks each of them how it is read, for each object:
150 µs for a venue, 900 for an event. What a field does depends on its class alone, so that here the fields are made once,
and most of an object is read in one step: 5 µs for a venue, 12 for an event.
"""

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any

from django.db.models import Manager
from rest_framework import serializers
from rest_framework.relations import PrimaryKeyRelatedField

Convert = Callable[[Any, Any, Any], Any]  # given the serializer, the object, and the field's value of it

# Their values are shown as they are, when they are what JSON has too.
SHOWN_AS_THEY_ARE = (
    serializers.CharField,
    serializers.ChoiceField,
    serializers.IntegerField,
    serializers.BooleanField,
)
OF_JSON = frozenset((str, int, bool, type(None)))
NOTHING = "__class__"  # an attribute that everything has


class Representation:
    def __init__(self, serializer: serializers.Serializer) -> None:
        self.names: list[str] = []
        self.conversions: list[tuple[int, Convert]] = []
        attributes = []
        for position, field in enumerate(serializer._readable_fields):
            self.names.append(field.field_name)
            attribute, convert = reading(serializer, field)
            attributes.append(attribute)
            if convert:
                self.conversions.append((position, convert))
        # One that is there twice, because `attrgetter` answers a tuple only when it is asked for two.
        self.values_of = attrgetter(*attributes, NOTHING)

    def of(self, serializer: Any, instance: Any) -> dict[str, Any]:
        """As `serializer`, which knows the request, shows an object."""
        values = list(self.values_of(instance))
        for position, convert in self.conversions:
            values[position] = convert(serializer, instance, values[position])
        return dict(zip(self.names, values, strict=False))


@cache
def representation(kind: type[serializers.Serializer], expanded: tuple[str, ...] = ()) -> Representation:
    serializer = kind()
    serializer.expanded = expanded  # type: ignore[attr-defined]
    return Representation(serializer)


def reading(serializer: serializers.Serializer, field: serializers.Field) -> tuple[str, Convert | None]:
    """The attribute that a field shows, and what is made of it."""
    source = ".".join(field.source_attrs) or NOTHING
    match field:
        case serializers.SerializerMethodField():
            name = str(field.method_name)
            return NOTHING, lambda serializer, instance, value: getattr(serializer, name)(instance)
        case serializers.ListSerializer():
            return source, many(field.field_name, type(field.child))
        case serializers.Serializer():
            return source, one(field.field_name, type(field), is_itself=field.source == "*")
        case PrimaryKeyRelatedField():
            return serializer.Meta.model._meta.get_field(field.source).attname, None  # type: ignore[attr-defined, union-attr]
        case _ if type(field).get_attribute is not serializers.Field.get_attribute:
            return NOTHING, by_itself(field)
        case _ if isinstance(field, SHOWN_AS_THEY_ARE):
            return source, unless_json(field)
    return source, unless_none(field)


def unless_json(field: serializers.Field) -> Convert:
    show = field.to_representation
    return lambda serializer, instance, value: value if type(value) in OF_JSON else show(value)


def unless_none(field: serializers.Field) -> Convert:
    show = field.to_representation
    return lambda serializer, instance, value: None if value is None else show(value)


def by_itself(field: serializers.Field) -> Convert:
    """For a field that looks at more of an object than one attribute."""
    return lambda serializer, instance, value: field.to_representation(field.get_attribute(instance))


def one(name: str, kind: type[serializers.Serializer], *, is_itself: bool) -> Convert:
    def convert(serializer: Any, instance: Any, value: Any) -> Any:
        shown = instance if is_itself else value
        return None if shown is None else representation(kind).of(inner(serializer, name, kind), shown)

    return convert


def many(name: str, kind: type[serializers.Serializer]) -> Convert:
    def convert(serializer: Any, instance: Any, value: Any) -> Any:
        rows = value.all() if isinstance(value, Manager) else value
        if not rows:
            return []
        show, within = representation(kind).of, inner(serializer, name, kind)
        return [show(within, row) for row in rows]

    return convert


def inner(serializer: Any, name: str, kind: type[serializers.Serializer]) -> Any:
    """The serializer of a field, made once for all the objects that the outer one shows."""
    made = serializer.__dict__.setdefault("inner", {})
    if name not in made:
        made[name] = kind(context=serializer.context)
    return made[name]
