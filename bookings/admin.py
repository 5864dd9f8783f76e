# mypy: no-check-untyped-defs

from django import forms
from django.contrib import admin
from django.utils import timezone
from rest_framework import serializers

from bookings.models import Booking, BookingChange, BookingItem, Ticket
from bookings.serializers import MetadataField
from bookings.states import CANCEL_CONFIRMED, CONFIRM, EDGES, Status
from config.admin import (
    DomainAdmin,
    ReasonForm,
    Rows,
    TextField,
    VerbForm,
    ViewOnly,
    amount,
    in_one_line,
    in_two_lines,
    local,
    on_the_clock,
    priced,
    utc,
)
from config.api.errors import problem_from
from config.text import validate_line


class NotesField(TextField):
    """A booking's metadata as lines of `name: value`."""

    widget = forms.Textarea(attrs={"rows": 4, "cols": 60})

    def prepare_value(self, value):
        return "\n".join(f"{name}: {note}" for name, note in value.items()) if isinstance(value, dict) else value

    def to_python(self, value):
        if isinstance(value, dict):
            return value
        notes = {}
        for line in super().to_python(value).splitlines():
            name, _, note = (part.strip() for part in line.partition(":"))
            if name in notes:
                raise forms.ValidationError(f"The name “{name}” is given twice.")
            notes[name] = note
        try:
            return MetadataField().run_validation(notes)
        except serializers.ValidationError as error:
            raise forms.ValidationError([fault["detail"] for fault in problem_from(error).errors]) from None


# The columns of tables to take away.

OF_EVENT = {
    "venue": "event__venue__name",
    "event": "event__name",
    "starts at (venue)": (on_the_clock, "event__starts_at", "event__venue__timezone"),
}
OF_BOOKING = {
    "booking": "booking__confirmation_code",
    "venue": "booking__event__venue__name",
    "event": "booking__event__name",
    "starts at (venue)": (on_the_clock, "booking__event__starts_at", "booking__event__venue__timezone"),
    "customer": "booking__customer_name",
    "e-mail": "booking__customer_email",
}


def state_now(status, expires_at):
    return Booking(status=status, expires_at=expires_at).status_at(timezone.now())


class BookingForm(VerbForm):
    metadata = NotesField(
        label="Notes", required=False, show_hidden_initial=True, help_text="One on each line, such as “seat: aisle”."
    )


class PaymentForm(forms.Form):
    payment_reference = TextField(
        max_length=200,
        required=False,
        validators=[validate_line],
        help_text="Of the payment that was received, if there was one.",
    )


class StateFilter(admin.SimpleListFilter):
    """By the state at this moment, whether or not anything has swept the holds."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return Status.choices

    def queryset(self, request, queryset):
        return queryset.in_status(self.value(), timezone.now()) if self.value() in Status.values else queryset


class OfBooking(ViewOnly):
    """Whoever may see a booking may see what belongs to it."""

    def has_view_permission(self, request, obj=None):
        return request.user.has_perm("bookings.view_booking")

    has_module_permission = has_view_permission


class Items(OfBooking, Rows):
    model = BookingItem
    fields = ["price", "quantity", "cancelled_quantity", "total"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("booking")

    @admin.display(description="unit price")
    def price(self, item):
        return amount(item.unit_price, item.currency)

    @admin.display
    def total(self, item):
        return amount(item.total_price, item.currency)


class Tickets(OfBooking, Rows):
    model = Ticket
    fields = ["type_name", "status", utc("checked_in_at")]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("ticket_type")

    @admin.display(description="ticket type")
    def type_name(self, ticket):
        return ticket.ticket_type.name


class HistoryOfBooking(OfBooking):
    @admin.display(description="change")
    def states(self, change):
        return f"{change.from_status} → {change.to_status}" if change.from_status else change.to_status

    @admin.display(description="details")
    def particulars(self, change):
        return ", ".join(f"{name}: {', '.join(value) if isinstance(value, list) else value}"
                         for name, value in change.details.items())  # fmt: skip


class Changes(HistoryOfBooking, Rows):
    model = BookingChange
    verbose_name_plural = "history"
    fields = [utc("at"), "states", "particulars"]


@admin.register(Booking)
class BookingAdmin(DomainAdmin):
    """Bookings are placed by customers and kept for good; staff correct, confirm and cancel them."""

    exported = {
        "confirmation code": "confirmation_code",
        "id": "id",
        **OF_EVENT,
        "state": (state_now, "status", "expires_at"),
        "customer": "customer_name",
        "e-mail": "customer_email",
        "places": "quantity",
        "places cancelled": "cancelled_quantity",
        "total": priced("total_price", "currency"),
        "currency": "currency",
        "payment reference": "payment_reference",
        "refund due": "refund_due",
        "late": "is_late",
        "created at (UTC)": "created_at",
        "expires at (UTC)": "expires_at",
        "confirmed at (UTC)": "confirmed_at",
        "cancelled at (UTC)": "cancelled_at",
        "cancel reason": "cancel_reason",
        "notes": "metadata",
    }

    form = BookingForm
    list_display = [
        "confirmation_code",
        "customer_name",
        "what",
        "state",
        "places",
        "total",
        utc("created_at"),
    ]
    list_filter = [StateFilter, "refund_due", "created_at", "is_late", "event__venue"]
    list_select_related = ["event__venue"]
    search_fields = [
        "=confirmation_code",
        "customer_name",
        "customer_email",
        "=payment_reference",
        "event__name",
        "event__venue__name",
    ]
    search_help_text = "Confirmation code, customer, payment reference, event or venue"
    show_full_result_count = False
    readonly_fields = [
        "confirmation_code",
        "id",
        "event",
        "starts_there",
        "state",
        "places",
        "total",
        "payment_reference",
        "cancel_reason",
        utc("created_at"),
        utc("expires_at"),
        utc("confirmed_at"),
        utc("cancelled_at"),
    ]
    fieldsets = [
        (None, {"fields": ["confirmation_code", ("event", "starts_there"), "state", "places"]}),
        ("Customer", {"fields": ["customer_name", "customer_email", "metadata"]}),
        ("Money", {"fields": ["total", "payment_reference"]}),
        ("Times", {"fields": [*readonly_fields[-4:], "cancel_reason", "id"]}),
    ]
    inlines = [Items, Tickets, Changes]
    actions = ["confirm", "cancel", "settle_refund"]
    related = ["tickets", "changes"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("event__venue")

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def history_of(self, obj):
        return obj.changes

    def revise(self, request, obj, **changes):
        obj.correct(by=request.user, **changes)

    def save_related(self, request, form, formsets, change):
        """What belongs to a booking is there to be seen."""

    def construct_change_message(self, request, form, formsets, add=False):
        return super().construct_change_message(request, form, [], add)

    @admin.display(description="event", ordering="event__starts_at")
    def what(self, booking):
        return in_two_lines(booking.event)

    @admin.display(description="event starts")
    def starts_there(self, booking):
        return local(booking.event.starts_at, booking.event.venue.timezone)

    @admin.display(ordering="status")
    def state(self, booking):
        marks = [", late"] * booking.is_late + [", refund due"] * booking.refund_due
        return Status(booking.status_at(timezone.now())).label + "".join(marks)

    @admin.display(ordering="quantity")
    def places(self, booking):
        return f"{booking.places} of {booking.quantity}" if booking.cancelled_quantity else booking.places

    @admin.display(ordering="total_price")
    def total(self, booking):
        return amount(booking.total_price, booking.currency)

    # Actions

    def has_confirm_permission(self, request):
        return request.user.has_perm("bookings.confirm_booking")

    def has_cancel_permission(self, request):
        return request.user.has_perm("bookings.cancel_booking")

    def is_offered(self, action, booking):
        if action == "settle_refund":
            return booking.refund_due
        target = {"confirm": CONFIRM.target, "cancel": CANCEL_CONFIRMED.target}[action]
        return any(edge.source == booking.status_at(timezone.now()) and edge.target == target for edge in EDGES)

    @admin.action(description="Confirm…", permissions=["confirm"])
    def confirm(self, request, queryset):
        form = PaymentForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self.ask(request, queryset, self.summary, title="Confirm bookings", form=form)
        reference = form.cleaned_data["payment_reference"]

        def confirm(booking):
            booking.confirm(payment_reference=reference, by=request.user)

        return self.act(request, queryset, confirm, "Confirmed")

    @admin.action(description="Cancel…", permissions=["cancel"])
    def cancel(self, request, queryset):
        form = ReasonForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self.ask(request, queryset, self.summary, title="Cancel bookings", form=form)

        def cancel(booking):
            booking.cancel(reason=form.cleaned_data["reason"], by=request.user)

        return self.act(request, queryset, cancel, "Cancelled")

    @admin.action(description="Refund paid", permissions=["change"])
    def settle_refund(self, request, queryset):
        due = queryset.filter(refund_due=True)
        return self.act(request, due, lambda booking: booking.settle_refund(by=request.user), "Refund paid")

    def summary(self, booking):
        return (
            f"{booking.confirmation_code}, {booking.customer_name}: {in_one_line(booking.event)}, "
            f"{booking.places} places, {self.total(booking)}, {self.state(booking).lower()}"
        )


@admin.register(BookingItem)
class BookingItemAdmin(OfBooking, DomainAdmin):
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

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("booking__event__venue", "ticket_type")

    def get_search_fields(self, request):
        # To be found by something tells as much as to be shown with it.
        is_shown = request.user.has_perm("bookings.view_booking")
        return [name for name in self.search_fields if is_shown or name != "booking__customer_email"]

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
