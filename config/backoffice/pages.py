"""The pages that the admin has for every model: they write through the model's verbs."""

# mypy: no-check-untyped-defs

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected as ask_to_delete
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import model_ngettext, unquote
from django.contrib.admin.views.main import PAGE_VAR
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.db.models import Count
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from config.backoffice import wording
from config.backoffice.columns import change_url, label_of, list_url, with_letters
from config.backoffice.exporting import Exporting
from config.backoffice.forms import BOUNDS, EmailField, TextField, VerbForm
from config.backoffice.lists import BoundedPaginator, ChosenFilter, List, WrongFilter, is_offered
from config.backoffice.refusals import REFUSALS, sentence
from config.backoffice.times import LocalTimeField, LocalTimeInput
from config.history.models import Change

MAX_MESSAGES = 10
MAX_LINES = 50
MAX_ENTRIES = 500  # of a history on one page


class ViewOnly:
    """For what only the domain writes."""

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@dataclass(frozen=True)
class Page:
    """A page beside a model's list; `view` is the name of its admin's method, of its path and, in part, of its URL.

    `position` is where it stands in the navigation; None: not there.
    """

    view: str
    title: Any
    permissions: tuple[str, ...]
    position: int | None = None


class FirstRows(forms.BaseInlineFormSet):
    """The first rows alone: a booking may have two thousand tickets, and a form at most a thousand fields."""

    most = 100

    def get_queryset(self):
        if not hasattr(self, "_queryset"):
            self._queryset = super().get_queryset()[: self.most]
        return self._queryset


class Rows(ViewOnly, admin.TabularInline):
    """Rows that belong to the page's object, to look at."""

    formset = FirstRows
    extra = 0
    max_num = 0
    can_delete = False
    show_change_link = True

    def get_readonly_fields(self, request, obj=None):
        return self.fields


class Discreet(admin.ModelAdmin):
    """Who may not see its objects is not told which of them there are."""

    def history_view(self, request, object_id, extra_context=None):
        if not self.has_view_or_change_permission(request):  # Django looks for the object first
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)


class PassedOver(Exception):
    """An action's verb had nothing to do; made of the reason, as `skip` would say it."""


class DomainAdmin(Exporting, Discreet):
    """Creates with `make` and changes with `revise`. Its actions are buttons on an object's page, too.

    `related` names the relations whose lists that page links to; `pages` are those beside the list. `position` is where
    the list stands in the navigation; None: not there. `page_actions` are those actions that are for one object alone.
    """

    form = VerbForm
    formfield_overrides = {
        models.CharField: {"form_class": TextField},
        models.TextField: {"form_class": TextField},
        models.EmailField: {"form_class": EmailField},
        models.DateTimeField: {"form_class": LocalTimeField, "widget": LocalTimeInput},
    }
    empty_value_display = "-"
    list_per_page = 50
    list_max_show_all = 0  # there is a table to take away
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each would be a count to its end
    object_history_template = "admin/history.html"
    related: Sequence[str] = ()
    pages: Sequence[Page] = ()
    position: int | None = None
    page_actions: Sequence[str] = ()

    def get_urls(self):
        ours = [path(f"{page.view}/", self.open(page), name=self.page_name(page.view)) for page in self.pages]
        return [*ours, *super().get_urls()]

    def open(self, page):
        """The page's view, for those who may see it."""

        def view(request, **kwargs):
            if not request.user.has_perms(page.permissions):
                raise PermissionDenied
            request.current_app = self.admin_site.name
            return getattr(self, page.view)(request, **kwargs)

        return self.admin_site.admin_view(view)

    def page_name(self, view):
        return f"{self.opts.app_label}_{self.opts.model_name}_{view}"

    def page_url(self, view):
        return reverse(f"admin:{self.page_name(view)}", current_app=self.admin_site.name)

    def navigation(self, request):
        """What the navigation leads to here, as position, title and URL."""
        if self.position is not None and self.has_view_permission(request):
            yield self.position, capfirst(self.opts.verbose_name_plural), list_url(self.model)
        for page in self.pages:
            if page.position is not None and request.user.has_perms(page.permissions):
                yield page.position, page.title, self.page_url(page.view)

    # A page is for whom the API shows the same, and its verbs ask as there. Django alone would also show an object to
    # whoever may change it.
    def has_view_permission(self, request, obj=None):
        return request.user.has_perm(f"{self.opts.app_label}.{get_permission_codename('view', self.opts)}")

    def has_change_permission(self, request, obj=None):
        return self.has_view_permission(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None):
        return self.has_view_permission(request, obj) and super().has_delete_permission(request, obj)

    def get_changelist(self, request, **kwargs):
        return List

    def get_changelist_instance(self, request):
        try:
            return super().get_changelist_instance(request)
        except (IncorrectLookupParameters, DisallowedModelAdminLookup) as error:
            why = str(error) if isinstance(error, WrongFilter) else _("The list cannot be filtered like that.")
            self.message_user(request, _("%s Nothing is filtered now.") % why, messages.ERROR)
            raise IncorrectLookupParameters from error  # the answer is the list without any filter

    def lookup_allowed(self, lookup, value, request=None):
        return super().lookup_allowed(lookup, value, request) and is_offered(self, lookup, request)

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

    def prepare(self, request, changelist):
        """Adds to the rows of a list's page what one statement tells of them all."""

    @property
    def media(self):
        chosen = [it for it in self.list_filter if isinstance(it, tuple) and issubclass(it[1], ChosenFilter)]
        widget = AutocompleteSelect(self.model._meta.pk, self.admin_site)
        return super().media + widget.media if chosen else super().media

    def make(self, request, **data):
        raise NotImplementedError

    def revise(self, request, obj, **changes):
        raise NotImplementedError

    def save_model(self, request, obj, form, change):
        if not change:
            with transaction.atomic():
                made = self.make(request, **form.cleaned_data)
            vars(obj).update(vars(made))
        elif form.changed_data:
            self.revise(request, obj, **{name: form.cleaned_data[name] for name in form.changed_data})

    # The verbs own their transactions: inside the one that Django puts around this page, they would keep the locks
    # of one step while they wait for those of the next, in an order of their own.
    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        try:
            return self._changeform_view(request, object_id, form_url, extra_context)
        except REFUSALS as error:
            if request.method != "POST":
                raise
            self.message_user(request, sentence(error), messages.ERROR)
            request.refusal = error
        # Once more: now the form is invalid, for the reason that was given, and shows what was typed.
        return self._changeform_view(request, object_id, form_url, extra_context)

    def render_change_form(self, request, context, *args, obj=None, **kwargs):
        if obj:
            context |= {"title": str(obj), "subtitle": None}
        context.update({**self.tools(request, obj), **self.panels(request, obj)} if obj else {})
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change=change, **kwargs)
        form.refusal = getattr(request, "refusal", None)
        return form

    def get_changeform_initial_data(self, request):
        """What the URL says; what cannot be the id of a row is forgotten, since its field could not be shown."""
        initial = super().get_changeform_initial_data(request)
        for name in set(self.autocomplete_fields) & set(initial):
            if not (initial[name].isdecimal() and len(initial[name]) < 19):
                del initial[name]
        return initial

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            field.error_messages |= BOUNDS
            field.show_hidden_initial = True  # tells what this person changed from what somebody else did meanwhile
        return field

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        field.label_from_instance = label_of(self.admin_site.get_model_admin(db_field.remote_field.model))
        return field

    def delete_view(self, request, object_id, extra_context=None):
        try:
            return super().delete_view(request, object_id, extra_context)
        except REFUSALS as error:
            self.message_user(request, _("Not deleted: %s") % sentence(error), messages.ERROR)
        return HttpResponseRedirect(list_url(self.model))

    def get_action_choices(self, request, *args, **kwargs):
        choices = super().get_action_choices(request, *args, **kwargs)
        is_list = "from_page" not in request.POST
        return [choice for choice in choices if not (is_list and choice[0] in self.page_actions)]

    def act(self, request, queryset, verb, done, *, skip=None, more=None, is_logged=False):
        """Calls a verb for each object. A refusal is said, and stops none of the others.

        `skip` says why an object is passed over, or None; a verb that finds it out raises PassedOver. `more` says what
        else was done, for so many objects.
        """
        count, skipped, refused = 0, [], []
        for obj in queryset:
            name = label_of(self)(obj)
            why = skip and skip(obj)
            if why:
                skipped.append(f"{name}: {why}")
                continue
            try:
                verb(obj)
            except PassedOver as error:
                skipped.append(f"{name}: {error}")
                continue
            except REFUSALS as error:
                refused.append(f"{name}: {sentence(error)}")
                continue
            count += 1
            if not is_logged:
                self.log_change(request, obj, f"{done}.")
        if count:
            text = _("%(done)s: %(count)s %(names)s%(more)s.")
            names = {"done": done, "count": count, "names": model_ngettext(self.opts, count)}
            names["more"] = more(count) if more else ""
            self.message_user(request, text % names, messages.SUCCESS)
        self.tell_each(request, skipped, messages.WARNING, _("And %s more were passed over."))
        self.tell_each(request, refused, messages.ERROR, _("And %s more were refused."))
        return self.back(request)

    def tell_each(self, request, texts, level, more):
        for text in texts[:MAX_MESSAGES]:
            self.message_user(request, text, level)
        if len(texts) > MAX_MESSAGES:
            self.message_user(request, more % (len(texts) - MAX_MESSAGES), level)

    def back(self, request):
        """To the object's own page, when its button was pressed there; None lets Django show the list."""
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if "from_page" not in request.POST or len(chosen) != 1:
            return None
        return HttpResponseRedirect(change_url(self.model, chosen[0]))

    def ask(self, request, queryset, describe, *, title, form, yes=None, is_grave=True):
        """A page that asks for what an action needs; answering it calls the action again, with `confirmed`.

        `yes` is what the button says; `is_grave` is what cannot be taken back.
        """
        more = queryset.count() - MAX_LINES
        lines = [describe(obj) for obj in queryset[:MAX_LINES]]
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "media": self.media + form.media,
            "form": form,
            "yes": yes,
            "is_grave": is_grave,
            "lines": [*lines, _("And %s more.") % more] if more > 0 else lines,
            "carried": [
                (name, value)
                for name in ("action", "select_across", "from_page", ACTION_CHECKBOX_NAME)
                for value in request.POST.getlist(name)[: None if name == ACTION_CHECKBOX_NAME else 1]
            ],
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/ask.html", context)

    def tools(self, request, obj):
        """What the object's page offers above the form: lists of what belongs to it, and its actions."""
        return {
            "related_lists": list(self.related_lists(request, obj)),
            "page_actions": [
                (name, description)
                for name, (*_ignored, description) in self.get_actions(request).items()
                if name != "delete_selected" and self.is_offered(name, obj)
            ],
            "page_actions_url": list_url(self.model),
        }

    def panels(self, request, obj):
        """What the object's page shows besides the form; its template says where."""
        return {}

    def related_lists(self, request, obj):
        for name in self.related:
            relation = obj._meta.get_field(name)
            model = relation.related_model
            if self.admin_site.get_model_admin(model).has_view_permission(request):
                query = f"{relation.field.name}__{obj._meta.pk.name}__exact={obj.pk}"
                yield capfirst(model._meta.verbose_name_plural), f"{list_url(model)}?{query}"

    def is_offered(self, action, obj):
        """Whether an action makes sense for the object as it is."""
        return True

    def history_of(self, obj):
        """The entries of an object's history, from wherever it was changed; None: what Django knows of its pages."""
        return

    def told(self, obj, entries):
        """Entries of an object's history in words: of each when it was, what was done, and the particulars as lines."""
        setting = self.settings_of([obj.pk]).get(obj.pk, wording.Setting())
        for entry in entries:
            verb = wording.VERBS.get(entry.verb, entry.verb)
            yield entry, with_letters(entry.at, setting.timezone), verb, list(wording.lines(entry, setting))

    def settings_of(self, ids):
        """Whose clocks and whose money the history of some objects means, by their ids."""
        return {}

    def history_view(self, request, object_id, extra_context=None):
        obj = self.get_object(request, unquote(object_id))
        entries = self.history_of(obj) if obj else None
        shown = {} if entries is None else {"entries": list(self.told(obj, entries.order_by("-id")[:MAX_ENTRIES]))}
        return super().history_view(request, object_id, {**shown, **(extra_context or {})})


class CatalogueAdmin(DomainAdmin):
    """Changes with the model's `revise` and deletes with its `remove`, which refuses what was ever booked.

    `bookings` is the path by which the model's bookings are reached.
    """

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
        """Bookings are counted, not listed: there may be thousands. Once it is confirmed, `remove` has the word."""
        ids = [obj.pk for obj in objs]
        counted = self.model._base_manager.filter(pk__in=ids).annotate(times_booked=Count(self.bookings, distinct=True))
        booked = {obj: obj.times_booked for obj in counted if obj.times_booked}
        if booked and "post" in request.POST:
            return [], {}, set(), []
        if booked:
            return (
                [],
                {},
                set(),
                [f"{obj}: {ngettext('%s booking', '%s bookings', count) % count}" for obj, count in booked.items()],
            )
        listed, counts, _, protected = super().get_deleted_objects(objs, request)
        return listed, counts, set(), protected  # what goes with it asks for no permission of its own, as in the API

    @admin.action(permissions=["delete"], description=gettext_lazy("Delete selected %(verbose_name_plural)s"))
    def delete_selected(self, request, queryset):
        if "post" not in request.POST:
            return ask_to_delete(self, request, queryset)

        def remove(obj):
            with transaction.atomic():
                self.log_deletions(request, [obj])
                obj.remove(by=request.user)

        return self.act(request, queryset, remove, _("Deleted"), is_logged=True)
