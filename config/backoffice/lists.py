"""Changelists for any number of rows: no count over all of them, and filters only by what has an index or is small."""

import re

from django.contrib import admin, messages
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.paginator import Paginator
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from config.backoffice.filters import RelatedFilter, WrongFilter, unknown_choice
from config.backoffice.formats import list_url

MAX_COUNTED = 10_000
# What the filters of Django and of this package append to the path of a field.
LOOKUPS = re.compile(r"(__id)?(__(exact|isnull|isempty|gte|lt|year|month|day))?")


class BoundedPaginator(Paginator):
    """Counts up to a bound, or to the end of the page that is shown. `is_more`: there are more rows than that."""

    page_number = 1

    @cached_property
    def bound(self):
        return max(MAX_COUNTED, self.page_number * self.per_page)

    @cached_property
    def count(self):
        # Primary keys alone, because the database would compute the annotations of each row that it counts.
        return self.object_list.order_by().values("pk")[: self.bound + 1].count()

    @property
    def is_more(self):
        return self.count > self.bound


class BoundedChangeList(ChangeList):
    def __init__(self, request, *args, **kwargs):
        self.request = request
        super().__init__(request, *args, **kwargs)
        self.list_url = list_url(self.model)
        if not self.is_popup:
            self.title = capfirst(self.opts.verbose_name_plural)

    def _get_default_ordering(self):
        # Private, but the only way for the column headings to show an ordering that depends on the request.
        return self.model_admin.get_ordering(self.request) or super()._get_default_ordering()

    def get_queryset(self, request, *args, **kwargs):
        queryset = super().get_queryset(request, *args, **kwargs)
        for spec in self.filter_specs:
            if value := unknown_choice(spec):
                raise WrongFilter(_("There is no choice “%s”.") % value)
        return queryset

    def get_results(self, request):
        super().get_results(request)
        self.result_list = list(self.result_list)
        self.model_admin.prepare_rows(request, self)

    def url_for_result(self, result):
        """The same as Django's, without resolving the name of the URL for each row."""
        return f"{self.list_url}{quote(result.pk)}/change/"


def is_lookup_offered(model_admin, lookup, request):
    """Whether a list has a filter for a parameter: other lookups could read every row, or reveal hidden values."""
    name = lookup.partition("__")[0]
    fields = {field.name: field for field in model_admin.opts.get_fields()}
    if name not in fields:
        return True  # a filter without a field; Django refuses the rest later
    if fields[name].many_to_one and lookup == f"{name}__id__exact":
        return True  # the link from an object's page to a list of what belongs to it
    paths = [model_admin.date_hierarchy] if model_admin.date_hierarchy else []
    for item in model_admin.get_list_filter(request):
        if isinstance(item, type):
            paths.append(getattr(item, "parameter_name", None))
        else:
            paths.append(item if isinstance(item, str) else item[0])
    return any(path and lookup.startswith(path) and LOOKUPS.fullmatch(lookup[len(path) :]) for path in paths)


class ListAdmin(admin.ModelAdmin):
    empty_value_display = "-"
    list_per_page = 50
    list_max_show_all = 0  # the CSV export has all rows
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each facet is a count over all rows

    @property
    def media(self):
        has_autocomplete = any(isinstance(it, tuple) and issubclass(it[1], RelatedFilter) for it in self.list_filter)
        widget = AutocompleteSelect(self.opts.pk, self.admin_site)
        return super().media + widget.media if has_autocomplete else super().media

    def get_changelist(self, request, **kwargs):
        return BoundedChangeList

    def get_changelist_instance(self, request):
        try:
            return super().get_changelist_instance(request)
        except (IncorrectLookupParameters, DisallowedModelAdminLookup) as error:
            reason = str(error) if isinstance(error, WrongFilter) else _("The list does not have this filter.")
            self.message_user(request, _("%s The list is shown without filters.") % reason, messages.ERROR)
            raise IncorrectLookupParameters from error  # Django redirects to the list without filters

    def lookup_allowed(self, lookup, value, request=None):
        return super().lookup_allowed(lookup, value, request) and is_lookup_offered(self, lookup, request)

    def get_paginator(self, request, queryset, per_page, *args, **kwargs):
        paginator = super().get_paginator(request, queryset, per_page, *args, **kwargs)
        page = request.GET.get(PAGE_VAR, "")
        paginator.page_number = int(page) if page.isdecimal() and len(page) < 10 else 1
        return paginator

    def action_checkbox(self, obj):
        """The same as Django's, without rendering a template for each row."""
        return format_html(
            '<input type="checkbox" name="{}" value="{}" class="action-select" aria-label="{}">',
            ACTION_CHECKBOX_NAME,
            obj.pk,
            _("Select this object for an action - %s") % obj,
        )

    def prepare_rows(self, request, changelist):
        """A hook to add values to the rows of the page, with one query for all of them."""
