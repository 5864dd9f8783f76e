# mypy: no-check-untyped-defs

from django.contrib import admin
from django.http import HttpResponseRedirect
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.backoffice import (
    CatalogueAdmin,
    ChosenFilter,
    Page,
    Setting,
    VerbForm,
    amount,
    badge,
    change_url,
    fill,
    in_two_lines,
    local,
    on_the_clock,
    priced,
    utc,
)
from config.values import money
from events.models import Event
from ticket_types.imports.page import PERMISSIONS, ImportPage
from ticket_types.models import TicketType

STATES = {
    "on_sale": gettext_lazy("On sale"),
    "sold_out": gettext_lazy("Sold out"),
    "not_started": gettext_lazy("On sale later"),
    "ended": gettext_lazy("Sale over"),
    "not_published": gettext_lazy("Event is a draft"),
    "cancelled": gettext_lazy("Event is cancelled"),
}


class TicketTypeForm(VerbForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding and "price" in self.fields:
            self.initial["price"] = money.plain(self.instance.price, self.instance.currency)

    def place(self, data):
        event = data.get("event") or self.known_event
        return event and event.venue.timezone

    @cached_property
    def known_event(self):
        """The type's own, or that whose page led here; None when it is still to be chosen."""
        if not self.instance._state.adding:
            return self.instance.event
        asked = self.initial.get("event")
        return asked and Event.objects.select_related("venue").filter(pk=asked).first()


def sale_time(name, description):
    """A read-only field for the beginning or the end of the sale, as the venue's clocks show it."""

    @admin.display(description=description)
    def field(ticket_type):
        instant = getattr(ticket_type, name)
        return "-" if instant is None else local(instant, ticket_type.event.venue.timezone)

    field.__name__ = f"{name}_there"
    return field


@admin.register(TicketType)
class TicketTypeAdmin(ImportPage, CatalogueAdmin):
    exported = {
        "id": "id",
        "venue": "event__venue__name",
        "event": "event__name",
        "starts at (venue)": (on_the_clock, "event__starts_at", "event__venue__timezone"),
        "name": "name",
        "price": priced("price", "event__currency"),
        "currency": "event__currency",
        "quantity": "capacity",
        "reserved": "reserved",
        "fewest per booking": "min_per_booking",
        "most per booking": "max_per_booking",
        "sales start at (UTC)": "sales_start_at",
        "sales end at (UTC)": "sales_end_at",
        "position": "position",
        "description": "description",
    }
    form = TicketTypeForm
    list_display = ["name", "what", "price_in_currency", "places", "availability"]
    list_filter = ["event__status", ("event", ChosenFilter), ("event__venue", ChosenFilter)]
    search_fields = ["name", "event__name", "event__venue__name"]
    search_help_text = gettext_lazy("Ticket type, event or venue")
    ordering = ["-event__starts_at", "event", "position", "id"]
    autocomplete_fields = ["event"]
    readonly_fields = [
        "starts_there",
        "price_in_currency",
        "currency",
        "places",
        "availability",
        utc("created_at"),
        utc("updated_at"),
    ]
    bookings = "booking_items"
    pages = [Page("import_catalogue", gettext_lazy("Import"), PERMISSIONS, position=70)]

    def get_readonly_fields(self, request, obj=None):
        # Bookings of the type are bookings of its event: it stays with it.
        return [*(["event"] if obj else []), *self.readonly_fields]

    def get_fieldsets(self, request, obj=None):
        limits = ["capacity", "min_per_booking", "max_per_booking"]
        window = ["sales_start_at", "sales_end_at"]
        if obj is None:
            return [
                (None, {"fields": ["event", "name", "description", "price", "position"]}),
                (_("Sale"), {"fields": [*limits, *window]}),
            ]
        price = ("price", "currency")
        if not self.has_change_permission(request, obj):
            price = "price_in_currency"
            names = {"sales_start_at": _("sales start"), "sales_end_at": _("sales end")}
            window = [sale_time(name, description) for name, description in names.items()]
        return [
            (_("At a glance"), {"fields": ["availability", "places"]}),
            (_("Facts"), {"fields": [("event", "starts_there"), "name", "description", price, "position"]}),
            (_("Sale"), {"fields": [*limits, *window]}),
            (_("Record"), {"fields": self.readonly_fields[-2:]}),
        ]

    def get_queryset(self, request):
        return super().get_queryset(request).with_held().select_related("event__venue")

    def settings_of(self, ids):
        rows = TicketType.objects.filter(pk__in=ids).values_list("pk", "event__venue__timezone", "event__currency")
        return {pk: Setting(timezone, currency) for pk, timezone, currency in rows}

    def make(self, request, **data):
        return TicketType.offer(**data, by=request.user)

    def response_post_save_add(self, request, obj):
        """To the event, whose page shows all of its ticket types."""
        return HttpResponseRedirect(change_url(Event, obj.event_id))

    response_post_save_change = response_post_save_add

    # Columns

    @admin.display(description=gettext_lazy("event"), ordering="event__starts_at")
    def what(self, ticket_type):
        return in_two_lines(ticket_type.event)

    @admin.display(description=gettext_lazy("event starts"))
    def starts_there(self, ticket_type):
        return local(ticket_type.event.starts_at, ticket_type.event.venue.timezone)

    @admin.display(description=gettext_lazy("price"), ordering="price")
    def price_in_currency(self, ticket_type):
        return amount(ticket_type.price, ticket_type.currency)

    @admin.display(description=gettext_lazy("places taken"), ordering="reserved")
    def places(self, ticket_type):
        return fill(ticket_type.reserved - ticket_type.held, ticket_type.held, ticket_type.capacity)

    @admin.display(description=gettext_lazy("state"))
    def availability(self, ticket_type):
        state = ticket_type.status_at(timezone.now())
        return badge(state, STATES[state])
