"""The forms to cancel bookings or some of their tickets, and the refunds that follow."""

from decimal import Decimal

from django import forms
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.admin.filters import format_amounts
from bookings.lifecycle.states import LIVE, Status
from bookings.models import Ticket
from config.backoffice.formats import format_amount
from config.backoffice.forms import AmountField, ReasonForm
from config.values import money

GROUP = 4  # characters of a code


def grouped_code(code):
    """A code in groups that are easy to read out; copied, it has no spaces."""
    groups = ((code[start : start + GROUP],) for start in range(0, len(code), GROUP))
    return format_html('<span class="code">{}</span>', format_html_join("", "<span>{}</span>", groups))


class SeenForm(forms.Form):
    """Sends the states of bookings that were shown, by their confirmation codes; invalid when one has changed."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, states, data=None):
        current = [f"{code}:{state}" for code, state in states.items()]
        seen = data.get("seen", "").split() if data else []
        self.changed = [item.partition(":")[0] for item in current if item not in seen]
        current = {"seen": " ".join(current)}  # one field, because a form may have 1,000
        super().__init__(data and {**data.dict(), **current}, initial=current)

    def clean(self):
        if self.changed:
            text = _("%s has changed. Nothing was done: check it again.")
            raise forms.ValidationError([text % code for code in self.changed])


class FeeForm(ReasonForm):
    """With a fee for a sold booking that costs something: an amount of what it cost stays owed."""

    def add_fee(self, booking):
        most = min(booking.price_of_places, booking.owed_for_places)
        if booking.status == Status.CONFIRMED and most > 0:
            self.fields["fee"] = AmountField(
                booking.currency,
                label=_("Cancellation fee"),
                min_value=0,
                max_value=most,
                required=False,
                help_text=_("Empty: none. It stays owed, and is not refunded."),
            )

    def choices(self):
        """The arguments of `Booking.cancel`."""
        return {"reason": self.cleaned_data["reason"], "fee": self.cleaned_data.get("fee") or Decimal(0)}


class CancelForm(SeenForm, FeeForm):
    """The fee is for one booking alone."""

    def __init__(self, bookings, data=None):
        at = timezone.now()
        live = [it for it in bookings if it.status_at(at) in LIVE]  # the action skips or refuses the others
        super().__init__({it.confirmation_code: f"{it.status_at(at)}-{it.places}" for it in live}, data)
        if len(bookings) == 1:
            self.add_fee(bookings[0])


class RefundTotals:
    """Refunds of bookings that are cancelled one after the other, in each currency."""

    def __init__(self):
        self.due = {}

    def add(self, booking):
        if booking.refund_due:
            self.due[booking.currency] = self.due.get(booking.currency, 0) + booking.refund_amount

    def texts(self):
        due = ", ".join(format_amounts(self.due))
        return [_("Refunds due: %s.") % due] if due else []


class TicketChoices(forms.CheckboxSelectMultiple):
    """Tickets grouped by ticket type. `prices` are by ticket code."""

    template_name = "admin/bookings/ticket_choices.html"
    prices = {}
    currency = ""

    class Media:
        js = ["pages/tickets.js"]

    def create_option(self, name, value, label, selected, index, **kwargs):
        option = super().create_option(name, value, label, selected, index, **kwargs)
        option["attrs"]["data-price"] = self.prices[value]
        return option

    def get_context(self, name, value, attrs):
        context = super().get_context(name, value, attrs)
        return {**context, "currency": self.currency, "decimals": money.DECIMALS[self.currency]}


class TicketsForm(FeeForm):
    """Chooses tickets of one booking, whose codes are `chosen`. `skip_reason`: why none can be cancelled, or None."""

    everything = forms.BooleanField(required=False)  # one field for up to 2,000 tickets
    tickets = forms.MultipleChoiceField(
        label=gettext_lazy("Tickets"),
        required=False,
        widget=TicketChoices,
        error_messages={"invalid_choice": gettext_lazy("Ticket %(value)s cannot be cancelled. Nothing was cancelled.")},
    )
    field_order = ["everything", "tickets", "reason"]

    def __init__(self, booking, *args, **kwargs):
        super().__init__(*args, **kwargs)
        tickets = list(booking.tickets.order_by("ticket_type", "pk"))
        valid = [ticket for ticket in tickets if ticket.status == Ticket.Status.VALID]
        checked_in = sum(ticket.status == Ticket.Status.CHECKED_IN for ticket in tickets)
        self.codes = [ticket.code for ticket in valid]
        self.skip_reason = None if valid else _("skipped, because none of its tickets can be cancelled.")
        count = len(valid)
        self.fields["everything"].label = ngettext("All of it: %s ticket", "All %s tickets", count) % count
        self.add_fee(booking)
        field = self.fields["tickets"]
        self.set_choices(field, booking, valid)
        if checked_in:
            field.help_text = ngettext(
                "%s ticket is checked in. Undo the check-in to cancel it.",
                "%s tickets are checked in. Undo their check-ins to cancel them.",
                checked_in,
            ) % (checked_in,)

    def set_choices(self, field, booking, tickets):
        by_type = {}
        for ticket in tickets:
            by_type.setdefault(ticket.ticket_type_id, []).append(ticket)
        field.widget.currency, field.widget.prices, field.choices = booking.currency, {}, []
        for item in booking.items.all():
            group = by_type.get(item.ticket_type_id, [])
            price = money.plain(item.price_with_fee, booking.currency)
            field.widget.prices.update({ticket.code: price for ticket in group})
            if group:
                choices = [(ticket.code, grouped_code(ticket.code)) for ticket in group]
                field.choices = [*field.choices, (self.group_label(item, booking, len(group)), choices)]

    def group_label(self, item, booking, count):
        return _("%(name)s: %(count)s, %(price)s each") % {
            "name": item.name,
            "count": ngettext("%s ticket", "%s tickets", count) % count,
            "price": format_amount(item.price_with_fee, booking.currency),
        }

    def clean(self):
        cleaned = super().clean()
        if not self.errors and not self.chosen:
            self.add_error("tickets", _("Choose the tickets to cancel. Nothing was cancelled."))
        return cleaned

    @property
    def chosen(self):
        return self.codes if self.cleaned_data.get("everything") else self.cleaned_data.get("tickets", [])
