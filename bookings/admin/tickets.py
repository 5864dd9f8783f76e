"""What belongs to bookings, each in a list of its own: items, tickets, history."""

# mypy: no-check-untyped-defs

from django.contrib import admin
from django.utils import timezone

from bookings.admin.exporting import OF_BOOKING, state_now
from bookings.models import BookingChange, BookingItem, Ticket
from config.admin import DomainAdmin, ViewOnly, amount, in_two_lines, priced, utc


class HistoryOfBooking(ViewOnly):
    """Whoever may see a booking may see what happened to it."""

    def has_view_permission(self, request, obj=None):
        return request.user.has_perm("bookings.view_booking")

    has_module_permission = has_view_permission

    @admin.display(description="change")
    def states(self, change):
        return f"{change.from_status} → {change.to_status}" if change.from_status else change.to_status

    @admin.display(description="details")
    def particulars(self, change):
        return ", ".join(f"{name}: {', '.join(value) if isinstance(value, list) else value}"
                         for name, value in change.details.items())  # fmt: skip


@admin.register(BookingItem)
class BookingItemAdmin(ViewOnly, DomainAdmin):
    exported = {
        **OF_BOOKING,
        "state": (state_now, "booking__status", "booking__expires_at"),
        "ticket type": "name",
        "unit price": priced("unit_price", "booking__currency"),
        "places": "quantity",
        "places cancelled": "cancelled_quantity",
        "total": priced("total_price", "booking__currency"),
        "currency": "booking__currency",
        "booked at (UTC)": "booking__created_at",
    }
    list_display = ["booking", "what", "name", "unit_price_in_currency", "quantity", "cancelled_quantity", "total"]
    fields = [
        "booking",
        "what",
        "ticket_type",
        "name",
        "unit_price_in_currency",
        "quantity",
        "cancelled_quantity",
        "total",
    ]
    search_fields = ["=booking__confirmation_code", "booking__customer_name", "booking__customer_email", "name"]
    search_help_text = "Confirmation code, customer or ticket type"
    list_filter = ["booking__created_at"]
    show_full_result_count = False
    ordering = ["-id"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("booking__event__venue", "ticket_type")

    @admin.display(description="event")
    def what(self, item):
        return in_two_lines(item.booking.event)

    @admin.display(description="unit price", ordering="unit_price")
    def unit_price_in_currency(self, item):
        return amount(item.unit_price, item.currency)

    @admin.display(ordering="total_price")
    def total(self, item):
        return amount(item.total_price, item.currency)


@admin.register(Ticket)
class TicketAdmin(ViewOnly, DomainAdmin):
    exported = {
        "code": "code",
        "status": "status",
        **OF_BOOKING,
        "ticket type": "ticket_type__name",
        "issued at (UTC)": "created_at",
        "checked in at (UTC)": "checked_in_at",
    }
    list_display = ["code", "status", "holder", "type_name", "what", "booking", utc("checked_in_at")]
    fields = ["code", "status", "holder", "type_name", "what", "booking", utc("created_at"), utc("checked_in_at")]
    search_fields = ["=code", "=booking__confirmation_code", "booking__customer_name", "booking__customer_email"]
    search_help_text = "Ticket code, confirmation code or customer"
    list_filter = ["status", "checked_in_at"]
    show_full_result_count = False
    ordering = ["-id"]
    actions = ["check_in", "undo_check_in"]
    position = 50

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("booking__event__venue", "ticket_type")

    @admin.display(ordering="booking__customer_name")
    def holder(self, ticket):
        return ticket.booking.customer_name

    @admin.display(description="ticket type", ordering="ticket_type__name")
    def type_name(self, ticket):
        return ticket.ticket_type.name

    @admin.display(description="event", ordering="booking__event__starts_at")
    def what(self, ticket):
        return in_two_lines(ticket.booking.event)

    # Actions

    def has_check_in_permission(self, request):
        return request.user.has_perm("bookings.check_in_ticket")

    def is_offered(self, action, ticket):
        return ticket.status == {"check_in": Ticket.Status.VALID, "undo_check_in": Ticket.Status.CHECKED_IN}[action]

    @admin.action(description="Check in", permissions=["check_in"])
    def check_in(self, request, queryset):
        return self.act(
            request, queryset, lambda ticket: ticket.check_in(at=timezone.now(), by=request.user), "Checked in"
        )

    @admin.action(description="Undo check-in", permissions=["check_in"])
    def undo_check_in(self, request, queryset):
        return self.act(request, queryset, lambda ticket: ticket.undo_check_in(by=request.user), "Check-in undone")


@admin.register(BookingChange)
class BookingChangeAdmin(HistoryOfBooking, DomainAdmin):
    exported = {
        "at (UTC)": "at",
        "booking": "booking__confirmation_code",
        "verb": "verb",
        "by": "by_name",
        "from": "from_status",
        "to": "to_status",
        "details": "details",
    }
    list_display = [utc("at"), "booking", "verb", "by_name", "states", "particulars"]
    fields = [utc("at"), "booking", "verb", "by_name", "by", "states", "particulars"]
    search_fields = ["=booking__confirmation_code", "booking__customer_name", "=by_name"]
    search_help_text = "Confirmation code, customer or account"
    list_filter = ["to_status", "at"]
    list_select_related = ["booking", "by"]
    show_full_result_count = False
    ordering = ["-id"]
