"""The actions of events besides publishing and cancelling."""

from django import forms
from django.contrib import admin, messages
from django.http import HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from config.api.bulk import MAX_OBJECTS
from config.backoffice.actions import ActionsAdmin, ActionSkipped
from config.backoffice.formats import change_url, event_label
from config.backoffice.forms import ReasonForm, TextField
from config.backoffice.times import LocalTimeField
from config.values.text import validate_line
from events.lifecycle.shifting import Shift
from events.models import Event
from events.warnings import find_warnings

DRAFT, PUBLISHED = Event.Status.DRAFT, Event.Status.PUBLISHED
MAX_DAYS = 366  # between the copies of a series


class TimesForm(forms.Form):
    """A form whose times are local times of an event's venue; cleaned, they are instants."""

    def __init__(self, event, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.times = [name for name, field in self.fields.items() if isinstance(field, LocalTimeField)]
        for name in self.times:
            self.fields[name].set_timezone(event.venue.timezone)

    def clean(self):
        cleaned = super().clean()
        for name in set(self.times) & set(cleaned):
            try:
                cleaned[name] = self.fields[name].to_instant(cleaned[name])
            except forms.ValidationError as error:
                self.add_error(name, error)
        return cleaned


class PostponeForm(ReasonForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"].help_text = _("Customers read it in their mail. It may be empty.")


class RescheduleForm(TimesForm, PostponeForm):
    starts_at = LocalTimeField(label=gettext_lazy("Starts at"))
    ends_at = LocalTimeField(label=gettext_lazy("Ends at"))
    field_order = ["starts_at", "ends_at", "reason"]

    def clean(self):
        cleaned = super().clean()
        if not self.errors and cleaned["ends_at"] <= cleaned["starts_at"]:
            self.add_error("ends_at", _("An event must end after it starts."))
        return cleaned


class CloneForm(TimesForm):
    starts_at = LocalTimeField(label=gettext_lazy("Starts at"))
    name = TextField(label=gettext_lazy("Name"), max_length=200, validators=[validate_line])
    count = forms.IntegerField(
        label=gettext_lazy("How many"),
        min_value=1,
        max_value=MAX_OBJECTS,
        initial=1,
        help_text=gettext_lazy("More than one makes a series, each at the same local time."),
    )
    days = forms.IntegerField(
        label=gettext_lazy("Days between them"), min_value=1, max_value=MAX_DAYS, initial=7, required=False
    )

    def starts(self, timezone):
        first, days = self.cleaned_data["starts_at"], self.cleaned_data["days"] or 1
        shifts = (Shift.of_days(number * days, timezone) for number in range(self.cleaned_data["count"]))
        return [shift.move(first) for shift in shifts]


class EventActions(ActionsAdmin):
    actions = ["pause_sales", "resume_sales", "postpone", "reschedule", "clone", "unpublish"]
    page_actions = ["reschedule", "clone"]

    def is_offered(self, action, event):
        is_live, is_published = event.status != Event.Status.CANCELLED, event.status == PUBLISHED
        offered = {
            "pause_sales": is_published and not event.is_sales_paused,
            "resume_sales": is_live and event.is_sales_paused and not event.is_postponed,
            "postpone": is_published and not event.is_postponed,
            "reschedule": is_live,
            "clone": True,
            "unpublish": is_published and not event.reserved,
        }
        return offered[action] if action in offered else super().is_offered(action, event)

    def show_warnings(self, request, *events, **options):
        find_warnings(events, others=Event.objects.all(), shows_types=True, **options)
        texts = dict.fromkeys(entry["detail"] for event in events for entry in event.warnings)
        self.show_messages(request, list(texts), messages.WARNING, _("%s more warnings."))

    @admin.action(description=gettext_lazy("Pause sales"), permissions=["change"])
    def pause_sales(self, request, queryset):
        def pause(event):
            if event.is_sales_paused:
                raise ActionSkipped(_("skipped, because its sales are paused already."))
            event.pause_sales(at=timezone.now(), by=request.user)

        return self.run_action(request, queryset, pause, _("Sales paused"))

    @admin.action(description=gettext_lazy("Resume sales"), permissions=["change"])
    def resume_sales(self, request, queryset):
        def resume(event):
            if not event.is_sales_paused:
                raise ActionSkipped(_("skipped, because its sales are not paused."))
            event.resume_sales(at=timezone.now(), by=request.user)

        return self.run_action(request, queryset, resume, _("Sales resumed"))

    @admin.action(description=gettext_lazy("Unpublish…"), permissions=["publish"])
    def unpublish(self, request, queryset):
        if "confirmed" not in request.POST:
            return self.confirm_page(
                request,
                queryset,
                event_label,
                title=_("Make drafts of events again"),
                form=forms.Form(),
                submit=_("Unpublish"),
                is_reversible=True,
            )

        def unpublish(event):
            if event.status == DRAFT:
                raise ActionSkipped(_("skipped, because it is a draft."))
            event.unpublish(at=timezone.now(), by=request.user)

        return self.run_action(request, queryset, unpublish, _("Unpublished"))

    @admin.action(description=gettext_lazy("Postpone…"), permissions=["change"])
    def postpone(self, request, queryset):
        form = PostponeForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self.confirm_page(request, queryset, self.told, title=_("Postpone events"), form=form)

        def postpone(event):
            if event.is_postponed:
                raise ActionSkipped(_("skipped, because it is postponed already."))
            event.postpone(reason=form.cleaned_data["reason"], at=timezone.now(), by=request.user)

        return self.run_action(request, queryset, postpone, _("Postponed"))

    @admin.action(description=gettext_lazy("Reschedule…"), permissions=["change"])
    def reschedule(self, request, queryset):
        event = queryset.get()
        data = request.POST if "confirmed" in request.POST else None
        form = RescheduleForm(event, data, initial={"starts_at": event.starts_at, "ends_at": event.ends_at})
        if not form.is_valid():
            return self.confirm_page(request, queryset, self.told, title=_("Reschedule an event"), form=form)

        def reschedule(event):
            event.reschedule(**form.cleaned_data, at=timezone.now(), by=request.user)
            self.show_warnings(request, event)

        return self.run_action(request, queryset, reschedule, _("Rescheduled"))

    @admin.action(description=gettext_lazy("Copy…"), permissions=["add"])
    def clone(self, request, queryset):
        event, copies = queryset.get(), []
        data = request.POST if "confirmed" in request.POST else None
        form = CloneForm(event, data, initial={"starts_at": event.starts_at, "name": event.name})
        if not form.is_valid():
            return self.confirm_page(
                request,
                queryset,
                event_label,
                title=_("Copy an event with its ticket types, as a draft"),
                form=form,
                submit=_("Copy"),
                is_reversible=True,
            )

        def clone(event):
            starts = form.starts(event.venue.timezone)
            copies.extend(event.clone(starts, name=form.cleaned_data["name"], by=request.user))
            self.show_warnings(request, *copies)

        response = self.run_action(request, queryset, clone, _("Copied"))
        if len(copies) > 1:
            self.message_user(request, _("%s drafts were made. This is the first one.") % len(copies))
        return HttpResponseRedirect(change_url(Event, copies[0].pk)) if copies else response

    def told(self, event):
        count = event.bookings.filter(status="confirmed").count()
        bookings = ngettext("%s sold booking", "%s sold bookings", count) % count
        return _("%(event)s: %(bookings)s, whose customers are told.") % {
            "event": event_label(event),
            "bookings": bookings,
        }
