import datetime as dt
import re
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field

from bookings.reports.queries import UTC, day_starts_at
from bookings.reports.rows import GroupBy
from config.api.fields import INSTANT_SCHEMA, InstantField
from config.api.filters import ChoiceFilter, InstantFormField, WholeNumberFilter, parameter_error
from config.problems import InvalidInput
from config.values import text
from venues.models import Venue

ZONE = re.compile(r"[A-Za-z0-9_+/-]+")
DAY = re.compile(r"(20[0-9]{2}|2100)-[0-9]{2}-[0-9]{2}")
DAY_SCHEMA = {"type": "string", "format": "date", "pattern": f"^{DAY.pattern}$"}


class DayOrInstantReader(InstantField):
    default_error_messages = {
        "invalid": "Must be a day such as 2027-06-12, or a timestamp with an offset such as 2027-01-31T19:30:00Z."
    }


class DayOrInstantField(InstantFormField):
    reader = DayOrInstantReader

    def clean(self, value: Any) -> Any:
        if value is None or not DAY.fullmatch(value):
            return super().clean(value)
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            raise forms.ValidationError("This day does not exist.", code="invalid") from None


@extend_schema_field({"anyOf": [DAY_SCHEMA, INSTANT_SCHEMA]})
class DayOrInstantFilter(django_filters.Filter):
    field_class = DayOrInstantField


class TimezoneField(forms.Field):
    widget = forms.TextInput

    def clean(self, value: Any) -> Any:
        # The zone of a venue is accepted, even if it is not known (any more).
        is_name = value is not None and ZONE.fullmatch(value)
        if value is not None and not (is_name and Venue.objects.filter(timezone=value).exists()):
            text.validate_timezone(value)
        return value


@extend_schema_field(
    {"type": "string", "format": "iana-time-zone", "pattern": f"^{ZONE.pattern}$", "default": UTC},
)
class TimezoneFilter(django_filters.Filter):
    field_class = TimezoneField


class SalesFilter(django_filters.FilterSet):
    group_by = ChoiceFilter(choices=GroupBy.choices, required=True, method="as_is", help_text="What each row shows.")
    event = WholeNumberFilter(field_name="event_id")
    venue = WholeNumberFilter(field_name="event__venue_id")
    timezone = TimezoneFilter(method="as_is", help_text="IANA time zone of days and months.")

    @classmethod
    def get_filters(cls) -> Any:
        # `from` cannot be the name of an attribute.
        first = DayOrInstantFilter(method="by_start", help_text="Sold on or after that day or timestamp.")
        last = DayOrInstantFilter(method="by_end", help_text="Sold on or before that day, or before that timestamp.")
        return {**super().get_filters(), "from": first, "to": last}

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        data = self.form.cleaned_data
        if data["from"] is not None and data["to"] is not None:
            start, end = self.instant(data["from"]), self.end_of(data["to"])
            if start > end or (start == end and not isinstance(data["to"], dt.datetime)):
                raise InvalidInput(errors=[parameter_error("from", "invalid", "Must not be after to.")])
        return super().filter_queryset(queryset)

    def as_is(self, queryset: QuerySet, name: str, value: Any) -> QuerySet:
        return queryset

    def by_start(self, queryset: Any, name: str, value: dt.date) -> QuerySet:
        return queryset.sold(start=self.instant(value))

    def by_end(self, queryset: Any, name: str, value: dt.date) -> QuerySet:
        return queryset.sold(end=self.end_of(value))

    def end_of(self, value: dt.date) -> dt.datetime:
        return self.instant(value if isinstance(value, dt.datetime) else value + dt.timedelta(days=1))

    def instant(self, value: dt.date) -> dt.datetime:
        """A timestamp as it is; the start of a day in the requested time zone."""
        return (
            value if isinstance(value, dt.datetime) else day_starts_at(value, self.form.cleaned_data["timezone"] or UTC)
        )


class OccupancyFilter(django_filters.FilterSet):
    event = WholeNumberFilter(field_name="pk")
    venue = WholeNumberFilter(field_name="venue_id")
