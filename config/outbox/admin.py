import json

from django.conf import settings
from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy

from config.backoffice.base import BaseAdmin, ViewOnly
from config.backoffice.filters import DayFilter
from config.backoffice.formats import office_time, two_lines
from config.outbox.models import FeedChange
from config.outbox.types import PERMISSIONS, TYPES
from config.values.timezones import zone_label


def visible_types(user):
    return [name for name, it in TYPES.items() if user.has_perm(it.permission)]


class TypeFilter(admin.SimpleListFilter):
    title = gettext_lazy("type")
    parameter_name = "type"

    def lookups(self, request, model_admin):
        return [(name, name) for name in visible_types(request.user)]

    def queryset(self, request, queryset):
        return queryset.filter(type=self.value(), position__isnull=False) if self.value() else queryset


class ObjectFilter(admin.SimpleListFilter):
    title = gettext_lazy("object")
    parameter_name = "object"

    def lookups(self, request, model_admin):
        return [(name, name.replace("_", " ")) for name, need in PERMISSIONS.items() if request.user.has_perm(need)]

    def queryset(self, request, queryset):
        return queryset.filter(object_type=self.value()) if self.value() else queryset


class ChangedFilter(DayFilter):
    title = gettext_lazy("day")
    prefix, field = "changed", "created_at"

    def between(self, queryset, start, end):
        return super().between(queryset.filter(position__isnull=False), start, end)


@admin.register(FeedChange)
class FeedChangeAdmin(ViewOnly, BaseAdmin):
    """The change feed, for users who may view it: of what they may view."""

    exported = {
        "cursor": "position",
        "id": "key",
        "type": "type",
        "object": "object_type",
        "object id": "object_id",
        "by": "by",
        "at (UTC)": "created_at",
    }
    list_display = ["cursor", "type", "changed_object", "by", "time"]
    fields = ["cursor", "key", "type", "changed_object", "by", "time", "shown"]
    list_filter = [TypeFilter, ObjectFilter, ChangedFilter]
    search_fields = ["=object_id"]  # turns the search on
    search_help_text = gettext_lazy("The id of an object: a number, a UUID, or a ticket's code")
    sortable_by = ()
    ordering = ["-id"]

    def get_queryset(self, request):
        rows, types = super().get_queryset(request), visible_types(request.user)
        return rows if len(types) == len(TYPES) else rows.filter(type__in=types)

    def get_search_results(self, request, queryset, search_term):
        words = search_term.strip()
        of_object = {"object_type__in": PERMISSIONS, "object_id": words, "position__isnull": False}
        return queryset.filter(**of_object) if words else queryset, False

    @admin.display(description=gettext_lazy("cursor"), empty_value=gettext_lazy("not published yet"))
    def cursor(self, change):
        return change.position

    @admin.display(description=gettext_lazy("object"))
    def changed_object(self, change):
        return f"{change.object_type.replace('_', ' ')} {change.object_id}"

    @admin.display(description=gettext_lazy("time"))
    def time(self, change):
        return two_lines(office_time(change.created_at), zone_label(settings.BACK_OFFICE_TIME_ZONE))

    @admin.display(description=gettext_lazy("data"), empty_value=gettext_lazy("Deleted or erased."))
    def shown(self, change):
        if change.data is None:
            return None
        return format_html("<pre>{}</pre>", json.dumps(change.data, indent=2, ensure_ascii=False))
