from django.contrib import admin, messages
from django.http import HttpResponseRedirect
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.backoffice.base import CatalogueAdmin
from config.backoffice.filters import RelatedFilter
from config.backoffice.formats import (
    badge,
    change_url,
    event_cell,
    format_amount,
    local_time_with_zone,
    places_bar,
    two_lines,
    utc_column,
)
from config.backoffice.forms import BaseAdminForm
from config.backoffice.pages import Page
from config.backoffice.tables import amount_column, local_cell
from config.backoffice.wording import Setting
from config.values import money, percent
from events.admin import SALE_STATES
from events.models import Event
from events.warnings import warnings_of_ticket_type
from ticket_types.imports.page import MAX_UPLOAD, PERMISSIONS, ImportAdmin
from ticket_types.models import AMOUNTS, TicketType


class TicketTypeForm(BaseAdminForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.is_new:
            amounts = {name: money.plain(getattr(self.instance, name), self.instance.currency) for name in AMOUNTS}
            self.initial |= {**amounts, "tax_rate": percent.plain(self.instance.tax_rate)}

    def find_timezone(self, data):
        event = data.get("event") or self.known_event
        return event and event.venue.timezone

    @cached_property
    def known_event(self):
        """The event of the ticket type, or of the URL; None while it has to be chosen."""
        if not self.is_new:
            return self.instance.event
        pk = self.initial.get("event")
        return pk and Event.objects.select_related("venue").filter(pk=pk).first()


def sale_time(name, description):
    """A read-only field with the start or end of the sale."""

    @admin.display(description=description)
    def field(ticket_type):
        instant = getattr(ticket_type, name)
        return "-" if instant is None else local_time_with_zone(instant, ticket_type.event.venue.timezone)

    field.__name__ = f"{name}_local"
    return field


def price_cell(ticket_type):
    """What one ticket costs, and how much of it is a fee. Needs the event."""
    price = format_amount(ticket_type.price_with_fee, ticket_type.currency)
    if not ticket_type.fee:
        return price
    return two_lines(price, _("with a fee of %s") % format_amount(ticket_type.fee, ticket_type.currency))


@admin.register(TicketType)
class TicketTypeAdmin(ImportAdmin, CatalogueAdmin):
    exported = {
        "id": "id",
        "venue": "event__venue__name",
        "event": "event__name",
        "starts at (venue)": (local_cell, "event__starts_at", "event__venue__timezone"),
        "name": "name",
        "price": amount_column("price", "event__currency"),
        "fee": amount_column("fee", "event__currency"),
        "tax rate": (percent.plain, "tax_rate"),
        "currency": "event__currency",
        "quantity": "capacity",
        "reserved": "reserved",
        "fewest per booking": "min_per_booking",
        "most per booking": "max_per_booking",
        "sales start at (UTC)": "sales_start_at",
        "sales end at (UTC)": "sales_end_at",
        "names required": "is_name_required",
        "position": "position",
        "description": "description",
    }
    form = TicketTypeForm
    list_display = ["name", "event_column", "price_in_currency", "places", "state"]
    list_filter = ["event__status", ("event", RelatedFilter), ("event__venue", RelatedFilter)]
    search_fields = ["name", "event__name", "event__venue__name"]
    search_help_text = gettext_lazy("Ticket type, event or venue")
    ordering = ["-event__starts_at", "event", "position", "id"]
    autocomplete_fields = ["event"]
    times = [utc_column("created_at"), utc_column("updated_at")]
    readonly_fields = [
        "event_starts",
        "price_in_currency",
        "tax_rate_in_percent",
        "currency",
        "places",
        "state",
        *times,
    ]
    bookings = "booking_items"
    pages = [Page("import_catalogue", gettext_lazy("Import"), PERMISSIONS, position=70, max_upload=MAX_UPLOAD)]

    def get_readonly_fields(self, request, obj=None):
        return [*(["event"] if obj else []), *self.readonly_fields]  # bookings belong to the event as well

    def get_fieldsets(self, request, obj=None):
        limits = ["capacity", "min_per_booking", "max_per_booking"]
        sale = ["sales_start_at", "sales_end_at"]
        limits.append("is_name_required")
        if obj is None:
            return [
                (None, {"fields": ["event", "name", "description", "price", "fee", "tax_rate", "position"]}),
                (_("Sale"), {"fields": [*limits, *sale]}),
            ]
        price = [("price", "currency"), "fee", "tax_rate"]
        if not self.has_change_permission(request, obj):
            price = ["price_in_currency", "tax_rate_in_percent"]
            sale = [sale_time(sale[0], _("sales start")), sale_time(sale[1], _("sales end"))]
        return [
            (_("Overview"), {"fields": ["state", "places"]}),
            (_("Ticket type"), {"fields": [("event", "event_starts"), "name", "description", *price, "position"]}),
            (_("Sale"), {"fields": [*limits, *sale]}),
            (_("Record"), {"fields": self.times}),
        ]

    def get_queryset(self, request):
        return super().get_queryset(request).with_held().select_related("event__venue")

    def settings_of(self, ids):
        rows = TicketType.objects.filter(pk__in=ids).values_list("pk", "event__venue__timezone", "event__currency")
        return {pk: Setting(timezone, currency) for pk, timezone, currency in rows}

    def create(self, request, **data):
        return TicketType.offer(**data, by=request.user)

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        texts = [entry["detail"] for entry in warnings_of_ticket_type(obj)]
        self.show_messages(request, texts, messages.WARNING)

    def response_post_save_add(self, request, obj):
        """To the page of the event, which shows all of its ticket types."""
        return HttpResponseRedirect(change_url(Event, obj.event_id))

    response_post_save_change = response_post_save_add

    @admin.display(description=gettext_lazy("event"), ordering="event__starts_at")
    def event_column(self, ticket_type):
        return event_cell(ticket_type.event)

    @admin.display(description=gettext_lazy("event starts"))
    def event_starts(self, ticket_type):
        return local_time_with_zone(ticket_type.event.starts_at, ticket_type.event.venue.timezone)

    @admin.display(description=gettext_lazy("price"), ordering="price")
    def price_in_currency(self, ticket_type):
        return price_cell(ticket_type)

    @admin.display(description=gettext_lazy("tax rate"))
    def tax_rate_in_percent(self, ticket_type):
        return f"{percent.plain(ticket_type.tax_rate)} %"

    @admin.display(description=gettext_lazy("places reserved"), ordering="reserved")
    def places(self, ticket_type):
        return places_bar(ticket_type)

    @admin.display(description=gettext_lazy("state"))
    def state(self, ticket_type):
        state = ticket_type.status_at(timezone.now())
        return badge(state, SALE_STATES[state])
