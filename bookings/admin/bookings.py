"""The list of bookings, and the page of one booking."""

from django import forms
from django.conf import settings
from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from rest_framework import serializers

from bookings.admin.actions import BookingActions
from bookings.admin.balances import money_context
from bookings.admin.counter import CounterAdmin
from bookings.admin.dashboard import dashboard
from bookings.admin.filters import AmountDueFilter, CreatedFilter, SoldFilter, StateFilter, list_totals
from bookings.admin.labels import SEARCH_HELP, STATES, TICKET_STATES, change_details, tax_text, verb_label
from bookings.lifecycle.states import LIVE, Status
from bookings.models import Booking, Ticket
from bookings.serializers import MetadataField
from config.api.errors import problem_of
from config.backoffice.base import BaseAdmin
from config.backoffice.filters import RelatedFilter
from config.backoffice.formats import (
    badge,
    change_url,
    event_cell,
    event_times,
    format_amount,
    list_url,
    local_time,
    local_time_with_offset,
    two_lines,
)
from config.backoffice.forms import BaseAdminForm, TextField
from config.backoffice.tables import amount_column, local_cell
from config.values.timezones import zone_label
from events.models import Event

MAX_SHOWN = 100  # tickets and entries of the history of one booking


class NotesField(TextField):
    """The metadata of a booking as lines of `name: value`."""

    widget = forms.Textarea(attrs={"rows": 4, "cols": 60})

    def prepare_value(self, value):
        return "\n".join(f"{name}: {note}" for name, note in value.items()) if isinstance(value, dict) else value

    def to_python(self, value):
        if isinstance(value, dict):
            return value
        notes = {}
        for line in super().to_python(value).splitlines():
            name, _colon, note = (part.strip() for part in line.partition(":"))
            if name in notes:
                raise forms.ValidationError(_("The name “%s” occurs twice.") % name)
            notes[name] = note
        return notes

    def clean(self, value):
        notes = super().clean(value)
        try:
            return MetadataField().run_validation(notes)
        except serializers.ValidationError as error:
            raise forms.ValidationError([item["detail"] for item in problem_of(error).errors]) from None


class BookingForm(BaseAdminForm):
    metadata = NotesField(
        label=gettext_lazy("Notes"),
        required=False,
        show_hidden_initial=True,
        help_text=gettext_lazy("One on each line, such as “seat: aisle”."),
    )


def notes_cell(metadata):
    return "; ".join(f"{name}: {note}" for name, note in metadata.items())


@admin.register(Booking)
class BookingAdmin(BookingActions, CounterAdmin, BaseAdmin):
    """Bookings are placed by customers or at the counter, and never deleted; staff correct, confirm and cancel them."""

    exported = {
        "confirmation code": "confirmation_code",
        "id": "id",
        "venue": "event__venue__name",
        "event": "event__name",
        "starts at (venue)": (local_cell, "event__starts_at", "event__venue__timezone"),
        "state": "status",
        "customer": "customer_name",
        "e-mail": "customer_email",
        "places": "quantity",
        "places cancelled": "cancelled_quantity",
        "total": amount_column("net_price", "currency"),
        "total when booked": amount_column("total_price", "currency"),
        "fees when booked": amount_column("fees", "currency"),
        "tax when booked": amount_column("tax", "currency"),
        "currency": "currency",
        "payment reference": "payment_reference",
        "paid": amount_column("amount_paid", "currency"),
        "refunded": amount_column("amount_refunded", "currency"),
        "cancellation fee": amount_column("cancellation_fee", "currency"),
        "goodwill": amount_column("goodwill_amount", "currency"),
        "amount due": amount_column("amount_due", "currency"),
        "refund due": "refund_due",
        "refund amount": amount_column("refund_amount", "currency"),
        "late": "is_late",
        "created at (UTC)": "created_at",
        "expires at (UTC)": "expires_at",
        "confirmed at (UTC)": "confirmed_at",
        "cancelled at (UTC)": "cancelled_at",
        "cancel reason": "cancel_reason",
        "notes": (notes_cell, "metadata"),
    }
    form = BookingForm
    list_display = ["confirmation_code", "customer", "event_column", "state", "places", "total", "created"]
    list_filter = [
        StateFilter,
        "refund_due",
        AmountDueFilter,
        ("event", RelatedFilter),
        ("event__venue", RelatedFilter),
        CreatedFilter,
        SoldFilter,
    ]
    sortable_by = ["created"]  # there are no indexes for the other columns
    search_fields = ["confirmation_code"]  # turns the search on; `matching` does it
    search_help_text = SEARCH_HELP
    fields = ["customer_name", "customer_email", "metadata"]
    related = ["tickets", "payments", "messages", "changes"]
    position = 40

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("event__venue").with_net_price()

    def get_search_results(self, request, queryset, search_term):
        return queryset.matching(search_term) if search_term.strip() else queryset, False

    def prepare_rows(self, request, changelist):
        totals = (None, []) if changelist.paginator.is_more else list_totals(changelist.queryset)
        changelist.totals, changelist.refunds_due = totals

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def revise(self, request, obj, **changes):
        obj.correct(by=request.user, **changes)

    def dashboard(self, request):
        return dashboard(request)

    def history_of(self, obj):
        return obj.changes

    def describe_history(self, obj, entries):
        zone = obj.event.venue.timezone
        for entry in entries:
            details = [f"{name}: {value}" for name, value in change_details(entry, zone)]
            yield entry, local_time_with_offset(entry.at, zone), verb_label(entry.verb), details

    # Columns

    @admin.display(description=gettext_lazy("customer"))
    def customer(self, booking):
        return two_lines(booking.customer_name, booking.customer_email)

    @admin.display(description=gettext_lazy("event"))
    def event_column(self, booking):
        return event_cell(booking.event)

    @admin.display(description=gettext_lazy("state"))
    def state(self, booking):
        status = booking.status_at(timezone.now())
        return badge(status, self.state_text(booking, status))

    def state_text(self, booking, status):
        text = str(STATES.get(status, status))
        if booking.is_late:
            text += _(", late")
        if booking.refund_due:
            text += _(", refund due: %s") % format_amount(booking.refund_amount, booking.currency)
        if booking.amount_due and status != Status.PENDING:
            text += _(", due: %s") % format_amount(booking.amount_due, booking.currency)
        return text

    @admin.display(description=gettext_lazy("places"))
    def places(self, booking):
        return self.places_text(booking, booking.places)

    def places_text(self, booking, places):
        if places == booking.quantity:
            return places
        return _("%(places)s of %(booked)s") % {"places": places, "booked": booking.quantity}

    @admin.display(description=gettext_lazy("total"))
    def total(self, booking):
        return self.total_text(booking, booking.net_price)

    def total_text(self, booking, price):
        text = format_amount(price, booking.currency)
        if price == booking.total_price:
            return text
        return two_lines(text, _("booked for %s") % format_amount(booking.total_price, booking.currency))

    @admin.display(description=gettext_lazy("booked"), ordering="created_at")
    def created(self, booking):
        zone = settings.BACK_OFFICE_TIME_ZONE
        return two_lines(local_time(booking.created_at, zone, "%d %b %Y, %H:%M"), zone_label(zone))

    # The page of one booking

    def object_context(self, request, booking):
        zone = booking.event.venue.timezone
        is_live = booking.status_at(timezone.now()) in LIVE
        # As in the API, users who may view a booking see its tickets; the page of a ticket needs its own permission.
        may_open_tickets = request.user.has_perm("bookings.view_ticket")
        tickets = list(booking.tickets.select_related("ticket_type")[: MAX_SHOWN + 1])
        changes = list(booking.changes.order_by("-id")[: MAX_SHOWN + 1])
        return {
            "booking": booking,
            "state": self.state(booking),
            "hold": self.hold_text(booking),
            "event_url": change_url(Event, booking.event_id),
            "when": event_times(booking.event),
            "places": self.places_text(booking, booking.places if is_live else 0),
            "total": self.total_text(booking, booking.net_price if is_live else 0),
            "fees": booking.fees and format_amount(booking.fees, booking.currency),
            "tax": booking.tax and format_amount(booking.tax, booking.currency),
            "money": money_context(booking, may_open=request.user.has_perm("payments.view_payment")),
            "items": [self.item_context(item, booking, is_live=is_live) for item in booking.items.all()],
            "tickets": [self.ticket_context(it, zone, may_open=may_open_tickets) for it in tickets[:MAX_SHOWN]],
            "has_more_tickets": len(tickets) > MAX_SHOWN,
            "tickets_url": may_open_tickets and list_url(Ticket, booking__id__exact=booking.pk),
            "changes": [
                (it, verb_label(it.verb), local_time(it.at, zone), list(change_details(it, zone)))
                for it in reversed(changes[:MAX_SHOWN])
            ],
            "has_more_changes": len(changes) > MAX_SHOWN,
            "timezone": zone_label(zone),
        }

    def item_context(self, item, booking, *, is_live):
        return {
            "item": item,
            "places": item.quantity - item.cancelled_quantity if is_live else 0,
            "unit_price": format_amount(item.unit_price, booking.currency),
            "unit_fee": format_amount(item.unit_fee, booking.currency),
            "tax": tax_text(item.tax, item.tax_rate, booking.currency),
            "total": format_amount(item.total_price, booking.currency),
        }

    def ticket_context(self, ticket, zone, *, may_open):
        return {
            "ticket": ticket,
            "url": may_open and change_url(Ticket, ticket.pk),
            "state": badge(ticket.status, TICKET_STATES.get(ticket.status, ticket.status)),
            "checked_in": ticket.checked_in_at and local_time(ticket.checked_in_at, zone),
        }

    def hold_text(self, booking):
        """The time that is left of a hold; None when the booking is not pending."""
        seconds = booking.seconds_left(timezone.now())
        if seconds is None:
            return None
        minutes = -(-seconds // 60)
        text = ngettext("%(count)s minute left, until %(until)s", "%(count)s minutes left, until %(until)s", minutes)
        return text % {"count": minutes, "until": self.held_until(booking)}

    def held_until(self, booking):
        zone = booking.event.venue.timezone
        return f"{local_time(booking.expires_at, zone, '%H:%M')} {zone_label(zone)}"
