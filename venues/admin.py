# mypy: no-check-untyped-defs

from django import forms
from django.contrib import admin

from config.admin import CatalogueAdmin, Setting, VerbForm, utc
from config.text import timezones
from venues.models import Venue


class VenueForm(VerbForm):
    timezone = forms.ChoiceField(
        choices=lambda: [(name, name) for name in sorted(timezones())],
        initial="UTC",
        show_hidden_initial=True,
    )


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

    def settings_of(self, ids):
        rows = Venue.objects.filter(pk__in=ids).values_list("pk", "timezone")
        return {pk: Setting(timezone) for pk, timezone in rows}

    def make(self, request, **facts):
        return Venue.open(**facts, by=request.user)
