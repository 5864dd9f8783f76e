"""Times as the clocks of a place show them: typed and shown so, and asked about where the clocks are changed."""

# mypy: no-check-untyped-defs

import datetime as dt
import re
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.values.timezones import letters, offset, readings

TYPED = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?([+-]\d\d:\d\d(?::\d\d)?)?")
YEARS = range(1900, 2200)  # in which clocks can be converted; the model says what an event may have


def first_instant(day, zone):
    """Of a day in a zone. Where the clocks skip midnight, it is the instant at which they do."""
    return dt.datetime.combine(day, dt.time(), ZoneInfo(zone)).astimezone(dt.UTC)


def office_day(at):
    """The day that it is in the office at an instant."""
    return at.astimezone(ZoneInfo(settings.BACK_OFFICE_TIME_ZONE)).date()


def on_the_clock(value):
    """What a clock shows, to the second."""
    return value.replace(tzinfo=None, microsecond=0, fold=0)


def described(reading):
    """`02:30 (CEST, UTC+02:00)`."""
    names = dict.fromkeys((letters(reading), f"UTC{offset(reading)}"))
    return f"{reading:%H:%M} ({', '.join(names)})"


class LocalTimeInput(forms.DateTimeInput):
    """A date and a time, with the zone behind it; where the clocks show that time twice, also which of both."""

    input_type = "datetime-local"
    template_name = "admin/local_time.html"
    zone = None

    class Media:
        js = ["pages/zone.js"]

    def __init__(self, attrs=None):
        super().__init__({"class": "local-time", **(attrs or {})})

    def format_value(self, value):
        found = TYPED.fullmatch(value or "")
        return f"{found[1]}T{found[2].removesuffix(':00') if len(found[2]) > 5 else found[2]}" if found else value

    def get_context(self, name, value, attrs):
        context = super().get_context(name, value, attrs)
        found = TYPED.fullmatch(value or "")
        both = self.both(found) if found and self.zone else []
        context["timezone"] = str(self.zone) if self.zone else None
        described_by = context["widget"]["attrs"].get("aria-describedby", "")
        context["widget"]["attrs"]["aria-describedby"] = f"{described_by} zone_of_{name}".strip()
        context["readings"] = [(offset(at), described(at), offset(at) == found[3]) for at in both]
        if found and found[2].count(":") == 2 and not found[2].endswith(":00"):
            context["widget"]["attrs"]["step"] = "1"
        return context

    def both(self, found):
        try:
            at = readings(dt.datetime.fromisoformat(f"{found[1]}T{found[2]}"), self.zone)
        except (ValueError, OverflowError):
            return []
        return at if len(at) > 1 else []

    def value_from_datadict(self, data, files, name):
        value = data.get(name)
        return f"{value}{data.get(f'{name}_offset', '')}" if value else value


class LocalTimeField(forms.Field):
    """Gives what the clocks show, with the offset where that was chosen; `instant` makes an instant of it."""

    widget = LocalTimeInput
    default_error_messages = {
        "invalid": gettext_lazy("Enter a date and a time, such as 2026-12-24 19:30."),
        "skipped": gettext_lazy("There is no %(time)s in %(zone)s: the clocks are put forward. Did you mean %(near)s?"),
        "repeated": gettext_lazy("It is %(time)s twice in %(zone)s: the clocks are put back. Which one do you mean?"),
    }
    zone = None

    def __init__(self, *, input_formats=None, **kwargs):
        super().__init__(**kwargs)

    def use(self, timezone):
        self.zone = self.widget.zone = ZoneInfo(timezone) if timezone else None

    def prepare_value(self, value):
        return value.astimezone(self.zone or dt.UTC).isoformat() if isinstance(value, dt.datetime) else value

    def to_python(self, value):
        if value in self.empty_values:
            return None
        found = TYPED.fullmatch(value.strip())
        try:
            typed = dt.datetime.fromisoformat("{}T{}{}".format(*found.groups(default="")))
        except (AttributeError, ValueError):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None
        if typed.year not in YEARS:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return typed

    def has_changed(self, initial, data):
        try:
            typed = self.to_python(data)
        except forms.ValidationError:
            return True
        if initial is None or typed is None:
            return initial is not typed
        is_chosen = typed.tzinfo is not None and initial.tzinfo is not None
        return on_the_clock(typed) != on_the_clock(initial) or (is_chosen and offset(typed) != offset(initial))

    def instant(self, typed):
        """Raises ValidationError when the clocks never show that time, or when they do twice and none was chosen."""
        clock = on_the_clock(typed)
        found = readings(clock, self.zone or dt.UTC)
        if len(found) > 1 and typed.tzinfo is not None:
            found = [at for at in found if offset(at) == offset(typed)]
        if len(found) == 1:
            return found[0].astimezone(dt.UTC)
        code = "repeated" if readings(clock, self.zone) else "skipped"
        raise forms.ValidationError(self.error_messages[code], code=code, params=self.particulars(clock))

    def particulars(self, clock):
        # Read with the offset that holds after the clocks are put forward, it is an earlier time; with that of before,
        # a later one.
        both = [clock.replace(tzinfo=self.zone, fold=fold).astimezone(dt.UTC) for fold in (1, 0)]
        near = _(" or ").join(f"{at.astimezone(self.zone):%H:%M}" for at in both)
        return {"time": date_format(clock, "D j M Y, H:i"), "zone": str(self.zone), "near": near}
