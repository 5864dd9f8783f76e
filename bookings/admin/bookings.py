# mypy: no-check-untyped-defs

import datetime as dt

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from rest_framework import serializers

from bookings.admin.cancelling import CancelForm, PaidBack, TicketsForm
from bookings.admin.dashboard import dashboard
from bookings.admin.exporting import OF_EVENT, notes_in_cell, state_now
from bookings.admin.selling import Selling, confirm_or_tell
from bookings.admin.wording import (
    LABELS,
    TICKET_LABELS,
    WHAT_FINDS_IT,
    MadeFilter,
    SoldFilter,
    StateFilter,
    told,
    totals,
)
from bookings.lifecycle.states import CANCEL_CONFIRMED, CONFIRM, LIVE, TRANSITIONS, Status
from bookings.models import Booking, Ticket
from bookings.problems import BookingNotPending
from bookings.serializers import MetadataField
from config.api.errors import problem_of
from config.backoffice import (
    ChosenFilter,
    DomainAdmin,
    PassedOver,
    TextField,
    VerbForm,
    amount,
    badge,
    change_url,
    in_one_line,
    in_two_lines,
    list_url,
    local_span,
    on_the_wall,
    priced,
    with_letters,
)
from config.values.text import validate_line
from events.models import Event

MAX_SHOWN = 100  # of the tickets and of the history of one booking: there may be two thousand


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
            name, _colon, note = (part.strip() for part in line.partition(":"))
            if name in notes:
                raise forms.ValidationError(f"The name “{name}” is given twice.")
            notes[name] = note
        try:
            return MetadataField().run_validation(notes)
        except serializers.ValidationError as error:
            raise forms.ValidationError([fault["detail"] for fault in problem_of(error).errors]) from None


class BookingForm(VerbForm):
    metadata = NotesField(
        label=gettext_lazy("Notes"),
        required=False,
        show_hidden_initial=True,
        help_text=gettext_lazy("One on each line, such as “seat: aisle”."),
    )


class PaymentForm(forms.Form):
    payment_reference = TextField(
        label=gettext_lazy("Payment reference"),
        max_length=200,
        required=False,
        validators=[validate_line],
        help_text=gettext_lazy(
            "Of the payment that was received, if there was one. Without one a refund is not tracked."
        ),
    )


class RefundForm(forms.Form):
    """Carries the amounts that somebody is asked about, so that no other one is taken for paid."""

    def __init__(self, bookings, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.amounts = {f"due-{booking.confirmation_code}": booking.refund_amount for booking in bookings}
        for name, due in self.amounts.items():
            self.fields[name] = forms.DecimalField(required=False, initial=due, widget=forms.HiddenInput)

    def clean(self):
        if any(self.cleaned_data.get(name) != due for name, due in self.amounts.items()):
            raise forms.ValidationError(_("What is to be paid back has changed meanwhile: nothing was noted."))


class HoldForm(forms.Form):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        most = settings.BOOKING_HOLD_MINUTES_MAX
        self.fields["minutes"] = forms.IntegerField(
            label=_("Minutes from now"),
            min_value=1,
            max_value=most,
            initial=settings.BOOKING_HOLD_MINUTES,
            help_text=_("1 to %(most)s. A hold that lasts longer already stays as it is.") % {"most": most},
            error_messages=dict.fromkeys(
                ("required", "invalid", "min_value", "max_value"), _("Enter 1 to %(most)s minutes.") % {"most": most}
            ),
        )


# Why an action passes a booking over, for which its verb would do nothing.


def why_not_confirm(booking):
    return _("passed over, because it is confirmed already.") if booking.status == Status.CONFIRMED else None


def why_not_cancel(booking):
    return _("passed over, because it is cancelled already.") if booking.status == Status.CANCELLED else None


def why_no_refund(booking):
    return None if booking.refund_due else _("passed over, because no refund is due.")


@admin.register(Booking)
class BookingAdmin(Selling, DomainAdmin):
    """Bookings are placed by customers or at the counter and kept for good; staff correct, confirm and cancel them."""

    exported = {
        "confirmation code": "confirmation_code",
        "id": "id",
        **OF_EVENT,
        "state": (state_now, "status", "expires_at"),
        "customer": "customer_name",
        "e-mail": "customer_email",
        "places": "quantity",
        "places cancelled": "cancelled_quantity",
        "total": priced("net_price", "currency"),
        "total when booked": priced("total_price", "currency"),
        "currency": "currency",
        "payment reference": "payment_reference",
        "refund due": "refund_due",
        "to pay back": priced("refund_amount", "currency"),
        "late": "is_late",
        "created at (UTC)": "created_at",
        "expires at (UTC)": "expires_at",
        "confirmed at (UTC)": "confirmed_at",
        "cancelled at (UTC)": "cancelled_at",
        "cancel reason": "cancel_reason",
        "notes": (notes_in_cell, "metadata"),
    }

    form = BookingForm
    list_display = ["confirmation_code", "customer", "what", "state", "places", "total", "made"]
    list_filter = [
        StateFilter,
        "refund_due",
        ("event", ChosenFilter),
        ("event__venue", ChosenFilter),
        MadeFilter,
        SoldFilter,
    ]
    list_select_related = ["event__venue"]
    sortable_by = ["made"]  # by anything else a million of them would have to be sorted first
    search_fields = ["confirmation_code"]  # that there is a search at all; `matching` says how
    search_help_text = WHAT_FINDS_IT
    fields = ["customer_name", "customer_email", "metadata"]
    actions = ["confirm", "cancel", "cancel_tickets", "extend", "settle_refund"]
    page_actions = ["cancel_tickets"]
    related = ["tickets", "changes"]
    position = 40

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("event__venue").with_net_price()

    def get_search_results(self, request, queryset, search_term):
        return queryset.matching(search_term) if search_term.strip() else queryset, False

    def prepare(self, request, changelist):
        found = (None, []) if changelist.paginator.is_more else totals(changelist.queryset)
        changelist.totals, changelist.to_pay_back = found

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def history_of(self, obj):
        return obj.changes

    def told(self, obj, entries):
        for entry in entries:
            verb, _at, details = told(entry, obj)
            at = with_letters(entry.at, obj.event.venue.timezone)
            yield entry, at, verb, [f"{name}: {value}" for name, value in details]

    def revise(self, request, obj, **changes):
        obj.correct(by=request.user, **changes)

    def dashboard(self, request):
        return dashboard(request)

    # Columns

    @admin.display(description=gettext_lazy("customer"))
    def customer(self, booking):
        return format_html('{}<br><span class="quiet">{}</span>', booking.customer_name, booking.customer_email)

    @admin.display(description=gettext_lazy("event"))
    def what(self, booking):
        return in_two_lines(booking.event)

    @admin.display(description=gettext_lazy("state"))
    def state(self, booking):
        return badge(booking.status_at(timezone.now()), self.state_in_words(booking))

    def state_in_words(self, booking):
        marks = [_(", late")] if booking.is_late else []
        if booking.refund_due:
            marks.append(_(", refund due: %s") % amount(booking.refund_amount, booking.currency))
        return LABELS[booking.status_at(timezone.now())] + "".join(marks)

    @admin.display(description=gettext_lazy("places"))
    def places(self, booking):
        return self.places_of(booking, booking.places)

    def places_of(self, booking, left):
        if left == booking.quantity:
            return left
        return _("%(left)s of %(booked)s") % {"left": left, "booked": booking.quantity}

    @admin.display(description=gettext_lazy("total"))
    def total(self, booking):
        return self.total_of(booking, booking.net_price)

    def total_of(self, booking, worth):
        net = amount(worth, booking.currency)
        if worth == booking.total_price:
            return net
        return format_html('{}<br><span class="quiet">{}</span>', net, self.booked_total(booking))

    def booked_total(self, booking):
        return _("booked for %s") % amount(booking.total_price, booking.currency)

    @admin.display(description=gettext_lazy("booked"), ordering="created_at")
    def made(self, booking):
        zone = settings.BACK_OFFICE_TIME_ZONE
        at = on_the_wall(booking.created_at, zone, "d M Y, H:i")
        return format_html('{}<br><span class="quiet">{}</span>', at, zone)

    # The page of one booking

    def panels(self, request, booking):
        at = timezone.now()
        is_live = booking.status_at(at) in LIVE
        # Whoever may see a booking sees its tickets, as in the API; their own pages ask for a permission of their own.
        may_open = request.user.has_perm("bookings.view_ticket")
        tickets = list(booking.tickets.select_related("ticket_type")[: MAX_SHOWN + 1])
        changes = list(booking.changes.order_by("-id")[: MAX_SHOWN + 1])
        return {
            "booking": booking,
            "state": self.state(booking),
            "hold": self.hold(booking, at),
            "event_url": change_url(Event, booking.event_id),
            "when": local_span(booking.event),
            # Of a booking that is over none are left, whatever lists and tables say it was worth.
            "places": self.places_of(booking, booking.places if is_live else 0),
            "total": self.total_of(booking, booking.net_price if is_live else 0),
            "refund": booking.refund_due and amount(booking.refund_amount, booking.currency),
            "items": [
                (
                    item,
                    item.quantity - item.cancelled_quantity if is_live else 0,
                    amount(item.unit_price, booking.currency),
                    amount(item.total_price, booking.currency),
                )
                for item in booking.items.all()
            ],
            "tickets": self.tickets(tickets[:MAX_SHOWN], booking, may_open=may_open),
            "has_more_tickets": len(tickets) > MAX_SHOWN,
            "tickets_url": may_open and f"{list_url(Ticket)}?booking__id__exact={booking.pk}",
            "changes": [(change, *told(change, booking)) for change in reversed(changes[:MAX_SHOWN])],
            "has_more_changes": len(changes) > MAX_SHOWN,
            "timezone": booking.event.venue.timezone,
        }

    def tickets(self, tickets, booking, *, may_open):
        zone = booking.event.venue.timezone
        return [
            {
                "ticket": ticket,
                "url": may_open and change_url(Ticket, ticket.pk),
                "state": badge(ticket.status, TICKET_LABELS[ticket.status]),
                "checked_in": ticket.checked_in_at and on_the_wall(ticket.checked_in_at, zone),
            }
            for ticket in tickets
        ]

    def hold(self, booking, at):
        """How long it still holds its places, in words; None when nothing runs out."""
        seconds = booking.seconds_left(at)
        if seconds is None:
            return None
        minutes = -(-seconds // 60)
        left = ngettext("%(count)s minute left, until %(until)s", "%(count)s minutes left, until %(until)s", minutes)
        return left % {"count": minutes, "until": self.held_until(booking)}

    def held_until(self, booking):
        zone = booking.event.venue.timezone
        return f"{on_the_wall(booking.expires_at, zone, 'H:i')} {zone}"

    # Actions

    def has_confirm_permission(self, request):
        return request.user.has_perm("bookings.confirm_booking")

    def has_cancel_permission(self, request):
        return request.user.has_perm("bookings.cancel_booking")

    def is_offered(self, action, booking):
        state = booking.status_at(timezone.now())
        match action:
            case "settle_refund":
                return booking.refund_due
            case "extend":
                return state == Status.PENDING
            case "cancel_tickets":
                return state == Status.CONFIRMED and booking.places > 1
        target = {"confirm": CONFIRM.target, "cancel": CANCEL_CONFIRMED.target}[action]
        return any(edge.source == state and edge.target == target for edge in TRANSITIONS)

    @admin.action(description=gettext_lazy("Confirm…"), permissions=["confirm"])
    def confirm(self, request, queryset):
        form = PaymentForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            title = _("Confirm bookings")
            return self.ask(request, queryset, self.summary, title=title, form=form, is_grave=False)
        reference = form.cleaned_data["payment_reference"]

        def confirm(booking):
            confirm_or_tell(booking, reference, by=request.user)

        return self.act(request, queryset, confirm, _("Confirmed"), skip=why_not_confirm)

    @admin.action(description=gettext_lazy("Cancel…"), permissions=["cancel"])
    def cancel(self, request, queryset):
        form = CancelForm(queryset, request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            self.tell_each(request, list(form.non_field_errors()), messages.ERROR, _("And %s more have changed."))
            return self.ask(request, queryset, self.summary, title=_("Cancel bookings"), form=form)
        paid_back = PaidBack()

        def cancel(booking):
            was_confirmed = booking.status == Status.CONFIRMED
            try:
                booking.cancel(reason=form.cleaned_data["reason"], by=request.user, pending_only=not was_confirmed)
            except BookingNotPending:  # somebody was faster than this request
                raise BookingNotPending(_("It was confirmed meanwhile: it was not cancelled.")) from None
            paid_back.add(booking, booking.price_of_places if was_confirmed else 0)

        answer = self.act(request, queryset, cancel, _("Cancelled"), skip=why_not_cancel)
        self.tell_each(request, paid_back.in_words(), messages.WARNING, "")
        return answer

    @admin.action(description=gettext_lazy("Cancel tickets…"), permissions=["cancel"])
    def cancel_tickets(self, request, queryset):
        form = TicketsForm(queryset.get(), request.POST if "confirmed" in request.POST else None)
        if form.why_none is None and not form.is_valid():
            return self.ask(request, queryset, self.summary, title=_("Cancel tickets"), form=form)
        paid_back = PaidBack()

        def cancel(booking):
            before = booking.price_of_places
            booking.cancel(tickets=form.chosen, reason=form.cleaned_data["reason"], by=request.user)
            is_whole = booking.status == Status.CANCELLED
            paid_back.add(booking, before if is_whole else before - booking.price_of_places)
            self.tell_each(request, paid_back.in_words(), messages.WARNING, "")

        return self.act(request, queryset, cancel, _("Tickets cancelled"), skip=lambda booking: form.why_none)

    @admin.action(description=gettext_lazy("Extend the hold…"), permissions=["change"])
    def extend(self, request, queryset):
        form = HoldForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            title = _("Extend the hold")
            return self.ask(request, queryset, self.summary, title=title, form=form, is_grave=False)

        def extend(booking):
            booking.extend(hold=dt.timedelta(minutes=form.cleaned_data["minutes"]), by=request.user)
            if not booking.is_extended:
                raise PassedOver(_("passed over, because its hold lasts until %s already.") % self.held_until(booking))

        return self.act(request, queryset, extend, _("Hold extended"))

    @admin.action(description=gettext_lazy("Refund paid…"), permissions=["change"])
    def settle_refund(self, request, queryset):
        due = queryset.filter(refund_due=True)
        form = RefundForm(due, request.POST if "confirmed" in request.POST else None)
        if form.amounts and not form.is_valid():
            for error in form.non_field_errors():
                self.message_user(request, error, messages.ERROR)
            yes = _("Yes, it was paid back")
            return self.ask(request, due, self.refund, title=_("Refund paid"), form=RefundForm(due), yes=yes)

        def settle(booking):
            booking.settle_refund(amount=form.amounts[f"due-{booking.confirmation_code}"], by=request.user)

        return self.act(request, queryset, settle, _("Refund paid"), skip=why_no_refund)

    def refund(self, booking):
        return _("%(code)s, %(customer)s: %(amount)s to be paid back, of payment %(payment)s.") % {
            "code": booking.confirmation_code,
            "customer": booking.customer_name,
            "amount": amount(booking.refund_amount, booking.currency),
            "payment": booking.payment_reference,
        }

    def summary(self, booking):
        state = self.state_in_words(booking)
        return _("%(code)s, %(customer)s: %(event)s, %(places)s, %(total)s, %(state)s") % {
            "code": booking.confirmation_code,
            "customer": booking.customer_name,
            "event": in_one_line(booking.event),
            "places": ngettext("%s place", "%s places", booking.places) % booking.places,
            "total": amount(booking.net_price, booking.currency),
            "state": f"{state[:1].lower()}{state[1:]}",
        }
