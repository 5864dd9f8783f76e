# mypy: no-check-untyped-defs

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst

from config.backoffice import CatalogueAdmin, DomainAdmin, Setting, ViewOnly, change_url, with_letters, wording
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
    list_display = ["when", "what", "done", "by_name", "particulars"]
    fields = ["when", "what", "done", "by_name", "by", "particulars"]
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

    def prepare(self, request, changelist):
        """One statement for each kind, of which there are few."""
        ids = {}
        for change in changelist.result_list:
            ids.setdefault(change.kind, []).append(change.object_id)
        settings = {kind: self.settings_in(kind, known) for kind, known in ids.items()}
        for change in changelist.result_list:
            change.setting = settings[change.kind].get(change.object_id, Setting())

    def settings_in(self, kind, ids):
        page = next((page for page in self.admin_site._registry.values() if page.opts.label_lower == kind), None)
        return page.settings_of(ids) if page else {}

    def setting(self, change):
        """Of what is gone nobody knows the clocks: its times are in UTC."""
        if not hasattr(change, "setting"):
            known = self.settings_in(change.kind, [change.object_id])
            change.setting = known.get(change.object_id, Setting())
        return change.setting

    # Columns

    @admin.display(description="when", ordering="id")
    def when(self, change):
        return with_letters(change.at, self.setting(change).timezone)

    @admin.display(description="action", ordering="verb")
    def done(self, change):
        return wording.VERBS.get(change.verb, change.verb)

    @admin.display(ordering="name")
    def what(self, change):
        kind = capfirst(change.model._meta.verbose_name) if change.model else change.kind
        if change.model is None or change.verb == "delete":
            return f"{kind} {change.name}"
        return format_html('{} <a href="{}">{}</a>', kind, change_url(change.model, change.object_id), change.name)

    @admin.display(description="details")
    def particulars(self, change):
        return format_html_join("", "{}<br>", ((line,) for line in wording.lines(change, self.setting(change))))
