"""The query string of a list: what it may hold is declared, and everything else is refused by name."""

import re
from collections.abc import Iterable
from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ValidationError
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request
from rest_framework.views import APIView

from config.api.fields import GREATEST_ID, INSTANT_SCHEMA, InstantField
from config.problems import InvalidInput
from config.values import text

MAX_TERMS = 10
MAX_SEARCHED = 200
MAX_IN_LINE = 254


def parameter_error(name: str, code: str, detail: str) -> dict[str, str]:
    return {"parameter": name, "code": code, "detail": detail}


class DeclaredFilterBackend(DjangoFilterBackend):
    """Raises InvalidInput with the names of the parameters."""

    def filter_queryset(self, request: Any, queryset: QuerySet, view: APIView) -> QuerySet:
        filterset_class = self.get_filterset_class(view, queryset)
        if filterset_class is None or not has_filters(filterset_class, request):
            return queryset  # making a filterset copies all of its filters
        filterset: Any = self.get_filterset(request, queryset, view)
        if not filterset.is_valid():
            raise InvalidInput(
                errors=[
                    parameter_error(name, (entry.code or "invalid").replace("_", "-"), " ".join(entry.messages))
                    for name, entries in filterset.errors.as_data().items()
                    for entry in entries
                ]
            )
        return filterset.qs


def has_filters(filterset_class: Any, request: Any) -> bool:
    """Whether the query has one of the filters, or must have one."""
    filters = filterset_class.base_filters
    return any(name in request.query_params or it.extra.get("required") for name, it in filters.items())


class DeclaredOrdering(OrderingFilter):
    """`?ordering=` over the view's `ordering_fields`, with the primary key last."""

    ordering_param = "ordering"

    def get_ordering(self, request: Request, queryset: Any, view: APIView) -> tuple[str, ...]:
        asked = request.query_params.get(self.ordering_param)
        names = asked.split(",") if asked is not None else list(view.ordering)  # type: ignore[attr-defined]
        fields = [name.removeprefix("-") for name in names]
        allowed = view.ordering_fields  # type: ignore[attr-defined]
        if asked is not None and not set(fields) <= set(allowed):
            detail = f"Must be some of {', '.join(allowed)}, separated by commas; a - before a name reverses it."
            raise InvalidInput(errors=[parameter_error("ordering", "invalid", detail)])
        first = {name.removeprefix("-"): name for name in reversed(names)}  # a repeated name changes nothing
        names = [name for name in dict.fromkeys(names) if first[name.removeprefix("-")] == name]
        columns = view.ordering_columns  # type: ignore[attr-defined]
        names = [name.replace(bare, columns.get(bare, bare)) for name in names if (bare := name.removeprefix("-"))]
        sign = "-" if names[-1].startswith("-") else ""
        return (*names, f"{sign}pk")

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        if not getattr(view, "ordering_fields", ()):
            return []
        return [
            {
                "name": self.ordering_param,
                "in": "query",
                "required": False,
                "description": "Fields to sort by, separated by commas; a - before a name reverses it.",
                "schema": {"type": "string", "pattern": names_pattern(view.ordering_fields, sign="-?")},
            }
        ]


def names_pattern(names: Iterable[str], sign: str = "") -> str:
    """Names separated by commas. Not an array, which generated clients serialize in different ways."""
    name = f"{sign}({'|'.join(names)})"
    return f"^{name}(,{name})*$"


class WholeNumberField(forms.IntegerField):
    def to_python(self, value: Any) -> int | None:
        if value is not None and not (re.fullmatch(r"0|[1-9]\d{0,18}", value, re.ASCII) and int(value) <= GREATEST_ID):
            raise forms.ValidationError(f"Must be a whole number from 0 to {GREATEST_ID}.", code="invalid")
        return super().to_python(value)


@extend_schema_field({"type": "integer", "minimum": 0, "maximum": GREATEST_ID})
class WholeNumberFilter(django_filters.NumberFilter):
    field_class = WholeNumberField  # type: ignore[assignment]

    def get_max_validator(self) -> None:
        return None


class InstantFormField(forms.CharField):
    reader: type[InstantField] = InstantField

    def clean(self, value: Any) -> Any:
        if value is None:
            return None
        try:
            # A plus sign in a query string is decoded as a space.
            return self.reader().run_validation(value.replace(" ", "+"))
        except ValidationError as error:
            raise forms.ValidationError([str(entry) for entry in error.detail], code="invalid") from None


@extend_schema_field(INSTANT_SCHEMA)
class InstantFilter(django_filters.Filter):
    field_class = InstantFormField


class SwitchField(forms.Field):
    widget = forms.TextInput

    def to_python(self, value: Any) -> bool | None:
        if value is None:
            return None
        if value not in ("true", "false"):
            raise forms.ValidationError("Must be true or false.", code="invalid")
        return value == "true"


@extend_schema_field({"type": "boolean"})
class SwitchFilter(django_filters.Filter):
    field_class = SwitchField


class UUIDField(forms.UUIDField):
    def to_python(self, value: Any) -> Any:
        if value is not None and not text.UUID.fullmatch(value):
            raise forms.ValidationError("Must be a UUID.", code="invalid")
        return super().to_python(value)


class UUIDFilter(django_filters.UUIDFilter):
    field_class = UUIDField


class ChoiceField(django_filters.fields.ChoiceField):
    def to_python(self, value: Any) -> str:
        if value == "":
            raise forms.ValidationError("Must be one of the choices.", code="invalid")
        return super().to_python(value)


class ChoiceFilter(django_filters.ChoiceFilter):
    field_class = ChoiceField


class LineField(forms.CharField):
    def to_python(self, value: Any) -> str | None:
        if value is not None and not text.normalise(value):
            raise forms.ValidationError("Must not be empty.", code="invalid")
        return super().to_python(value and value.strip(text.TRIMMED))


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": MAX_IN_LINE, "pattern": text.pattern()})
class LineFilter(django_filters.CharFilter):
    field_class = LineField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        validators = [text.validate_line]
        super().__init__(*args, strip=False, max_length=MAX_IN_LINE, validators=validators, **kwargs)


class SearchField(forms.CharField):
    def to_python(self, value: Any) -> str | None:
        return super().to_python(value and value.strip(text.TRIMMED))


@extend_schema_field({"type": "string", "maxLength": MAX_SEARCHED, "pattern": text.words(MAX_TERMS)})
class SearchFilter(django_filters.CharFilter):
    """Each word must occur in one of the fields, case-insensitively."""

    field_class = SearchField

    def __init__(self, *fields: str, to_many: bool = False) -> None:
        """`to_many` avoids duplicates when a field is of a to-many relation."""
        help_text = f"Up to {MAX_TERMS} words; all must occur."
        validators = [text.validate_line]
        super().__init__(strip=False, max_length=MAX_SEARCHED, validators=validators, help_text=help_text)
        self.fields = fields
        self.to_many = to_many

    def filter(self, queryset: QuerySet, value: str) -> QuerySet:
        terms = text.normalise(value or "").split()
        if len(terms) > MAX_TERMS:
            raise InvalidInput(errors=[parameter_error("search", "invalid", f"Must have at most {MAX_TERMS} words.")])
        return self.search(queryset, terms) if terms else queryset

    def search(self, queryset: QuerySet, terms: list[str]) -> QuerySet:
        for term in terms:
            anywhere = Q()
            for field in self.fields:
                anywhere |= Q(**{f"{field}__icontains": term})
            if self.to_many:
                anywhere = Q(pk__in=queryset.model._default_manager.filter(anywhere).values("pk"))
            queryset = queryset.filter(anywhere)
        return queryset
