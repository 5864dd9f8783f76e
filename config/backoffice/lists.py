"""Lists of any number of rows: nothing is counted to its end, and what is filtered by has an index or is small."""

# mypy: no-check-untyped-defs

import datetime as dt
import re

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.paginator import Paginator
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.backoffice.columns import label_of
from config.backoffice.times import first_instant, office_day

MAX_COUNTED = 10_000
# What the filters of Django and ours put behind the path to a field.
OFFERED = re.compile(r"(__id)?(__(exact|isnull|isempty|gte|lt|year|month|day))?")


class BoundedPaginator(Paginator):
    """Counts up to a bound, or as far as the page that is looked at; `is_more` tells that there are more."""

    page_number = 1

    @cached_property
    def bound(self):
        return max(MAX_COUNTED, self.page_number * self.per_page)

    @cached_property
    def count(self):
        # Of the keys alone: what the columns show besides would be worked out for every row that is counted.
        return self.object_list.order_by().values("pk")[: self.bound + 1].count()

    @property
    def is_more(self):
        return self.count > self.bound


class List(ChangeList):
    """Lets the model's admin add to the rows of the page what one statement can tell of them all."""

    def __init__(self, request, *args, **kwargs):
        self.request = request
        super().__init__(request, *args, **kwargs)
        if not self.is_popup:
            self.title = capfirst(self.opts.verbose_name_plural)

    def _get_default_ordering(self):
        """What the heads of the columns show as well: it may depend on what is filtered by."""
        return self.model_admin.get_ordering(self.request) or super()._get_default_ordering()

    def get_queryset(self, request, *args, **kwargs):
        found = super().get_queryset(request, *args, **kwargs)
        for spec in self.filter_specs:
            if unknown := unknown_choice(spec):
                raise WrongFilter(unknown)
        return found

    def get_results(self, request):
        super().get_results(request)
        self.result_list = list(self.result_list)
        self.model_admin.prepare(request, self)


def is_offered(model_admin, lookup, request):
    """Whether a list filters by a parameter: in another way it could read every row, or tell what is not shown."""
    name = lookup.partition("__")[0]
    fields = {field.name: field for field in model_admin.opts.get_fields()}
    if name not in fields:
        return True  # that of a filter that is no field's; what is no filter's either is refused later
    if fields[name].many_to_one and lookup == f"{name}__id__exact":
        return True  # the way from a row's page to what belongs to it
    paths = [model_admin.date_hierarchy] if model_admin.date_hierarchy else []
    for it in model_admin.get_list_filter(request):
        if isinstance(it, type):
            paths.append(getattr(it, "parameter_name", None))
        else:
            paths.append(it if isinstance(it, str) else it[0])
    return any(path and lookup.startswith(path) and OFFERED.fullmatch(lookup[len(path) :]) for path in paths)


def choice_of(model_admin, field, request, name):
    """What a parameter chooses of the model that a field refers to, and a field with which to choose another."""
    chosen_by = model_admin.admin_site.get_model_admin(field.remote_field.model)
    choices = forms.ModelChoiceField(chosen_by.get_queryset(request), required=False)
    choices.label_from_instance = label_of(chosen_by)
    choices.widget = AutocompleteSelect(field, model_admin.admin_site)
    choices.widget.choices = choices.choices
    try:
        chosen = choices.clean(request.GET.get(name))
    except forms.ValidationError:
        chosen = None
    attributes = {"id": f"choose-{field.name}", "aria-label": capfirst(field.verbose_name)}
    return chosen, choices.widget.render(name, chosen and chosen.pk, attributes)


def carried(changelist, *names):
    """The other parameters of a list, for a form that sets these."""
    return [(name, value) for name, value in changelist.params.items() if name not in names]


class WrongFilter(IncorrectLookupParameters):
    """Made of what was given; says in a sentence what is wrong with it."""

    text = gettext_lazy("There is no choice “%s”.")

    def __str__(self):
        return self.text % self.args


class WrongDay(WrongFilter):
    text = gettext_lazy("There is no day “%s”: one is written such as 2026-12-24.")


def unknown_choice(spec):
    """What was given for a filter and is none of its choices; None when it is one, or nothing was given."""
    if isinstance(spec, admin.SimpleListFilter):
        given, known = [spec.value()], [value for value, _title in spec.lookup_choices]
    elif isinstance(spec, admin.ChoicesFieldListFilter):
        given, known = spec.lookup_val or [], [value for value, _title in spec.field.flatchoices]
    else:
        return spec.unknown() if isinstance(spec, ChosenFilter) else None
    return next((it for it in given if it and it not in map(str, known)), None)


class ChosenFilter(admin.FieldListFilter):
    """By one of a model's rows, which is looked for as it is in forms: there may be thousands."""

    template = "admin/filters/chosen.html"

    def __init__(self, field, request, params, model, model_admin, field_path):
        self.parameter = f"{field_path}__{field.target_field.name}__exact"
        super().__init__(field, request, params, model, model_admin, field_path)
        self.title = field.verbose_name
        self.request, self.model_admin = request, model_admin

    @cached_property
    def found(self):
        return choice_of(self.model_admin, self.field, self.request, self.parameter)

    def unknown(self):
        given = self.request.GET.get(self.parameter)
        return given if given and self.found[0] is None else None

    def has_output(self):
        return True

    def expected_parameters(self):
        return [self.parameter]

    def choices(self, changelist):
        chosen, self.select = self.found
        self.carried = carried(changelist, self.parameter)
        self.clear_url = chosen and changelist.get_query_string(remove=[self.parameter])
        return []


class DayFilter(admin.ListFilter):
    """By days of the office's zone, from one to another. `field` is an instant; `prefix` begins the parameters."""

    template = "admin/filters/days.html"
    prefix = field = ""

    def __init__(self, request, params, model, model_admin):
        super().__init__(request, params, model, model_admin)
        self.first, self.last = (self.read(params.pop(name, None)) for name in self.expected_parameters())

    def read(self, values):
        try:
            return dt.date.fromisoformat(values[-1]) if values and values[-1] else None
        except ValueError as error:
            raise WrongDay(values[-1]) from error

    def has_output(self):
        return True

    def expected_parameters(self):
        return [f"{self.prefix}_from", f"{self.prefix}_to"]

    def queryset(self, request, queryset):
        try:
            start = self.first and first_instant(self.first, settings.BACK_OFFICE_TIME_ZONE)
            end = self.last and first_instant(self.last + dt.timedelta(days=1), settings.BACK_OFFICE_TIME_ZONE)
        except OverflowError as error:
            raise WrongDay(self.last) from error
        if self.first and self.last and self.first > self.last:
            days = {"filter": self.title, "first": self.first, "last": self.last}
            text = _(
                "Nothing can be found: as %(filter)s, %(first)s to %(last)s was chosen, which ends before it begins."
            )
            messages.warning(request, text % days)
        return self.between(queryset, start, end) if start or end else queryset

    def between(self, queryset, start, end):
        bounds = {f"{self.field}__gte": start, f"{self.field}__lt": end}
        return queryset.filter(**{name: at for name, at in bounds.items() if at})

    def choices(self, changelist):
        names = self.expected_parameters()
        self.names = dict(zip(("first", "last"), names, strict=True))
        self.carried = carried(changelist, *names)
        self.zone = settings.BACK_OFFICE_TIME_ZONE
        for label, first, last in self.spans(office_day(timezone.now())):
            values = {name: day and day.isoformat() for name, day in zip(names, (first, last), strict=True)}
            yield {
                "selected": (self.first, self.last) == (first, last),
                "query_string": changelist.get_query_string(values),
                "display": label,
            }

    def spans(self, today):
        day = dt.timedelta(days=1)
        return [
            (_("Any day"), None, None),
            (_("Today"), today, today),
            (_("Yesterday"), today - day, today - day),
            (_("This week"), today - today.weekday() * day, today),
            (_("Last 30 days"), today - 29 * day, today),
        ]
