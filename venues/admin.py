from django import forms
from django.contrib import admin, messages
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.backoffice.base import CatalogueAdmin
from config.backoffice.formats import local_time_with_offset, utc_column
from config.backoffice.forms import BaseAdminForm
from config.backoffice.wording import Setting
from config.values.text import timezones
from config.values.timezones import moved, zone_label
from venues.models import Venue

MAX_EXAMPLES = 2
INSTANTS, CLOCKS = "instants", "clocks"


class TimezoneInput(forms.Select):
    """A time zone; below it, if necessary, the question what its change means for upcoming events."""

    template_name = "admin/venues/timezone.html"
    question = ""
    meanings = ()

    def get_context(self, name, value, attrs):
        return {**super().get_context(name, value, attrs), "question": self.question, "meanings": self.meanings}


class VenueForm(BaseAdminForm):
    timezone = forms.ChoiceField(
        choices=lambda: [(name, name) for name in sorted(timezones())],
        initial="UTC",
        show_hidden_initial=True,
        widget=TimezoneInput,
    )
    keeps_local_times = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        stored, field = self.instance.timezone, self.fields.get("timezone")
        if field and stored not in timezones():
            field.choices = [(stored, zone_label(stored)), *field.choices]
            field.help_text = _(
                "This time zone is not known (any more), so times are in UTC until you choose another one."
            )

    def clean(self):
        cleaned = super().clean()
        zone = cleaned.get("timezone")
        if zone and "timezone" in self.changed_data and not self.is_new:
            self.ask_about_events(self.instance.timezone, zone)
        return cleaned

    def ask_about_events(self, old, new):
        """A new time zone either keeps the instants of upcoming events, or their local times: staff must say which."""
        upcoming = self.instance.events.upcoming(timezone.now()).order_by("starts_at", "pk")
        shifted = [
            event
            for event in upcoming.only("name", "starts_at", "ends_at")
            if any(moved(at, old, new) != [at] for at in (event.starts_at, event.ends_at))
        ]
        if not shifted:
            return
        meaning = self.data.get("timezone_means")
        self.fields["timezone"].widget.question = ngettext(
            "This venue has %(count)s upcoming event. What happens to it?",
            "This venue has %(count)s upcoming events. What happens to them?",
            len(shifted),
        ) % {"count": len(shifted)}
        self.fields["timezone"].widget.meanings = [
            (value, text, examples, value == meaning) for value, text, examples in self.meanings(shifted, old, new)
        ]
        if meaning not in (INSTANTS, CLOCKS):
            self.add_error("timezone", _("Choose below what happens to the upcoming events."))
        self.keeps_local_times = meaning == CLOCKS

    def meanings(self, events, old, new):
        def example(event, at):
            before, after = local_time_with_offset(event.starts_at, old), local_time_with_offset(at, new)
            return f"{event.name}: {before} \N{RIGHTWARDS ARROW} {after}"

        shown = events[:MAX_EXAMPLES]
        text = _("The time zone was wrong: events stay at the same instant, and their local times change.")
        yield INSTANTS, text, [example(event, event.starts_at) for event in shown]
        text = _("The local times are right: events and the sale of their tickets move to the new time zone.")
        yield CLOCKS, text, [example(event, at) for event in shown for at in moved(event.starts_at, old, new)[:1]]


@admin.register(Venue)
class VenueAdmin(CatalogueAdmin):
    exported = {
        "id": "id",
        "name": "name",
        "address": "address",
        "capacity": "capacity",
        "time zone": "timezone",
        "created at (UTC)": "created_at",
        "updated at (UTC)": "updated_at",
    }
    form = VenueForm
    fields = ["name", "address", "capacity", "timezone"]
    list_display = ["name", "address", "capacity", "timezone", utc_column("updated_at")]
    list_filter = ["timezone"]
    search_fields = ["name", "address"]
    search_help_text = "Name or address"
    bookings = "events__bookings"
    position = 60
    related = ["events"]

    def timezone_of(self, venue):
        return venue.timezone

    def settings_of(self, ids):
        rows = Venue.objects.filter(pk__in=ids).values_list("pk", "timezone")
        return {pk: Setting(timezone) for pk, timezone in rows}

    def create(self, request, **data):
        return Venue.open(**data, by=request.user)

    def save_model(self, request, obj, form, change):
        if not (change and form.keeps_local_times):
            return super().save_model(request, obj, form, change)
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        count = obj.keep_local_times(**changes, at=timezone.now(), by=request.user)
        text = ngettext(
            "%(count)s event was moved: it starts at the same local time in %(zone)s.",
            "%(count)s events were moved: they start at the same local times in %(zone)s.",
            count,
        )
        self.message_user(request, text % {"count": count, "zone": obj.timezone}, messages.WARNING)
        return None
