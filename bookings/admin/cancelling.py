"""Cancel bookings, or some tickets of one: what is asked first, and what is to be paid back then."""

# mypy: no-check-untyped-defs

from django import forms
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.admin.wording import amounts
from bookings.lifecycle.states import LIVE, Status
from bookings.models import Ticket
from config.backoffice import ReasonForm, amount
from config.values import money

GROUP = 4  # characters of a code that are read in one go
MAX_TOLD = 10


def grouped(code):
    """A code in parts that can be read out; copied, it is in one piece."""
    parts = ((code[start : start + GROUP],) for start in range(0, len(code), GROUP))
    return format_html('<span class="code">{}</span>', format_html_join("", "<span>{}</span>", parts))


class CancelForm(ReasonForm):
    """Carries how the bookings stand that somebody is asked about, and is invalid when one does not any more. What is
    over by now does not count: it is passed over or refused.
    """

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, bookings, data=None):
        at = timezone.now()
        stand = {
            it.confirmation_code: f"{it.confirmation_code}-{it.status_at(at)}-{it.places}"
            for it in bookings
            if it.status_at(at) in LIVE
        }
        before = data.get("seen", "").split() if data else []
        self.changed = [code for code, how in stand.items() if how not in before]
        now = {"seen": " ".join(stand.values())}  # one field, since a form has at most a thousand
        super().__init__(data and {**data.dict(), **now}, initial=now)

    def clean(self):
        if self.changed:
            text = _("%s has changed meanwhile: nothing was cancelled. Look again.")
            raise forms.ValidationError([text % code for code in self.changed])


class PaidBack:
    """What is to be paid back of bookings that are cancelled one after the other, in each currency."""

    def __init__(self):
        self.due, self.perhaps = {}, {}

    def add(self, booking, less):
        """`less` is what the places cost that it had, and was confirmed for."""
        if booking.refund_due:
            self.due[booking.currency] = self.due.get(booking.currency, 0) + booking.refund_amount
        elif less:  # no payment is known, and nothing is marked
            self.perhaps[booking.currency] = self.perhaps.get(booking.currency, 0) + less

    def in_words(self):
        due, perhaps = ", ".join(amounts(self.due)), ", ".join(amounts(self.perhaps))
        texts = [_("To be paid back now: %s.") % due] if due else []
        return texts + ([_("To be given back, if it was paid: %(amount)s.") % {"amount": perhaps}] if perhaps else [])


class TicketChoices(forms.CheckboxSelectMultiple):
    """The tickets under their types. `prices` are those of the tickets, by their codes."""

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


class TicketsField(forms.MultipleChoiceField):
    """Tells why a ticket that was shown cannot be chosen any more. `gone` are those reasons, by the codes."""

    widget = TicketChoices
    gone = {}
    default_error_messages = {"invalid_choice": gettext_lazy("The booking has no ticket %(value)s.")}

    def validate(self, value):
        told = [self.gone[code] for code in value if code in self.gone]
        if told:
            raise forms.ValidationError(told[:MAX_TOLD])
        super().validate(value)


GONE = {
    Ticket.Status.VOID: gettext_lazy("Ticket %s was cancelled meanwhile: nothing was cancelled."),
    Ticket.Status.CHECKED_IN: gettext_lazy("Ticket %s was checked in meanwhile: nothing was cancelled."),
}


class TicketsForm(ReasonForm):
    """Which tickets of one booking; `chosen` are their codes. Of two thousand, all can be chosen by one field."""

    everything = forms.BooleanField(required=False)
    tickets = TicketsField(label=gettext_lazy("Tickets"), required=False)
    field_order = ["everything", "tickets", "reason"]

    def __init__(self, booking, *args, **kwargs):
        super().__init__(*args, **kwargs)
        tickets = list(booking.tickets.order_by("ticket_type", "pk"))
        valid = [ticket for ticket in tickets if ticket.status == Ticket.Status.VALID]
        items = {item.ticket_type_id: item for item in booking.items.all()}
        field = self.fields["tickets"]
        field.gone = {it.code: GONE[it.status] % it.code for it in tickets if it.status in GONE}
        field.widget.currency = booking.currency
        field.widget.prices = {
            ticket.code: money.plain(items[ticket.ticket_type_id].unit_price, booking.currency) for ticket in valid
        }
        field.choices = [
            (self.title(item, of_type), [(ticket.code, grouped(ticket.code)) for ticket in of_type])
            for pk, item in items.items()
            if (of_type := [ticket for ticket in valid if ticket.ticket_type_id == pk])
        ]
        self.codes = [ticket.code for ticket in valid]
        self.why_none = None if valid else self.why_not(booking, tickets)
        count = len(valid)
        self.fields["everything"].label = ngettext("All of it: %s ticket", "All %s tickets", count) % count
        inside = sum(ticket.status == Ticket.Status.CHECKED_IN for ticket in tickets)
        if inside:
            field.help_text = ngettext(
                "%s ticket is checked in. It can be cancelled once its check-in is undone.",
                "%s tickets are checked in. They can be cancelled once their check-ins are undone.",
                inside,
            ) % (inside,)

    def why_not(self, booking, tickets):
        if any(ticket.status == Ticket.Status.CHECKED_IN for ticket in tickets):
            return _("passed over, because its tickets are checked in: undo a check-in first.")
        if tickets or booking.status == Status.CANCELLED:
            return _("passed over, because it is cancelled already.")
        return _("passed over, because it has no tickets.")

    def title(self, item, tickets):
        count = ngettext("%s ticket", "%s tickets", len(tickets)) % len(tickets)
        return _("%(name)s: %(count)s, %(price)s each") % {
            "name": item.name,
            "count": count,
            "price": amount(item.unit_price, item.booking.currency),
        }

    def clean(self):
        cleaned = super().clean()
        if not self.errors and not self.chosen:
            self.add_error("tickets", _("Choose the tickets to cancel: nothing was cancelled."))
        return cleaned

    @property
    def chosen(self):
        return self.codes if self.cleaned_data.get("everything") else self.cleaned_data.get("tickets", [])
