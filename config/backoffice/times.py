"""Local times of a venue in forms, with an error where a change of the offset skips or repeats them."""

import datetime as dt
import re

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.values.timezones import find_zone, letters, offset, readings, zone_label

TYPED = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?([+-]\d\d:\d\d(?::\d\d)?)?")
YEARS = range(1900, 2200)  # that zoneinfo converts; the model has the limits of an event


def day_starts_at(day, zone):
    """The first instant of a day in a zone, also where midnight is skipped."""
    return dt.datetime.combine(day, dt.time(), find_zone(zone)).astimezone(dt.UTC)


def office_day(at):
    """The day in BACK_OFFICE_TIME_ZONE."""
    return at.astimezone(find_zone(settings.BACK_OFFICE_TIME_ZONE)).date()


def to_clock(value):
    """The time without its zone, to the second."""
    return value.replace(tzinfo=None, microsecond=0, fold=0)


def describe_choice(local):
    """`02:30 (CEST, UTC+02:00)`."""
    names = dict.fromkeys((letters(local), f"UTC{offset(local)}"))
    return f"{local:%H:%M} ({', '.join(names)})"


class LocalTimeInput(forms.DateTimeInput):
    """A date and a time with their zone, and a choice of the offset where the time occurs twice."""

    input_type = "datetime-local"
    template_name = "admin/local_time.html"
    zone = label = None

    class Media:
        js = ["pages/zone.js"]

    def __init__(self, attrs=None):
        super().__init__({"class": "local-time", **(attrs or {})})

    def format_value(self, value):
        found = TYPED.fullmatch(value or "")
        return f"{found[1]}T{found[2].removesuffix(':00') if len(found[2]) > 5 else found[2]}" if found else value

    def get_context(self, name, value, attrs):
        context = super().get_context(name, value, attrs)
        attributes = context["widget"]["attrs"]
        attributes["aria-describedby"] = f"{attributes.get('aria-describedby', '')} zone_of_{name}".strip()
        found = TYPED.fullmatch(value or "")
        if found and found[2].count(":") == 2 and not found[2].endswith(":00"):
            attributes["step"] = "1"
        choices = self.repeated_times(found) if found and self.zone else []
        context["timezone"] = self.label
        context["readings"] = [(offset(at), describe_choice(at), offset(at) == found[3]) for at in choices]
        return context

    def repeated_times(self, found):
        try:
            times = readings(dt.datetime.fromisoformat(f"{found[1]}T{found[2]}"), self.zone)
        except (ValueError, OverflowError):
            return []
        return times if len(times) > 1 else []

    def value_from_datadict(self, data, files, name):
        value = data.get(name)
        return f"{value}{data.get(f'{name}_offset', '')}" if value else value


class LocalTimeField(forms.Field):
    """Cleans to a local time, with an offset if one was chosen; `to_instant` converts it to UTC."""

    widget = LocalTimeInput
    default_error_messages = {
        "invalid": gettext_lazy("Enter a date and a time, such as 2026-12-24 19:30."),
        "skipped": gettext_lazy(
            "%(time)s does not exist in %(zone)s, because the clocks go forward. Did you mean %(near)s?"
        ),
        "repeated": gettext_lazy(
            "%(time)s occurs twice in %(zone)s, because the clocks go back. Choose one of the two below."
        ),
    }
    zone = None

    def __init__(self, *, input_formats=None, **kwargs):
        super().__init__(**kwargs)

    def set_timezone(self, timezone):
        self.zone = self.widget.zone = find_zone(timezone) if timezone else None
        self.widget.label = zone_label(timezone) if timezone else None

    def prepare_value(self, value):
        return value.astimezone(self.zone or dt.UTC).isoformat() if isinstance(value, dt.datetime) else value

    def to_python(self, value):
        if value in self.empty_values:
            return None
        found = TYPED.fullmatch(value.strip())
        try:
            typed = dt.datetime.fromisoformat("{}T{}{}".format(*found.groups(default="")))
        except (AttributeError, ValueError):
            typed = None
        if typed is None or typed.year not in YEARS:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return typed

    def has_changed(self, initial, data):
        try:
            typed = self.to_python(data)
        except forms.ValidationError:
            return True
        if initial is None or typed is None:
            return initial is not typed
        has_offset = typed.tzinfo is not None and initial.tzinfo is not None
        return to_clock(typed) != to_clock(initial) or (has_offset and offset(typed) != offset(initial))

    def to_instant(self, typed):
        """Raises ValidationError when the time does not exist, or when it occurs twice and no offset was chosen."""
        clock = to_clock(typed)
        times = readings(clock, self.zone or dt.UTC)
        chosen = times
        if len(times) > 1 and typed.tzinfo is not None:
            chosen = [at for at in times if offset(at) == offset(typed)]
        if len(chosen) == 1:
            return chosen[0].astimezone(dt.UTC)
        code = "repeated" if times else "skipped"
        raise forms.ValidationError(self.error_messages[code], code=code, params=self.error_params(clock))

    def error_params(self, clock):
        # With the offset after the change it is an earlier time, with the offset before it a later one.
        both = [clock.replace(tzinfo=self.zone, fold=fold).astimezone(dt.UTC) for fold in (1, 0)]
        near = _(" or ").join(f"{at.astimezone(self.zone):%H:%M}" for at in both)
        return {"time": f"{clock:%a %d %b %Y, %H:%M}", "zone": str(self.zone), "near": near}
