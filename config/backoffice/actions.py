"""Actions: for the selected rows of a list, and as buttons on the page of one object."""

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import model_ngettext
from django.http import HttpResponseRedirect
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from config.backoffice.errors import DOMAIN_ERRORS, error_text
from config.backoffice.formats import change_url, choice_label, list_url
from config.backoffice.pages import PagesAdmin

MAX_MESSAGES = 10
MAX_LINES = 50


class ActionSkipped(Exception):
    """Raised with a reason by the function of an action when there is nothing to do for an object."""


class ActionsAdmin(PagesAdmin):
    """`page_actions` are for one object alone, and not in the list. `related` are the relations whose lists an object's
    page links to.
    """

    related: tuple[str, ...] = ()
    page_actions: tuple[str, ...] = ()

    def get_action_choices(self, request, *args, **kwargs):
        choices = super().get_action_choices(request, *args, **kwargs)
        is_list = "from_page" not in request.POST
        return [choice for choice in choices if not (is_list and choice[0] in self.page_actions)]

    def is_offered(self, action, obj):
        """Whether an action makes sense in the state of an object."""
        return True

    def run_action(self, request, queryset, function, label, *, is_logged=False):
        """Calls a function with each object. An error becomes a message, and does not stop the others.

        `label` says what was done; `is_logged`: the function writes the log entry itself.
        """
        count, skipped, failed = 0, [], []
        for obj in queryset:
            name = choice_label(self)(obj)
            try:
                function(obj)
            except ActionSkipped as error:
                skipped.append(f"{name}: {error}")
            except DOMAIN_ERRORS as error:
                failed.append(f"{name}: {error_text(error)}")
            else:
                count += 1
                if not is_logged:
                    self.log_change(request, obj, f"{label}.")
        if count:
            text = f"{label}: {count} {model_ngettext(self.opts, count)}."
            self.message_user(request, text, messages.SUCCESS)
        self.show_messages(request, skipped, messages.WARNING, _("%s more were skipped."))
        self.show_messages(request, failed, messages.ERROR, _("%s more failed."))
        return self.redirect_back(request)

    def show_messages(self, request, texts, level, rest=""):
        for text in texts[:MAX_MESSAGES]:
            self.message_user(request, text, level)
        if len(texts) > MAX_MESSAGES:
            self.message_user(request, rest % (len(texts) - MAX_MESSAGES), level)

    def redirect_back(self, request):
        """To the page of the object whose button was pressed; None lets Django show the list."""
        selected = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if "from_page" not in request.POST or len(selected) != 1:
            return None
        return HttpResponseRedirect(change_url(self.model, selected[0]))

    def confirm_page(self, request, queryset, describe, *, title, form, submit=None, is_reversible=False):
        """A page that asks for confirmation and for the fields of a form; submitting it calls the action again, with
        `confirmed` in its data.
        """
        lines = [describe(obj) for obj in queryset[:MAX_LINES]]
        more = queryset.count() - MAX_LINES
        parameters = [
            (name, value)
            for name in ("action", "select_across", "from_page", ACTION_CHECKBOX_NAME)
            for value in request.POST.getlist(name)[: None if name == ACTION_CHECKBOX_NAME else 1]
        ]
        return self.render_page(
            request,
            "admin/confirm.html",
            title=title,
            media=self.media + form.media,
            form=form,
            submit=submit,
            is_reversible=is_reversible,
            lines=[*lines, _("And %s more.") % more] if more > 0 else lines,
            hidden=parameters,
        )

    def object_tools(self, request, obj):
        """The buttons and links above the form of an object's page."""
        return {
            "related_lists": list(self.related_lists(request, obj)),
            "page_actions": [
                (name, description)
                for name, (_function, _name, description) in self.get_actions(request).items()
                if name != "delete_selected" and self.is_offered(name, obj)
            ],
            "page_actions_url": list_url(self.model),
        }

    def related_lists(self, request, obj):
        for name in self.related:
            relation = obj._meta.get_field(name)
            model = relation.related_model
            if self.admin_site.get_model_admin(model).has_view_permission(request):
                parameter = f"{relation.field.name}__{obj._meta.pk.name}__exact"
                yield capfirst(model._meta.verbose_name_plural), list_url(model, **{parameter: obj.pk})
