"""CSV exports of the admin's lists."""

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.urls import path
from django.utils import timezone

from config.api import tables
from config.backoffice.formats import list_url
from config.backoffice.pages import PagesAdmin
from config.values import money
from config.values.timezones import find_zone

Column = str | tuple[Any, ...]  # a field path; or a function and the field paths of its arguments
CHUNK_SIZE = 2000


def cell_value(value):
    """A value as spreadsheets read it: datetimes in UTC without an offset, which would make a text of them."""
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


def local_cell(instant, zone):
    return f"{instant.astimezone(find_zone(zone)):%Y-%m-%d %H:%M}"


def amount_column(amount: str, currency: str) -> Column:
    """An amount without its currency, which has a column of its own."""
    return (money.plain, amount, currency)


def table_rows(queryset, columns: Mapping[str, Column]) -> Iterator[list[Any]]:
    """The cells of each row; one query, read in chunks, without model instances."""
    functions: list[tuple[Callable[..., Any], list[int]]] = []
    index: dict[str, int] = {}
    for column in columns.values():
        function, *names = column if isinstance(column, tuple) else (cell_value, column)
        functions.append((function, [index.setdefault(name, len(index)) for name in names]))
    for row in queryset.values_list(*index).iterator(chunk_size=CHUNK_SIZE):
        yield [function(*(row[position] for position in positions)) for function, positions in functions]


class ExportAdmin(PagesAdmin):
    """Exports all pages of a list with its filters, search and ordering.

    `exported` maps the titles of the columns to field paths, or to a function and the field paths of its arguments.
    Without any there is no export.
    """

    exported: Mapping[str, Column] = {}

    def get_urls(self):
        urls = [path("export/", self.admin_site.admin_view(self.export), name=self.page_name("export"))]
        return [*(urls if self.exported else []), *super().get_urls()]

    def export_url(self, request):
        if not self.exported:
            return None
        query = request.GET.copy()
        for name in ("p", "all"):  # pages of the list
            query.pop(name, None)
        url = self.page_url("export")
        return f"{url}?{query.urlencode()}" if query else url

    def changelist_view(self, request, extra_context=None):
        return super().changelist_view(request, {"export_url": self.export_url(request), **(extra_context or {})})

    def get_exported(self, request):
        """The columns that the user may see."""
        return self.exported

    def annotate_export(self, queryset):
        """A hook to add what only the export has, and not the list."""
        return queryset

    def export(self, request):
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            rows = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return HttpResponseRedirect(list_url(self.model, e=1))
        name = f"{self.opts.verbose_name_plural} {timezone.now():%Y-%m-%d}".replace(" ", "-")
        columns = self.get_exported(request)
        rows = table_rows(self.annotate_export(rows), columns)
        return tables.csv_response(name, list(columns), rows)
