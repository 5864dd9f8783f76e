import datetime as dt
import re
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field

from bookings.reports.movements import between, movements_of_refunds, till_of
from bookings.reports.queries import UTC, day_starts_at
from bookings.reports.rows import BY_TIME, GroupBy
from config.api.fields import INSTANT_SCHEMA, InstantField
from config.api.filters import (
    ChoiceFilter,
    InstantFormField,
    LineFilter,
    SwitchFilter,
    WholeNumberFilter,
    parameter_error,
)
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


@extend_schema_field({"type": "string", "format": "iana-time-zone", "pattern": "^[A-Za-z0-9_+/-]+$"})
class BackOfficeZoneFilter(django_filters.Filter):
    field_class = TimezoneField


class DayField(forms.Field):
    widget = forms.TextInput

    def to_python(self, value: Any) -> dt.date | None:
        if not value:
            return None
        try:
            return dt.date.fromisoformat(value if DAY.fullmatch(value) else "")
        except ValueError:
            raise forms.ValidationError("Must be a day such as 2027-06-12.", code="invalid") from None


@extend_schema_field(DAY_SCHEMA)
class DayFilter(django_filters.Filter):
    field_class = DayField


class PeriodFilter(django_filters.FilterSet):
    """From the start of a day or from a timestamp, to the end of a day or to a timestamp."""

    what = "Sold"
    timezone = TimezoneFilter(method="as_is", help_text="IANA time zone of days and months.")

    @classmethod
    def get_filters(cls) -> Any:
        # `from` cannot be the name of an attribute.
        texts = {
            "from": f"{cls.what} on or after that day or timestamp.",
            "to": f"{cls.what} on or before that day, or before that timestamp.",
        }
        period = {name: DayOrInstantFilter(method="as_is", help_text=text) for name, text in texts.items()}
        return {**super().get_filters(), **period}

    def as_is(self, queryset: QuerySet, name: str, value: Any) -> QuerySet:
        return queryset

    @property
    def period(self) -> tuple[dt.datetime | None, dt.datetime | None]:
        """Its start, and its end, which does not belong to it."""
        first, last = self.form.cleaned_data["from"], self.form.cleaned_data["to"]
        start, end = first and self.instant(first), last and self.end_of(last)
        if start and end and (start > end or (start == end and not isinstance(last, dt.datetime))):
            raise InvalidInput(errors=[parameter_error("from", "invalid", "Must not be after to.")])
        return start, end

    def end_of(self, value: dt.date) -> dt.datetime:
        return self.instant(value if isinstance(value, dt.datetime) else value + dt.timedelta(days=1))

    def instant(self, value: dt.date) -> dt.datetime:
        """A timestamp as it is; the start of a day in the requested time zone."""
        return (
            value if isinstance(value, dt.datetime) else day_starts_at(value, self.form.cleaned_data["timezone"] or UTC)
        )


class SalesFilter(PeriodFilter):
    group_by = ChoiceFilter(choices=GroupBy.choices, required=True, method="as_is", help_text="What each row shows.")
    event = WholeNumberFilter(field_name="event_id")
    venue = WholeNumberFilter(field_name="event__venue_id")
    with_cancelled = SwitchFilter(
        method="as_is", help_text="true: also what was cancelled later, so that a past month does not change any more."
    )

    def filter_queryset(self, queryset: Any) -> QuerySet:
        with_cancelled = bool(self.form.cleaned_data["with_cancelled"])
        found: Any = super().filter_queryset(queryset)
        sold: QuerySet = found.sold(*self.period, with_cancelled=with_cancelled)
        return sold


class CancellationsFilter(PeriodFilter):
    what = "Cancelled"
    group_by = ChoiceFilter(choices=BY_TIME, required=True, method="as_is", help_text="What each row shows.")
    event = WholeNumberFilter(field_name="booking__event_id")
    venue = WholeNumberFilter(field_name="booking__event__venue_id")

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        return between(super().filter_queryset(queryset), "at", *self.period)


class RefundsFilter(PeriodFilter):
    """Filters to the refunds that were paid in the period, and those that came back in it."""

    what = "Paid"
    group_by = ChoiceFilter(choices=BY_TIME, required=True, method="as_is", help_text="What each row shows.")
    event = WholeNumberFilter(field_name="payment__booking__event_id")
    venue = WholeNumberFilter(field_name="payment__booking__event__venue_id")

    def filter_queryset(self, queryset: QuerySet) -> Any:
        return movements_of_refunds(super().filter_queryset(queryset), *self.period)


class TillFilter(django_filters.FilterSet):
    """Filters to what a till shows: see `till_of`."""

    day = DayFilter(required=True, method="as_is", help_text="The day of the payments and refunds.")
    user = LineFilter(method="as_is", help_text="The user name of who took the payments and paid the refunds.")
    timezone = BackOfficeZoneFilter(
        method="as_is", help_text="IANA time zone of the day; by default that of the back office."
    )

    def as_is(self, queryset: QuerySet, name: str, value: Any) -> QuerySet:
        return queryset

    def filter_queryset(self, queryset: QuerySet) -> Any:
        data = self.form.cleaned_data
        return till_of(data["day"], timezone=data["timezone"], user=data["user"])


class AdmissionsFilter(django_filters.FilterSet):
    event = WholeNumberFilter(field_name="pk", required=True, help_text="The event.")


class OccupancyFilter(django_filters.FilterSet):
    event = WholeNumberFilter(field_name="pk")
    venue = WholeNumberFilter(field_name="venue_id")
