# mypy: no-check-untyped-defs

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst

from config.admin import CatalogueAdmin, DomainAdmin, ViewOnly, change_url, utc
from config.history.models import Change, view_permission


class KindFilter(admin.SimpleListFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request, model_admin):
        return [(model._meta.label_lower, capfirst(model._meta.verbose_name_plural)) for model in model_admin.kinds()]

    def queryset(self, request, queryset):
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Change)
class ChangeAdmin(ViewOnly, DomainAdmin):
    """What happened to the catalogue, for whoever may see what it happened to."""

    exported = {
        "at (UTC)": "at",
        "kind": "kind",
        "id": "object_id",
        "name": "name",
        "verb": "verb",
        "by": "by_name",
        "details": "details",
    }
    list_display = [utc("at"), "what", "verb", "by_name", "particulars"]
    fields = [utc("at"), "what", "verb", "by_name", "by", "particulars"]
    search_fields = ["name", "=by_name"]
    search_help_text = "Name or account"
    list_filter = [KindFilter, "verb", "at"]
    list_select_related = ["by"]
    show_full_result_count = False
    ordering = ["-id"]

    def kinds(self):
        return [model for model, page in self.admin_site._registry.items() if isinstance(page, CatalogueAdmin)]

    def has_view_permission(self, request, obj=None):
        kinds = [obj.kind] if obj is not None else [model._meta.label_lower for model in self.kinds()]
        return any(request.user.has_perm(view_permission(kind)) for kind in kinds)

    has_module_permission = has_view_permission

    def get_queryset(self, request):
        return super().get_queryset(request).seen_by(request.user)

    @admin.display(ordering="name")
    def what(self, change):
        kind = capfirst(change.model._meta.verbose_name) if change.model else change.kind
        if change.model is None or change.verb == "delete":
            return f"{kind} {change.name}"
        return format_html('{} <a href="{}">{}</a>', kind, change_url(change.model, change.object_id), change.name)

    @admin.display(description="details")
    def particulars(self, change):
        return format_html_join("", "{}<br>", ((line,) for line in change.lines()))
