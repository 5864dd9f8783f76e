"""Lists of what belongs to bookings: items, tickets, history."""

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.admin.door import DoorAdmin
from bookings.admin.labels import SEARCH_HELP, STATES, TICKET_STATES, change_details, tax_text, verb_label
from bookings.codes import TICKET_CODE, typed
from bookings.models import Booking, BookingChange, BookingItem, Ticket
from config.backoffice.base import BaseAdmin, ViewOnly
from config.backoffice.filters import RelatedFilter
from config.backoffice.formats import (
    badge,
    event_cell,
    format_amount,
    local_time,
    local_time_with_offset,
    local_time_with_zone,
    utc_column,
)
from config.backoffice.tables import amount_column, local_cell
from config.values import percent
from events.models import Event

OF_BOOKING = {
    "booking": "booking__confirmation_code",
    "venue": "booking__event__venue__name",
    "event": "booking__event__name",
    "starts at (venue)": (local_cell, "booking__event__starts_at", "booking__event__venue__timezone"),
    "customer": "booking__customer_name",
    "e-mail": "booking__customer_email",
}


class OfBookingAdmin(ViewOnly, BaseAdmin):
    """Searches by the booking: its e-mail address and payments find nothing for users who may not view it."""

    search_fields = ["booking__confirmation_code"]  # turns the search on; `matching` does it
    search_help_text = SEARCH_HELP
    sortable_by = ()  # there are no indexes for other orders
    ordering = ["-id"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("booking__event__venue")

    def get_search_results(self, request, queryset, search_term):
        words = search_term.strip()
        is_shown = request.user.has_perm("bookings.view_booking")
        bookings = Booking.objects.matching(words, is_shown=is_shown)
        return queryset.filter(booking__in=bookings) if words else queryset, False

    @admin.display(description=gettext_lazy("event"))
    def event_column(self, obj):
        return event_cell(obj.booking.event)


class BookingPermissionAdmin(OfBookingAdmin):
    """For users who may view bookings."""

    def has_view_permission(self, request, obj=None):
        return request.user.has_perm("bookings.view_booking")

    has_module_permission = has_view_permission


@admin.register(BookingItem)
class BookingItemAdmin(BookingPermissionAdmin):
    exported = {
        **OF_BOOKING,
        "state": "booking__status",
        "ticket type": "name",
        "unit price": amount_column("unit_price", "booking__currency"),
        "unit fee": amount_column("unit_fee", "booking__currency"),
        "tax rate": (percent.plain, "tax_rate"),
        "places": "quantity",
        "places cancelled": "cancelled_quantity",
        "total": amount_column("total_price", "booking__currency"),
        "tax": amount_column("tax", "booking__currency"),
        "currency": "booking__currency",
        "booked at (UTC)": "booking__created_at",
    }
    figures = ["unit_price_in_currency", "unit_fee_in_currency", "quantity", "cancelled_quantity", "total", "tax_cell"]
    list_display = ["booking", "event_column", "name", *figures]
    list_filter = [("ticket_type__event", RelatedFilter)]
    fields = ["booking", "event_column", "ticket_type", "name", *figures]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("ticket_type")

    @admin.display(description=gettext_lazy("unit price"))
    def unit_price_in_currency(self, item):
        return format_amount(item.unit_price, item.currency)

    @admin.display(description=gettext_lazy("unit fee"))
    def unit_fee_in_currency(self, item):
        return format_amount(item.unit_fee, item.currency)

    @admin.display(description=gettext_lazy("total"))
    def total(self, item):
        return format_amount(item.total_price, item.currency)

    @admin.display(description=gettext_lazy("tax"))
    def tax_cell(self, item):
        return tax_text(item.tax, item.tax_rate, item.currency)


def admission_text(ticket):
    """Who is let in where."""
    event = ticket.booking.event
    return f"{ticket.holder}, {ticket.ticket_type.name}: {event_choice(event)}"


def event_choice(event):
    return f"{event.name}, {local_time_with_zone(event.starts_at, event.venue.timezone)}"


class CheckInForm(forms.Form):
    event = forms.ModelChoiceField(None, label=gettext_lazy("Event at the door"), empty_label=None)

    def __init__(self, events, data=None):
        super().__init__(data)
        self.fields["event"].queryset = events.order_by("starts_at", "pk")
        self.fields["event"].label_from_instance = event_choice


@admin.register(Ticket)
class TicketAdmin(DoorAdmin, OfBookingAdmin):
    exported = {
        "code": "code",
        "status": "status",
        **OF_BOOKING,
        "holder": "holder_name",
        "holder's e-mail": "holder_email",
        "ticket type": "ticket_type__name",
        "issued at (UTC)": "created_at",
        "checked in at (UTC)": "checked_in_at",
    }
    list_display = ["code", "state", "holder", "type_name", "event_column", "booking", "checked_in"]
    fields = [*list_display[:-1], utc_column("created_at"), "checked_in"]
    search_help_text = gettext_lazy(
        "Ticket code, or its booking: confirmation code, e-mail address, start of a name or surname, event or venue"
    )
    list_filter = ["status", ("ticket_type__event", RelatedFilter)]
    actions = ["check_in", "undo_check_in"]
    position = 50

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("ticket_type")

    def get_exported(self, request):
        is_shown = request.user.has_perm("bookings.view_booking")
        hidden = () if is_shown else ("e-mail", "holder's e-mail")
        return {title: column for title, column in self.exported.items() if title not in hidden}

    def get_search_results(self, request, queryset, search_term):
        code = typed(search_term)
        if TICKET_CODE.fullmatch(code):
            return queryset.filter(code=code), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description=gettext_lazy("state"))
    def state(self, ticket):
        return badge(ticket.status, TICKET_STATES.get(ticket.status, ticket.status))

    @admin.display(description=gettext_lazy("holder"))
    def holder(self, ticket):
        return ticket.holder

    @admin.display(description=gettext_lazy("ticket type"))
    def type_name(self, ticket):
        return ticket.ticket_type.name

    @admin.display(description=gettext_lazy("checked in, venue time"), empty_value="-")
    def checked_in(self, ticket):
        return ticket.checked_in_at and local_time(ticket.checked_in_at, ticket.booking.event.venue.timezone)

    def has_check_in_permission(self, request):
        return request.user.has_perm("bookings.check_in_ticket")

    def is_offered(self, action, ticket):
        return ticket.status == {"check_in": Ticket.Status.VALID, "undo_check_in": Ticket.Status.CHECKED_IN}[action]

    @admin.action(description=gettext_lazy("Check in…"), permissions=["check_in"])
    def check_in(self, request, queryset):
        """Asks for the event of the door first, as scanners send it; then says who was let in where."""
        events = Event.objects.filter(pk__in=queryset.order_by().values("booking__event"))
        form = CheckInForm(events.select_related("venue"), request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            title, submit = _("Check in: at which door?"), _("Check in")
            return self.confirm_page(
                request, queryset, admission_text, title=title, form=form, submit=submit, is_reversible=True
            )
        admitted = []

        def check_in(ticket):
            ticket.check_in(at=timezone.now(), event=form.cleaned_data["event"].pk, by=request.user)
            admitted.append(_("Let in: %s") % admission_text(ticket))

        response = self.run_action(request, queryset, check_in, _("Checked in"))
        self.show_messages(request, admitted, messages.INFO, _("%s more were let in."))
        return response

    @admin.action(description=gettext_lazy("Undo check-in"), permissions=["check_in"])
    def undo_check_in(self, request, queryset):
        return self.run_action(request, queryset, lambda it: it.undo_check_in(by=request.user), _("Check-in undone"))


@admin.register(BookingChange)
class BookingChangeAdmin(BookingPermissionAdmin):
    exported = {
        "at (UTC)": "at",
        "booking": "booking__confirmation_code",
        "verb": "verb",
        "by": "by_name",
        "from": "from_status",
        "to": "to_status",
        "details": "details",
    }
    list_display = ["time", "booking", "action", "by_name", "states", "detail_text"]
    fields = ["time", "booking", "action", "by_name", "by", "states", "detail_text"]
    search_help_text = gettext_lazy(
        "Account, or the booking: confirmation code, e-mail address, start of a name or surname, event or venue"
    )
    list_filter = ["to_status"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("by")

    def get_search_results(self, request, queryset, search_term):
        words = search_term.strip()
        account = get_user_model().objects.filter(username=words).first() if words else None
        if account is not None:
            return queryset.filter(by=account), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description=gettext_lazy("time"))
    def time(self, change):
        return local_time_with_offset(change.at, change.booking.event.venue.timezone)

    @admin.display(description=gettext_lazy("action"))
    def action(self, change):
        return verb_label(change.verb)

    @admin.display(description=gettext_lazy("change"))
    def states(self, change):
        before, after = (STATES.get(status, status) for status in (change.from_status, change.to_status))
        return f"{before} → {after}" if before else after

    @admin.display(description=gettext_lazy("details"))
    def detail_text(self, change):
        details = change_details(change, change.booking.event.venue.timezone)
        return ", ".join(f"{name}: {value}" for name, value in details)
