"""The base classes of the project's admins: they write through the verbs of the models."""

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected as confirm_deletion
from django.contrib.auth import get_permission_codename
from django.db import models, transaction
from django.db.models import Count
from django.http import HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from config.backoffice.actions import ActionsAdmin
from config.backoffice.errors import DOMAIN_ERRORS, error_text
from config.backoffice.formats import choice_label, list_url
from config.backoffice.forms import BaseAdminForm, EmailField, TextField
from config.backoffice.history import HistoryAdmin
from config.backoffice.lists import ListAdmin
from config.backoffice.tables import ExportAdmin
from config.backoffice.times import LocalTimeField, LocalTimeInput
from config.history.models import Change


class ViewOnly:
    """For models that only the domain writes."""

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


class BaseAdmin(ActionsAdmin, HistoryAdmin, ExportAdmin, ListAdmin):
    """Creates objects with `create` and changes them with `revise`, which call the verbs of the model."""

    form = BaseAdminForm
    formfield_overrides = {
        models.CharField: {"form_class": TextField},
        models.TextField: {"form_class": TextField},
        models.EmailField: {"form_class": EmailField},
        models.DateTimeField: {"form_class": LocalTimeField, "widget": LocalTimeInput},
    }

    def create(self, request, **data):
        raise NotImplementedError

    def revise(self, request, obj, **changes):
        raise NotImplementedError

    def dashboard(self, request):
        """What the dashboard shows of this model: the context of its template."""
        return {}

    # The same permissions as in the API. Django alone also shows an object to users who may change but not view it.

    def has_view_permission(self, request, obj=None):
        return request.user.has_perm(f"{self.opts.app_label}.{get_permission_codename('view', self.opts)}")

    def has_change_permission(self, request, obj=None):
        return self.has_view_permission(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None):
        return self.has_view_permission(request, obj) and super().has_delete_permission(request, obj)

    # Forms

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change=change, **kwargs)
        form.domain_error = getattr(request, "domain_error", None)
        return form

    def get_changeform_initial_data(self, request):
        """Without values of the URL that cannot be ids: their fields could not be shown."""
        initial = super().get_changeform_initial_data(request)
        for name in set(self.autocomplete_fields) & set(initial):
            if not (initial[name].isdecimal() and len(initial[name]) < 19):
                del initial[name]
        return initial

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            field.show_hidden_initial = True  # tells the user's changes from those that somebody else saved meanwhile
        return field

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        field.label_from_instance = choice_label(self.admin_site.get_model_admin(db_field.remote_field.model))
        return field

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        # The private method, because the public one adds a transaction around it: the verbs own their transactions,
        # and would keep the locks of one step while they wait for those of the next.
        try:
            return self._changeform_view(request, object_id, form_url, extra_context)
        except DOMAIN_ERRORS as error:
            if request.method != "POST":
                raise
            self.message_user(request, error_text(error), messages.ERROR)
            request.domain_error = error
        # Once more: now the form shows the error, and what was typed.
        return self._changeform_view(request, object_id, form_url, extra_context)

    def render_change_form(self, request, context, *args, obj=None, **kwargs):
        if obj:
            context |= {"title": str(obj), "subtitle": None}
            context |= self.object_tools(request, obj) | self.object_context(request, obj)
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    def object_context(self, request, obj):
        """What the template of an object's page shows besides the form."""
        return {}

    def save_model(self, request, obj, form, change):
        if not change:
            with transaction.atomic():
                created = self.create(request, **form.cleaned_data)
            vars(obj).update(vars(created))
        elif form.changed_data:
            self.revise(request, obj, **{name: form.cleaned_data[name] for name in form.changed_data})

    def delete_view(self, request, object_id, extra_context=None):
        try:
            return super().delete_view(request, object_id, extra_context)
        except DOMAIN_ERRORS as error:
            self.message_user(request, _("Not deleted: %s") % error_text(error), messages.ERROR)
        return HttpResponseRedirect(list_url(self.model))


class CatalogueAdmin(BaseAdmin):
    """Venues, events and ticket types. `bookings` is the path from the model to its bookings."""

    actions = ["delete_selected"]
    bookings: str

    def history_of(self, obj):
        return Change.objects.of(obj)

    def revise(self, request, obj, **changes):
        obj.revise(**changes, by=request.user)

    def delete_model(self, request, obj):
        obj.remove(by=request.user)

    def delete_queryset(self, request, queryset):
        for obj in queryset:
            obj.remove(by=request.user)

    def get_deleted_objects(self, objs, request):
        """Counts bookings instead of listing them. Once deletion is confirmed, `remove` decides."""
        rows = self.model.objects.filter(pk__in=[obj.pk for obj in objs])
        booked = rows.annotate(booking_count=Count(self.bookings, distinct=True)).filter(booking_count__gt=0)
        protected = [
            f"{obj}: {ngettext('%s booking', '%s bookings', obj.booking_count) % obj.booking_count}" for obj in booked
        ]
        if protected:
            return [], {}, set(), [] if "post" in request.POST else protected
        to_delete, counts, _permissions, protected = super().get_deleted_objects(objs, request)
        return to_delete, counts, set(), protected  # related objects need no permission of their own, as in the API

    @admin.action(permissions=["delete"], description=gettext_lazy("Delete selected %(verbose_name_plural)s"))
    def delete_selected(self, request, queryset):
        if "post" not in request.POST:
            return confirm_deletion(self, request, queryset)

        def remove(obj):
            with transaction.atomic():
                self.log_deletions(request, [obj])
                obj.remove(by=request.user)

        return self.run_action(request, queryset, remove, _("Deleted"), is_logged=True)
