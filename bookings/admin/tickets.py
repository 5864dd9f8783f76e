"""What belongs to bookings, each in a list of its own: items, tickets, history."""

# mypy: no-check-untyped-defs

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.admin.exporting import OF_BOOKING, state_now
from bookings.admin.wording import LABELS, TICKET_LABELS, WHAT_FINDS_IT, told, verb_in_words
from bookings.codes import TICKET_CODE, typed
from bookings.models import Booking, BookingChange, BookingItem, Ticket
from config.backoffice import (
    ChosenFilter,
    DomainAdmin,
    ViewOnly,
    amount,
    badge,
    in_two_lines,
    on_the_wall,
    priced,
    utc,
    with_letters,
)


class OfBooking(ViewOnly, DomainAdmin):
    """Lists in which one finds what belongs to a booking by what finds the booking; to be found by something tells as
    much as to be shown with it.
    """

    search_fields = ["booking__confirmation_code"]  # that there is a search at all; `matching` says how
    search_help_text = WHAT_FINDS_IT
    sortable_by = ()  # by anything but its age a million of them would have to be sorted first
    ordering = ["-id"]

    def get_search_results(self, request, queryset, search_term):
        words = search_term.strip()
        is_shown = request.user.has_perm("bookings.view_booking")
        found = Booking.objects.matching(words, is_shown=is_shown)
        return queryset.filter(booking__in=found) if words else queryset, False


class ForWhomTheBookingIs(OfBooking):
    """Whoever may see a booking may see what belongs to it."""

    def has_view_permission(self, request, obj=None):
        return request.user.has_perm("bookings.view_booking")

    has_module_permission = has_view_permission


@admin.register(BookingItem)
class BookingItemAdmin(ForWhomTheBookingIs):
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
    list_filter = [("ticket_type__event", ChosenFilter)]
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

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("booking__event__venue", "ticket_type")

    @admin.display(description=gettext_lazy("event"))
    def what(self, item):
        return in_two_lines(item.booking.event)

    @admin.display(description=gettext_lazy("unit price"))
    def unit_price_in_currency(self, item):
        return amount(item.unit_price, item.currency)

    @admin.display(description=gettext_lazy("total"))
    def total(self, item):
        return amount(item.total_price, item.currency)


@admin.register(Ticket)
class TicketAdmin(OfBooking):
    exported = {
        "code": "code",
        "status": "status",
        **OF_BOOKING,
        "ticket type": "ticket_type__name",
        "issued at (UTC)": "created_at",
        "checked in at (UTC)": "checked_in_at",
    }
    list_display = ["code", "state", "holder", "type_name", "what", "booking", "entered"]
    fields = ["code", "state", "holder", "type_name", "what", "booking", utc("created_at"), "entered"]
    search_help_text = gettext_lazy(
        "Ticket code, or what finds its booking: a code, e-mail address, name, surname or event"
    )
    list_filter = ["status", ("ticket_type__event", ChosenFilter)]
    actions = ["check_in", "undo_check_in"]
    position = 50

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("booking__event__venue", "ticket_type")

    def exported_to(self, request):
        is_shown = request.user.has_perm("bookings.view_booking")
        return {title: column for title, column in self.exported.items() if is_shown or title != "e-mail"}

    def get_search_results(self, request, queryset, search_term):
        code = typed(search_term)
        if TICKET_CODE.fullmatch(code):
            return queryset.filter(code=code), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description=gettext_lazy("state"))
    def state(self, ticket):
        return badge(ticket.status, TICKET_LABELS[ticket.status])

    @admin.display(description=gettext_lazy("holder"))
    def holder(self, ticket):
        return ticket.booking.customer_name

    @admin.display(description=gettext_lazy("ticket type"))
    def type_name(self, ticket):
        return ticket.ticket_type.name

    @admin.display(description=gettext_lazy("event"))
    def what(self, ticket):
        return in_two_lines(ticket.booking.event)

    @admin.display(description=gettext_lazy("checked in, venue time"), empty_value="-")
    def entered(self, ticket):
        return ticket.checked_in_at and on_the_wall(ticket.checked_in_at, ticket.booking.event.venue.timezone)

    # Actions

    def has_check_in_permission(self, request):
        return request.user.has_perm("bookings.check_in_ticket")

    def is_offered(self, action, ticket):
        return ticket.status == {"check_in": Ticket.Status.VALID, "undo_check_in": Ticket.Status.CHECKED_IN}[action]

    @admin.action(description=gettext_lazy("Check in"), permissions=["check_in"])
    def check_in(self, request, queryset):
        return self.act(
            request, queryset, lambda ticket: ticket.check_in(at=timezone.now(), by=request.user), _("Checked in")
        )

    @admin.action(description=gettext_lazy("Undo check-in"), permissions=["check_in"])
    def undo_check_in(self, request, queryset):
        return self.act(request, queryset, lambda ticket: ticket.undo_check_in(by=request.user), _("Check-in undone"))


@admin.register(BookingChange)
class BookingChangeAdmin(ForWhomTheBookingIs):
    exported = {
        "at (UTC)": "at",
        "booking": "booking__confirmation_code",
        "verb": "verb",
        "by": "by_name",
        "from": "from_status",
        "to": "to_status",
        "details": "details",
    }
    list_display = ["when", "booking", "verb_in_words", "by_name", "states", "particulars"]
    fields = ["when", "booking", "verb_in_words", "by_name", "by", "states", "particulars"]
    search_help_text = gettext_lazy(
        "Account, or what finds the booking: a code, e-mail address, name, surname or event"
    )
    list_filter = ["to_status"]
    list_select_related = ["booking__event__venue", "by"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("booking__event__venue", "by")

    def get_search_results(self, request, queryset, search_term):
        words = search_term.strip()
        account = get_user_model().objects.filter(username=words).first() if words else None
        if account is not None:
            return queryset.filter(by=account), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description=gettext_lazy("when"))
    def when(self, change):
        return with_letters(change.at, change.booking.event.venue.timezone)

    @admin.display(description=gettext_lazy("what"))
    def verb_in_words(self, change):
        return verb_in_words(change.verb)

    @admin.display(description=gettext_lazy("change"))
    def states(self, change):
        after = LABELS[change.to_status]
        return f"{LABELS[change.from_status]} → {after}" if change.from_status else after

    @admin.display(description=gettext_lazy("details"))
    def particulars(self, change):
        return ", ".join(f"{name}: {value}" for name, value in told(change, change.booking)[2])
