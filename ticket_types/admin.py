# mypy: no-check-untyped-defs

from django.contrib import admin
from django.utils import timezone

from config import money
from config.admin import CatalogueAdmin, VerbForm, amount, in_two_lines, local, on_the_clock, priced, utc
from ticket_types.models import TicketType


class TicketTypeForm(VerbForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding and "price" in self.fields:
            self.initial["price"] = money.plain(self.instance.price, self.instance.currency)

    def place(self, facts):
        event = facts.get("event") or (None if self.instance._state.adding else self.instance.event)
        return event and event.venue.timezone


@admin.register(TicketType)
class TicketTypeAdmin(CatalogueAdmin):
    exported = {
        "id": "id",
        "venue": "event__venue__name",
        "event": "event__name",
        "starts at (venue)": (on_the_clock, "event__starts_at", "event__venue__timezone"),
        "name": "name",
        "price": priced("price", "event__currency"),
        "currency": "event__currency",
        "quantity": "capacity",
        "reserved": (int.__sub__, "reserved", "overdue"),
        "fewest per booking": "min_per_booking",
        "most per booking": "max_per_booking",
        "sales start at (UTC)": "sales_start_at",
        "sales end at (UTC)": "sales_end_at",
        "position": "position",
        "description": "description",
    }
    form = TicketTypeForm
    list_display = ["name", "what", "price_in_currency", "places", "availability"]
    list_filter = ["event__status", "event__venue"]
    search_fields = ["name", "event__name", "event__venue__name"]
    search_help_text = "Ticket type, event or venue"
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

    def get_readonly_fields(self, request, obj=None):
        # Bookings of the type are bookings of its event: it stays with it.
        return [*(["event"] if obj else []), *self.readonly_fields]

    def get_fieldsets(self, request, obj=None):
        limits = ["capacity", "min_per_booking", "max_per_booking"]
        window = ["sales_start_at", "sales_end_at"]
        if obj is None:
            return [
                (None, {"fields": ["event", "name", "description", "price", "position"]}),
                ("Sale", {"fields": [*limits, *window]}),
            ]
        price = ("price", "currency")
        if not self.has_change_permission(request, obj):
            price, window = "price_in_currency", map(utc, window)
        return [
            (None, {"fields": [("event", "starts_there"), "name", "description", price, "position"]}),
            ("Sale", {"fields": [*limits, *window, "places", "availability"]}),
            ("State", {"fields": self.readonly_fields[-2:]}),
        ]

    def get_queryset(self, request):
        return super().get_queryset(request).with_availability(timezone.now()).select_related("event__venue")

    def make(self, request, **facts):
        return TicketType.offer(**facts, by=request.user)

    @admin.display(description="event", ordering="event__starts_at")
    def what(self, ticket_type):
        return in_two_lines(ticket_type.event)

    @admin.display(description="event starts")
    def starts_there(self, ticket_type):
        return local(ticket_type.event.starts_at, ticket_type.event.venue.timezone)

    @admin.display(description="price", ordering="price")
    def price_in_currency(self, ticket_type):
        return amount(ticket_type.price, ticket_type.currency)

    @admin.display(description="reserved / quantity", ordering="reserved")
    def places(self, ticket_type):
        return f"{ticket_type.held} / {'any' if ticket_type.capacity is None else ticket_type.capacity}"

    @admin.display
    def availability(self, ticket_type):
        return ticket_type.status_at(timezone.now()).replace("_", " ")
