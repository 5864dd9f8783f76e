"""The lists of the admin as tables to take away (CSV)."""

# mypy: no-check-untyped-defs

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone

from config.api import tables
from config.backoffice.columns import list_url
from config.values import money

Column = str | tuple[Any, ...]  # a path from the row; or a function and the paths to what it is given
ROWS_AT_ONCE = 2000  # as they come from the database


def in_cell(value):
    """A value as spreadsheets understand it: an instant in UTC, without the letters that make a text of it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case dt.datetime():
            return f"{value.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}"
        case Decimal():
            return f"{value:f}"
        case dict() | list():
            return json.dumps(value, ensure_ascii=False) if value else ""
    return value


def on_the_clock(instant, zone):
    """An instant as the clocks of a venue show it."""
    return f"{instant.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def priced(price: str, currency: str) -> Column:
    """A column of amounts, whose currency has a column of its own."""
    return (money.plain, price, currency)


def table_of(queryset, columns: Mapping[str, Column]) -> Iterator[list[Any]]:
    """The rows of a queryset as cells; one statement, some thousand rows in memory, and no model instances."""
    makers: list[tuple[Callable[..., Any], list[str]]] = []
    paths: dict[str, None] = {}
    for column in columns.values():
        make, *names = column if isinstance(column, tuple) else (in_cell, column)
        paths.update(dict.fromkeys(names))
        makers.append((make, names))
    place = {name: number for number, name in enumerate(paths)}
    plan = [(make, [place[name] for name in names]) for make, names in makers]
    for row in queryset.values_list(*paths).iterator(chunk_size=ROWS_AT_ONCE):
        yield [make(*(row[number] for number in numbers)) for make, numbers in plan]


class Exporting:
    """A list that can be taken away: all of its pages, as it is filtered, searched and sorted.

    `exported` has the columns of the table, by their titles: for each the path to a value, or a function and the paths
    to what it is given. Without any there is no table.
    """

    exported: Mapping[str, Column] = {}

    def get_urls(self):
        ours = [path("export/", self.admin_site.admin_view(self.export), name=self.export_name)]
        return [*(ours if self.exported else []), *super().get_urls()]

    @property
    def export_name(self):
        return f"{self.opts.app_label}_{self.opts.model_name}_export"

    def export_url(self, request):
        """Of the table of the list that a request shows; None when there is none."""
        if not self.exported:
            return None
        url = reverse(f"admin:{self.export_name}", current_app=self.admin_site.name)
        query = request.GET.copy()
        for name in ("p", "all"):  # a table has no pages
            query.pop(name, None)
        return f"{url}?{query.urlencode()}" if query else url

    def changelist_view(self, request, extra_context=None):
        return super().changelist_view(request, {"export_url": self.export_url(request), **(extra_context or {})})

    def exported_to(self, request):
        """The columns for whoever asks."""
        return self.exported

    def with_figures(self, queryset):
        """The rows with what the columns have besides the list's own; it costs nothing where it is only looked at."""
        return queryset

    def export(self, request):
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            found = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{list_url(self.model)}?e=1")
        name = f"{self.opts.verbose_name_plural} {timezone.now():%Y-%m-%d}".replace(" ", "-")
        columns = self.exported_to(request)
        found = self.with_figures(found)
        return tables.csv_response(name, list(columns), table_of(found, columns), for_people=True)
