# mypy: no-check-untyped-defs

from django import forms
from django.contrib import admin, messages
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.backoffice import CatalogueAdmin, Setting, VerbForm, utc, with_letters
from config.values.text import timezones
from config.values.timezones import moved
from venues.models import Venue

MAX_EXAMPLES = 2
INSTANTS, CLOCKS = "instants", "clocks"


class ZoneInput(forms.Select):
    """The choice of a zone; below it, where that matters, what is meant for the events to come."""

    template_name = "admin/venues/zone.html"
    question = ""
    meanings = ()

    def get_context(self, name, value, attrs):
        return {**super().get_context(name, value, attrs), "question": self.question, "meanings": self.meanings}


class VenueForm(VerbForm):
    timezone = forms.ChoiceField(
        choices=lambda: [(name, name) for name in sorted(timezones())],
        initial="UTC",
        show_hidden_initial=True,
        widget=ZoneInput,
    )
    keeps_clocks = False

    def clean(self):
        cleaned = super().clean()
        zone = cleaned.get("timezone")
        if zone and "timezone" in self.changed_data and not self.instance._state.adding:
            self.ask_about_events(self.instance.timezone, zone)
        return cleaned

    def ask_about_events(self, old, new):
        """What other clocks mean for events that were planned, perhaps sold, is for a person to say."""
        events = self.instance.events.upcoming(timezone.now()).order_by("starts_at", "pk")
        shifted = [
            event
            for event in events.only("name", "starts_at", "ends_at")
            if any(moved(at, old, new) != [at] for at in (event.starts_at, event.ends_at))
        ]
        if not shifted:
            return
        meant = self.data.get("timezone_means")
        stay = [(with_letters(it.starts_at, new), it) for it in shifted[:MAX_EXAMPLES]]
        move = [
            (with_letters(at, new), it) for it in shifted[:MAX_EXAMPLES] for at in moved(it.starts_at, old, new)[:1]
        ]
        widget = self.fields["timezone"].widget
        widget.question = ngettext(
            "%(count)s event to come is in this venue. What do you mean?",
            "%(count)s events to come are in this venue. What do you mean?",
            len(shifted),
        ) % {"count": len(shifted)}
        texts = {
            INSTANTS: _("The zone was wrong: every event stays at its instant, and the clocks show another time."),
            CLOCKS: _("The clocks stay: events and the sale of their tickets move to the same times in the new zone."),
        }
        widget.meanings = [
            (value, texts[value], [self.example(event, old, then) for then, event in found], value == meant)
            for value, found in ((INSTANTS, stay), (CLOCKS, move))
        ]
        if meant not in texts:
            self.add_error("timezone", _("Say below what happens to the events to come: it is not guessed."))
        self.keeps_clocks = meant == CLOCKS

    def example(self, event, old, then):
        return f"{event.name}: {with_letters(event.starts_at, old)} \N{RIGHTWARDS ARROW} {then}"


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
    list_display = ["name", "address", "capacity", "timezone", utc("updated_at")]
    list_filter = ["timezone"]
    search_fields = ["name", "address"]
    search_help_text = "Name or address"
    bookings = "events__bookings"
    position = 60
    related = ["events"]

    def zone_of(self, venue):
        return venue.timezone

    def settings_of(self, ids):
        rows = Venue.objects.filter(pk__in=ids).values_list("pk", "timezone")
        return {pk: Setting(timezone) for pk, timezone in rows}

    def make(self, request, **facts):
        return Venue.open(**facts, by=request.user)

    def save_model(self, request, obj, form, change):
        if not (change and form.keeps_clocks):
            return super().save_model(request, obj, form, change)
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        count = obj.keep_clocks(**changes, at=timezone.now(), by=request.user)
        text = ngettext(
            "%(count)s event was moved, and starts when the clocks in %(zone)s show what they showed before.",
            "%(count)s events were moved, and start when the clocks in %(zone)s show what they showed before.",
            count,
        )
        self.message_user(request, text % {"count": count, "zone": obj.timezone}, messages.WARNING)
        return None
