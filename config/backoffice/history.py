"""The page with the history of an object."""

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied

from config.backoffice import wording
from config.backoffice.formats import local_time_with_offset

MAX_ENTRIES = 500


class PermissionFirstAdmin(admin.ModelAdmin):
    """Checks the permission before it looks for the object, so that nobody learns which ids exist."""

    def history_view(self, request, object_id, extra_context=None):
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)


class HistoryAdmin(PermissionFirstAdmin):
    object_history_template = "admin/history.html"

    def history_of(self, obj):
        """The queryset with the history of an object; None: Django's own log."""
        return

    def settings_of(self, ids):
        """The time zone and currency (`wording.Setting`) of the values in the history of some objects, by their ids."""
        return {}

    def describe_history(self, obj, entries):
        """For each entry: the entry, its time, what was done, and the details as lines."""
        setting = self.settings_of([obj.pk]).get(obj.pk, wording.Setting())
        for entry in entries:
            at = local_time_with_offset(entry.at, setting.timezone)
            yield entry, at, wording.VERBS.get(entry.verb, entry.verb), list(wording.lines(entry, setting))

    def history_view(self, request, object_id, extra_context=None):
        obj = self.get_object(request, unquote(object_id))
        entries = self.history_of(obj) if obj else None
        if entries is not None:
            latest = entries.order_by("-id")[:MAX_ENTRIES]
            extra_context = {"entries": list(self.describe_history(obj, latest)), **(extra_context or {})}
        return super().history_view(request, object_id, extra_context)
