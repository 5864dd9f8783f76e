"""Cancel some tickets of a booking: which of them, and what they cost."""

# mypy: no-check-untyped-defs

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.models import Ticket
from config import money
from config.admin import ReasonForm, amount

GROUP = 4  # characters of a code that are read in one go


def grouped(code):
    """A code in parts that can be read out; copied, it is in one piece."""
    parts = ((code[start : start + GROUP],) for start in range(0, len(code), GROUP))
    return format_html('<span class="code">{}</span>', format_html_join("", "<span>{}</span>", parts))


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


class TicketsForm(ReasonForm):
    """Which tickets of one booking; `chosen` are their codes. Of two thousand, all can be chosen by one field."""

    everything = forms.BooleanField(required=False)
    tickets = forms.MultipleChoiceField(label=gettext_lazy("Tickets"), widget=TicketChoices, required=False)
    field_order = ["everything", "tickets", "reason"]

    def __init__(self, booking, *args, **kwargs):
        super().__init__(*args, **kwargs)
        valid = list(booking.tickets.filter(status=Ticket.Status.VALID).order_by("ticket_type", "pk"))
        items = {item.ticket_type_id: item for item in booking.items.all()}
        field = self.fields["tickets"]
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
        count = len(valid)
        self.fields["everything"].label = ngettext("All of it: %s ticket", "All %s tickets", count) % count
        inside = booking.tickets.filter(status=Ticket.Status.CHECKED_IN).count()
        if inside:
            field.help_text = ngettext(
                "%s ticket is checked in. It can be cancelled once its check-in is undone.",
                "%s tickets are checked in. They can be cancelled once their check-ins are undone.",
                inside,
            ) % (inside,)

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
