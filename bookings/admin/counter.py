"""The counter page: sells to walk-in customers, with a booking that is placed and confirmed at once."""

import contextlib
import hashlib
import json
import uuid
from decimal import Decimal

from django import forms
from django.contrib import messages
from django.core.validators import MaxLengthValidator
from django.db.models import Q
from django.http import HttpResponseRedirect, JsonResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.admin.labels import METHODS
from bookings.admin.paying import confirm_booking
from bookings.codes import random_code
from bookings.lifecycle.place import IdempotencyKey, Line
from bookings.models import Booking
from bookings.payments.ledger import NO_RECEIPT, Receipt
from bookings.payments.models import Payment
from bookings.problems import PriceChanged
from config.backoffice.errors import DOMAIN_ERRORS, field_errors
from config.backoffice.formats import (
    change_url,
    event_times,
    format_amount,
    format_number,
    local_time,
    local_time_with_offset,
    places_bar,
)
from config.backoffice.forms import EmailField, TextField
from config.backoffice.pages import Page, PagesAdmin
from config.idempotency.problems import IdempotencyKeyReused
from config.values import money
from config.values.text import normalise, validate_line
from config.values.timezones import zone_label
from events.admin import SALE_STATES
from events.inventory import sales
from events.models import Event
from ticket_types.admin import price_cell
from ticket_types.models import TicketType

UNSOLD = {
    "not_published": gettext_lazy("This event is a draft. Publish it on its page, or ask a manager to do it."),
    "cancelled": gettext_lazy("This event is cancelled."),
    "over": gettext_lazy("This event is over."),
    "ended": gettext_lazy("The sale of this event has ended. A manager can extend the sale of a ticket type."),
    "paused": gettext_lazy("The sales of this event are paused. A manager can resume them on its page."),
    "no_ticket_types": gettext_lazy("This event has no ticket types. Add one on its page, or ask a manager to do it."),
    "not_started": gettext_lazy("The sale of this event has not started. A manager can start it earlier."),
    "sold_out": gettext_lazy("This event is sold out. Held places become available again when their holds expire."),
}
INVOICE = "invoice"
ASKED = ("customer_name", "customer_email", "payment", "payment_reference")
MAX_EVENTS = 50
MAX_WORDS = 10
MAX_QUANTITY = 100  # of an item; a ticket type may allow less
WALK_IN_DOMAIN = "walk-in.invalid"  # cannot exist (RFC 2606), so that no mail is ever sent


def max_quantity(ticket_type):
    return min(ticket_type.available, ticket_type.max_per_booking)


def time_now(event):
    return local_time(timezone.now(), event.venue.timezone, "%H:%M")


class NamesField(TextField):
    """Names, one on each line."""

    widget = forms.Textarea(attrs={"rows": 3, "cols": 40})

    def to_python(self, value):
        names = [normalise(line) for line in super().to_python(value).splitlines()]
        return [name for name in names if name]

    def run_validators(self, value):
        for name in value:
            validate_line(name)
            MaxLengthValidator(200)(name)


class SaleForm(forms.Form):
    """The customer and a quantity for each ticket type. It sends the prices that it showed, and a key that makes a
    second submission of the same form find the first booking.
    """

    customer_name = TextField(
        label=gettext_lazy("Name"),
        max_length=200,
        required=False,
        validators=[validate_line],
        help_text=gettext_lazy("Empty: a walk-in customer."),
    )
    customer_email = EmailField(
        label=gettext_lazy("E-mail"),
        max_length=254,
        required=False,
        help_text=gettext_lazy("Empty: the customer gets the tickets at the counter."),
    )
    payment = forms.ChoiceField(label=gettext_lazy("Payment"), required=False)
    payment_reference = TextField(
        label=gettext_lazy("Payment reference"),
        max_length=200,
        required=False,
        validators=[validate_line],
        help_text=gettext_lazy("Such as the number of the receipt; may be empty."),
    )
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, event, types, data=None, *, typed=None, may_be_unpaid=False):
        super().__init__(data, initial={"key": uuid.uuid4(), **(typed or {})})
        self.event, self.types = event, types
        self.fields["payment"].choices = [
            *((kind, METHODS[kind]) for kind in (Payment.Method.CASH, Payment.Method.CARD)),
            *([(INVOICE, _("Invoice: not paid yet"))] if may_be_unpaid else []),
        ]
        at = timezone.now()
        self.states = {kind.pk: kind.status_at(at) for kind in types}
        not_a_number = _("Enter a whole number, 0 or more.")
        for kind in types:
            # Not the available places: a form that is sent twice finds fewer of them. The domain refuses the rest.
            quantity = self.fields[f"quantity_{kind.pk}"] = forms.IntegerField(
                label=kind.name,
                min_value=0,
                max_value=MAX_QUANTITY,
                required=False,
                error_messages={"invalid": not_a_number, "min_value": not_a_number},
            )
            quantity.widget.attrs["max"] = max_quantity(kind)
            if kind.is_name_required:
                self.fields[f"names_{kind.pk}"] = NamesField(
                    label=_("Holders of %s") % kind.name, required=False, help_text=_("One name on each line.")
                )
            self.fields[f"price_{kind.pk}"] = forms.DecimalField(
                widget=forms.HiddenInput, initial=money.plain(kind.price_with_fee, event.currency), required=False
            )

    def focus_first(self):
        """Sets the focus to the first field with an error, otherwise to the first quantity."""
        invalid = [name for name in self.errors if name in self.fields]
        on_sale = [f"quantity_{kind.pk}" for kind in self.types if self.states[kind.pk] == "on_sale"]
        for name in [*invalid, *on_sale][:1]:
            self.fields[name].widget.attrs["autofocus"] = True

    def rows(self):
        """The ticket types for the template."""
        for kind in self.types:
            quantity = self[f"quantity_{kind.pk}"]
            state = self.states[kind.pk]
            yield {
                "type": kind,
                "price": price_cell(kind),
                "plain_price": money.plain(kind.price_with_fee, self.event.currency),
                "available": format_number(kind.available),
                "state": SALE_STATES[state],
                # A quantity that was entered while it was on sale stays visible with its error.
                "is_offered": state == "on_sale" or bool(quantity.errors),
                "is_on_sale": state == "on_sale",
                "quantity": quantity,
                "price_field": self[f"price_{kind.pk}"],
            }

    def clean(self):
        cleaned = super().clean()
        if not self.errors and not self.lines:
            raise forms.ValidationError(_("Enter a quantity."))
        if cleaned.get("payment") == INVOICE and cleaned.get("payment_reference"):
            self.add_error(
                "payment_reference", _("An invoice is not paid yet: leave it empty, or choose cash or card.")
            )
        return cleaned

    @property
    def lines(self):
        quantities = [(kind.pk, self.cleaned_data.get(f"quantity_{kind.pk}")) for kind in self.types]
        return [Line(pk, quantity, self.attendees(pk)) for pk, quantity in quantities if quantity]

    def attendees(self, pk):
        return [{"name": name} for name in self.cleaned_data.get(f"names_{pk}", [])]

    def asked(self):
        """The fields below the table: the holders, the customer and the payment."""
        names = [name for name in self.fields if name.startswith("names_")]
        return [self[name] for name in (*names, *ASKED)]

    @property
    def shown_total(self):
        prices = {kind.pk: self.cleaned_data.get(f"price_{kind.pk}") or Decimal(0) for kind in self.types}
        return sum((prices[line.ticket_type] * line.quantity for line in self.lines), Decimal(0))

    def receipt(self, booking):
        """What is paid; nothing for an invoice, and for what is free."""
        kind, reference = self.cleaned_data["payment"] or Payment.Method.CASH, self.cleaned_data["payment_reference"]
        if kind == INVOICE or not booking.total_price:
            return Receipt(reference) if kind != INVOICE else NO_RECEIPT
        return Receipt(reference, booking.total_price, method=kind, paid_before=Decimal(0))

    def booking_data(self):
        """The arguments of `Booking.place`. Each walk-in customer has an address of their own."""
        email = self.cleaned_data["customer_email"] or f"{random_code(8).lower()}@{WALK_IN_DOMAIN}"
        return {
            "customer_name": self.cleaned_data["customer_name"] or _("Walk-in customer"),
            "customer_email": email,
            "lines": self.lines,
            "metadata": {"channel": "counter"},
            "expected_total": self.shown_total,
        }

    def idempotency_key(self, user):
        data = {name: str(value) for name, value in self.cleaned_data.items() if not name.startswith("price_")}
        fingerprint = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
        return IdempotencyKey(f"user:{user.pk}", f"counter-{self.cleaned_data['key']}", fingerprint)

    def add_domain_error(self, error):
        """Shows the errors of the domain beside the fields that they are about."""
        for pointer, detail in field_errors(error):
            part, _slash, rest = (pointer or "").partition("/")
            index = rest.partition("/")[0]
            is_line = part == "items" and index.isdecimal() and int(index) < len(self.lines)
            kind = "names" if rest.endswith("attendees") else "quantity"
            name = f"{kind}_{self.lines[int(index)].ticket_type}" if is_line else part
            self.add_error(name if name in self.fields else None, detail)

    def renew(self):
        """A new key and the current prices, for the next submission."""
        prices = {f"price_{kind.pk}": money.plain(kind.price_with_fee, self.event.currency) for kind in self.types}
        self.data = {**self.data.dict(), "key": str(uuid.uuid4()), **prices}


class CounterAdmin(PagesAdmin):
    pages = [
        Page("sell", gettext_lazy("Sell"), ("bookings.add_booking", "bookings.confirm_booking"), position=20),
    ]

    def sell(self, request):
        pk = request.GET.get("event", "")
        at = timezone.now()
        events = Event.objects.select_related("venue").with_held()
        event = events.filter(pk=pk).first() if pk.isdecimal() and len(pk) < 19 else None
        if event is None:
            return self.choose_event(request, events.on_sale(at))
        is_sale = request.method == "POST" and "refresh" not in request.POST
        types = TicketType.objects.filter(event=event).select_related("event")
        if "available" in request.GET and request.method == "GET":
            return self.available_places(event, types)
        sales.load_ticket_types([event])
        reason = event.sales_refusal(at)
        if reason and not is_sale:
            return self.unsold_page(request, event, reason, at)
        typed = {name: value for name, value in request.POST.items() if not name.startswith("price_")}
        may_be_unpaid = request.user.has_perm("bookings.confirm_unpaid")
        data = request.POST if is_sale else None
        form = SaleForm(event, list(types), data, typed=typed, may_be_unpaid=may_be_unpaid)
        if is_sale and form.is_valid() and self.submit_sale(request, form):
            return HttpResponseRedirect(f"{self.page_url('sell')}?event={event.pk}")
        form.focus_first()
        context = {"form": form, "decimals": money.DECIMALS[event.currency], "now": time_now(event)}
        context["zone"] = zone_label(event.venue.timezone)
        return self.event_page(request, "admin/bookings/sell.html", event, **context)

    def choose_event(self, request, events):
        words = request.GET.get("q", "")
        for word in words.split()[:MAX_WORDS]:
            events = events.filter(Q(name__icontains=word) | Q(venue__name__icontains=word))
        found = list(events.order_by("starts_at", "pk")[: MAX_EVENTS + 1])
        return self.render_page(
            request,
            "admin/bookings/choose_event.html",
            title=_("Sell at the counter"),
            words=words,
            events=[(event, event_times(event), places_bar(event)) for event in found[:MAX_EVENTS]],
            has_more=len(found) > MAX_EVENTS,
        )

    def unsold_page(self, request, event, reason, at):
        """Instead of the form, when nothing can be sold."""
        state = "over" if reason == "ended" and event.ends_at <= at else reason
        first = event.ticket_types.filter(sales_start_at__gt=at).order_by("sales_start_at").first()
        starts = reason == "not_started" and first
        may_view = self.admin_site.get_model_admin(Event).has_view_permission(request)
        return self.event_page(
            request,
            "admin/bookings/unsold.html",
            event,
            state=state,
            explanation=UNSOLD[state],
            cancel_reason=event.cancel_reason if reason == "cancelled" else "",
            starts=local_time_with_offset(first.sales_start_at, event.venue.timezone) if starts else "",
            event_url=change_url(Event, event.pk) if may_view else None,
        )

    def available_places(self, event, types):
        """For an open page: the available places of each ticket type as text, as maximum, and for screen readers."""
        places = {}
        for kind in types:
            shown = format_number(kind.available)
            text = _("%(name)s: %(available)s available") % {"name": kind.name, "available": shown}
            places[kind.pk] = shown, max_quantity(kind), text
        return JsonResponse({"available": places, "bar": places_bar(event), "now": time_now(event)})

    def event_page(self, request, template, event, **context):
        context = {"when": event_times(event), "bar": places_bar(event), "change_url": self.page_url("sell"), **context}
        return self.render_page(request, template, title=event.name, event=event, **context)

    def submit_sale(self, request, form):
        """Whether it was sold. If not, the form has the error, and no places are held."""
        try:
            key = form.idempotency_key(request.user)
            booking = Booking.place(**form.booking_data(), key=key, by=request.user)
            self.confirm_or_cancel(request, booking, form.receipt(booking))
        except PriceChanged:
            form.add_error(None, _("A price has changed. Nothing was sold: check the new total and submit again."))
        except IdempotencyKeyReused:
            form.add_error(None, _("This form was already used for another sale. Nothing was sold: submit it again."))
        except DOMAIN_ERRORS as error:
            form.add_domain_error(error)
        else:
            messages.success(request, self.sold_message(booking))
            return True
        form.renew()
        return False

    def confirm_or_cancel(self, request, booking, receipt):
        try:
            confirm_booking(booking, receipt, by=request.user)
        except DOMAIN_ERRORS:
            with contextlib.suppress(*DOMAIN_ERRORS):
                booking.cancel(reason="The sale at the counter could not be confirmed.", by=request.user)
            raise

    def sold_message(self, booking):
        text = _("Sold: %(items)s, %(total)s to %(customer)s. Booking")
        if booking.amount_due:
            text = _("Sold on invoice: %(items)s, %(total)s to %(customer)s. %(due)s stays due. Booking")
        text %= {
            "items": ", ".join(f"{item.quantity} × {item.name}" for item in booking.items.all()),
            "total": format_amount(booking.total_price, booking.currency),
            "customer": booking.customer_name,
            "due": format_amount(booking.amount_due, booking.currency),
        }
        url = change_url(Booking, booking.pk)
        return format_html('{} <a href="{}">{}</a>', text, url, booking.confirmation_code)
