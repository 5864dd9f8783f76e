"""Filters of changelists."""

import datetime as dt

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.widgets import AutocompleteSelect
from django.forms.utils import flatatt
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from config.backoffice.formats import choice_label
from config.backoffice.times import day_starts_at, office_day
from config.values.timezones import zone_label


class WrongFilter(IncorrectLookupParameters):
    """A filter with a value that it does not have; made of the text for the user."""


def other_parameters(changelist, *names):
    """The parameters of a list besides some, for the hidden fields of a form that sets these."""
    return [(name, value) for name, value in changelist.params.items() if name not in names]


def autocomplete(model_admin, field, request, name):
    """The object that a parameter of the URL chooses for a foreign key, or None, and a field to choose another one."""
    related_admin = model_admin.admin_site.get_model_admin(field.remote_field.model)
    pk = request.GET.get(name, "")
    chosen = related_admin.get_object(request, pk) if pk.isdecimal() and len(pk) < 19 else None
    widget = AutocompleteSelect(field, model_admin.admin_site)
    attributes = widget.build_attrs({"id": f"choose-{field.name}", "aria-label": capfirst(field.verbose_name)})
    label = choice_label(related_admin)(chosen) if chosen else ""
    # Without the template of the widget, which would look for the object again.
    select = '<select name="{}"{}><option value="{}" selected>{}</option></select>'
    return chosen, format_html(select, name, flatatt(attributes), chosen.pk if chosen else "", label)


class RelatedFilter(admin.FieldListFilter):
    """Filters by a related object, which is chosen with autocompletion: there may be thousands."""

    template = "admin/filters/related.html"

    def __init__(self, field, request, params, model, model_admin, field_path):
        self.parameter = f"{field_path}__{field.target_field.name}__exact"
        super().__init__(field, request, params, model, model_admin, field_path)
        self.title = field.verbose_name
        self.request, self.model_admin = request, model_admin

    @cached_property
    def choice(self):
        return autocomplete(self.model_admin, self.field, self.request, self.parameter)

    def has_output(self):
        return True

    def expected_parameters(self):
        return [self.parameter]

    def choices(self, changelist):
        chosen, self.select = self.choice
        self.hidden = other_parameters(changelist, self.parameter)
        self.clear_url = chosen and changelist.get_query_string(remove=[self.parameter])
        return []


class DayFilter(admin.ListFilter):
    """Filters the datetime `field` by days of BACK_OFFICE_TIME_ZONE; the parameters begin with `prefix`."""

    template = "admin/filters/days.html"
    prefix = field = ""

    def __init__(self, request, params, model, model_admin):
        super().__init__(request, params, model, model_admin)
        self.first, self.last = (self.read_day(params.pop(name, None)) for name in self.expected_parameters())

    def read_day(self, values):
        try:
            return dt.date.fromisoformat(values[-1]) if values and values[-1] else None
        except ValueError as error:
            raise self.wrong_day(values[-1]) from error

    def wrong_day(self, value):
        return WrongFilter(_("“%s” is not a day: enter one such as 2026-12-24.") % value)

    def has_output(self):
        return True

    def expected_parameters(self):
        return [f"{self.prefix}_from", f"{self.prefix}_to"]

    def queryset(self, request, queryset):
        zone = settings.BACK_OFFICE_TIME_ZONE
        try:
            start = self.first and day_starts_at(self.first, zone)
            end = self.last and day_starts_at(self.last + dt.timedelta(days=1), zone)
        except OverflowError as error:
            raise self.wrong_day(self.last) from error
        if self.first and self.last and self.first > self.last:
            text = _("No rows: the %(filter)s %(first)s to %(last)s ends before it starts.")
            days = {"filter": self.title, "first": self.first, "last": self.last}
            messages.warning(request, text % days)
        return self.between(queryset, start, end) if start or end else queryset

    def between(self, queryset, start, end):
        bounds = {f"{self.field}__gte": start, f"{self.field}__lt": end}
        return queryset.filter(**{name: at for name, at in bounds.items() if at})

    def choices(self, changelist):
        names = self.expected_parameters()
        self.names = dict(zip(("first", "last"), names, strict=True))
        self.hidden = other_parameters(changelist, *names)
        self.zone = zone_label(settings.BACK_OFFICE_TIME_ZONE)
        for label, first, last in self.periods(office_day(timezone.now())):
            values = {name: day and day.isoformat() for name, day in zip(names, (first, last), strict=True)}
            yield {
                "selected": (self.first, self.last) == (first, last),
                "query_string": changelist.get_query_string(values),
                "display": label,
            }

    def periods(self, today):
        day = dt.timedelta(days=1)
        return [
            (_("Any day"), None, None),
            (_("Today"), today, today),
            (_("Yesterday"), today - day, today - day),
            (_("This week"), today - today.weekday() * day, today),
            (_("Last 30 days"), today - 29 * day, today),
        ]


def unknown_choice(spec):
    """The value that a filter was given and does not have; None when there is none."""
    if isinstance(spec, RelatedFilter):
        pk = spec.request.GET.get(spec.parameter)
        return pk if pk and spec.choice[0] is None else None
    if isinstance(spec, admin.SimpleListFilter):
        values, choices = [spec.value()], spec.lookup_choices
    elif isinstance(spec, admin.ChoicesFieldListFilter):
        values, choices = spec.lookup_val or [], spec.field.flatchoices
    else:
        return None
    known = [str(value) for value, _title in choices]
    return next((value for value in values if value and value not in known), None)
