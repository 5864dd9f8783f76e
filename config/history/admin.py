from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst

from config.backoffice import wording
from config.backoffice.base import BaseAdmin, CatalogueAdmin, ViewOnly
from config.backoffice.formats import change_url, local_time_with_offset
from config.backoffice.wording import Setting
from config.history.models import Change, view_permission


class KindFilter(admin.SimpleListFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request, model_admin):
        return [(it.opts.label_lower, capfirst(it.opts.verbose_name_plural)) for it in model_admin.catalogue_admins()]

    def queryset(self, request, queryset):
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Change)
class ChangeAdmin(ViewOnly, BaseAdmin):
    """The history of the catalogue, for users who may view what was changed."""

    exported = {
        "at (UTC)": "at",
        "kind": "kind",
        "id": "object_id",
        "name": "name",
        "verb": "verb",
        "by": "by_name",
        "details": "details",
    }
    list_display = ["time", "changed_object", "action", "by_name", "detail_lines"]
    fields = ["time", "changed_object", "action", "by_name", "by", "detail_lines"]
    search_fields = ["name", "=by_name"]
    search_help_text = "Name or account"
    list_filter = [KindFilter, "verb", "at"]
    list_select_related = ["by"]
    ordering = ["-id"]

    def catalogue_admins(self):
        return [it for it in self.admin_site.base_admins() if isinstance(it, CatalogueAdmin)]

    def has_view_permission(self, request, obj=None):
        kinds = [obj.kind] if obj is not None else [it.opts.label_lower for it in self.catalogue_admins()]
        return any(request.user.has_perm(view_permission(kind)) for kind in kinds)

    has_module_permission = has_view_permission

    def get_queryset(self, request):
        return super().get_queryset(request).seen_by(request.user)

    def prepare_rows(self, request, changelist):
        """Loads the settings with one query for each kind."""
        ids = {}
        for change in changelist.result_list:
            ids.setdefault(change.kind, []).append(change.object_id)
        settings = {kind: self.settings_in(kind, objects) for kind, objects in ids.items()}
        for change in changelist.result_list:
            change.setting = settings[change.kind].get(change.object_id, Setting())

    def settings_in(self, kind, ids):
        model_admin = next((it for it in self.catalogue_admins() if it.opts.label_lower == kind), None)
        return model_admin.settings_of(ids) if model_admin else {}

    def setting(self, change):
        """The times of an object that was deleted are in UTC, because its venue is unknown."""
        if not hasattr(change, "setting"):
            settings = self.settings_in(change.kind, [change.object_id])
            change.setting = settings.get(change.object_id, Setting())
        return change.setting

    # Columns

    @admin.display(description="time", ordering="id")
    def time(self, change):
        return local_time_with_offset(change.at, self.setting(change).timezone)

    @admin.display(description="action", ordering="verb")
    def action(self, change):
        return wording.VERBS.get(change.verb, change.verb)

    @admin.display(description="object", ordering="name")
    def changed_object(self, change):
        kind = capfirst(change.model._meta.verbose_name) if change.model else change.kind
        if change.model is None or change.verb == "delete":
            return f"{kind} {change.name}"
        return format_html('{} <a href="{}">{}</a>', kind, change_url(change.model, change.object_id), change.name)

    @admin.display(description="details")
    def detail_lines(self, change):
        return format_html_join("", "{}<br>", ((line,) for line in wording.lines(change, self.setting(change))))
