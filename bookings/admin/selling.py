"""Sell at the counter: a walk-in customer's booking, placed and confirmed in one go."""

# mypy: no-check-untyped-defs

import contextlib
import hashlib
import json
import uuid
from decimal import Decimal

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.codes import random_code
from bookings.models import Booking, IdempotencyKey, Line
from bookings.problems import IdempotencyKeyReused
from config import money
from config.admin import (
    REFUSALS,
    EmailField,
    Page,
    TextField,
    amount,
    change_url,
    faults,
    fill,
    local_span,
    number,
    on_the_wall,
)
from config.text import validate_line
from events.models import Event
from ticket_types.admin import STATES
from ticket_types.models import TicketType

MOST_EVENTS = 50
MOST_WORDS = 10
ANONYMOUS = "walk-in.invalid"  # a domain that cannot exist (RFC 2606): nothing is ever sent there


class SaleForm(forms.Form):
    """Who buys how many of what. It remembers the prices that it showed, and bears a name of its own: sent twice, as by
    a double click, it sells once.
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
        help_text=gettext_lazy("Empty: the tickets are handed over here."),
    )
    payment_reference = TextField(
        label=gettext_lazy("Payment reference"),
        max_length=200,
        required=False,
        validators=[validate_line],
        help_text=gettext_lazy("Such as the number of the receipt."),
    )
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, event, types, *args, **kwargs):
        super().__init__(*args, initial={"key": uuid.uuid4()}, **kwargs)
        self.event, self.types = event, types
        at = timezone.now()
        self.states = {kind.pk: kind.status_at(at) for kind in types}
        for kind in types:
            self.fields[f"quantity_{kind.pk}"] = forms.IntegerField(
                label=kind.name,
                min_value=0,
                max_value=kind.max_per_booking,
                required=False,
            )
            self.fields[f"price_{kind.pk}"] = forms.DecimalField(
                widget=forms.HiddenInput, initial=money.plain(kind.price, event.currency), required=False
            )

    def rows(self):
        """The ticket types with what the page shows of them."""
        for kind in self.types:
            quantity = self[f"quantity_{kind.pk}"]
            state = self.states[kind.pk]
            yield {
                "type": kind,
                "price": amount(kind.price, self.event.currency),
                "plain_price": money.plain(kind.price, self.event.currency),
                "left": number(kind.available),
                "state": STATES[state],
                # What was chosen while it was on sale stays to be seen, with the refusal.
                "is_offered": state == "on_sale" or bool(quantity.errors),
                "is_on_sale": state == "on_sale",
                "quantity": quantity,
                "price_field": self[f"price_{kind.pk}"],
            }

    def clean(self):
        cleaned = super().clean()
        if not self.errors and not self.lines:
            raise forms.ValidationError(_("Choose how many of which tickets."))
        return cleaned

    @property
    def lines(self):
        wanted = [(kind.pk, self.cleaned_data.get(f"quantity_{kind.pk}")) for kind in self.types]
        return [Line(pk, quantity) for pk, quantity in wanted if quantity]

    @property
    def shown_total(self):
        prices = {kind.pk: self.cleaned_data.get(f"price_{kind.pk}") or Decimal(0) for kind in self.types}
        return sum(prices[line.ticket_type] * line.quantity for line in self.lines)

    def facts(self):
        """What `Booking.place` takes."""
        facts = {
            "customer_name": self.cleaned_data["customer_name"] or _("Walk-in customer"),
            "customer_email": self.cleaned_data["customer_email"],
            "lines": self.lines,
            "metadata": {"channel": "counter"},
        }
        facts["customer_email"] = facts["customer_email"] or f"{random_code(8).lower()}@{ANONYMOUS}"
        return facts

    def idempotency_key(self, user):
        asked = {name: str(value) for name, value in self.cleaned_data.items() if not name.startswith("price_")}
        fingerprint = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        return IdempotencyKey(f"user:{user.pk}", f"counter-{self.cleaned_data['key']}", fingerprint)

    def blame(self, error):
        """Shows what the domain refused beside what it is about."""
        for pointer, detail in faults(error):
            part, _, rest = (pointer or "").partition("/")
            index = rest.partition("/")[0]
            is_line = part == "items" and index.isdecimal() and int(index) < len(self.lines)
            name = f"quantity_{self.lines[int(index)].ticket_type}" if is_line else part
            self.add_error(name if name in self.fields else None, detail)


class PriceChanged(Exception):
    """A price is not the one that the customer was told."""


class Selling:
    """The pages of the counter, for the admin of bookings."""

    pages = [
        Page("sell", gettext_lazy("Sell"), ("bookings.add_booking", "bookings.confirm_booking"), position=20),
    ]

    def sell(self, request):
        asked = request.GET.get("event", "")
        at = timezone.now()
        events = Event.objects.select_related("venue").with_sales(at).with_unpaid(at)
        event = events.filter(pk=asked).first() if asked.isdecimal() and len(asked) < 19 else None
        if event is None:
            return self.choose(request, events.upcoming(at).available(at))
        types = list(TicketType.objects.filter(event=event).with_availability(at))
        form = SaleForm(event, types, request.POST or None)
        if request.method == "POST" and form.is_valid() and self.sold(request, form):
            return HttpResponseRedirect(f"{self.page_url('sell')}?event={event.pk}")
        return self.counter(request, form)

    def choose(self, request, events):
        """What is on sale, the soonest first."""
        words = request.GET.get("q", "")
        for word in words.split()[:MOST_WORDS]:
            events = events.filter(Q(name__icontains=word) | Q(venue__name__icontains=word))
        found = list(events.order_by("starts_at", "pk")[: MOST_EVENTS + 1])
        return self.answer(
            request,
            "admin/bookings/choose_event.html",
            title=_("Sell at the counter"),
            words=words,
            events=[
                (event, local_span(event), fill(event.held - event.unpaid, event.unpaid, event.capacity))
                for event in found[:MOST_EVENTS]
            ],
            has_more=len(found) > MOST_EVENTS,
        )

    def counter(self, request, form):
        event = form.event
        return self.answer(
            request,
            "admin/bookings/sell.html",
            title=event.name,
            subtitle=None,
            event=event,
            when=local_span(event),
            fill=fill(event.held - event.unpaid, event.unpaid, event.capacity),
            form=form,
            decimals=money.DECIMALS[event.currency],
            now=on_the_wall(timezone.now(), event.venue.timezone, "H:i"),
            change_url=self.page_url("sell"),
        )

    def answer(self, request, template, **context):
        return TemplateResponse(
            request, template, {**self.admin_site.each_context(request), "opts": self.opts, **context}
        )

    def sold(self, request, form):
        """Whether it was sold; otherwise the form says why not, and nothing is held."""
        try:
            booking = self.place(request, form)
            self.confirm_or_let_go(request, booking, form.cleaned_data["payment_reference"])
        except PriceChanged:
            form.add_error(None, _("A price has changed since this page was opened. Nothing was sold: look again."))
        except IdempotencyKeyReused:
            text = _("This page was used for another sale already. Nothing was sold now: look again.")
            form.add_error(None, text)
        except REFUSALS as error:
            form.blame(error)
        else:
            self.tell(request, booking)
            return True
        # The prices and the name of the next try.
        form.data = {**form.data.dict(), "key": str(uuid.uuid4())}
        form.data |= {f"price_{kind.pk}": money.plain(kind.price, form.event.currency) for kind in form.types}
        return False

    def place(self, request, form):
        booking = Booking.place(**form.facts(), key=form.idempotency_key(request.user), by=request.user)
        if booking.total_price != form.shown_total and not booking.is_replay:
            booking.cancel(reason="A price changed while it was sold.", by=request.user)
            raise PriceChanged
        return booking

    def confirm_or_let_go(self, request, booking, reference):
        try:
            booking.confirm(payment_reference=reference, by=request.user)
        except REFUSALS:
            with contextlib.suppress(*REFUSALS):
                booking.cancel(reason="It could not be confirmed at the counter.", by=request.user)
            raise

    def tell(self, request, booking):
        items = ", ".join(f"{item.quantity} × {item.name}" for item in booking.items.all())
        text = format_html(
            '{} <a href="{}">{}</a>',
            _("Sold: %(items)s, %(total)s to %(customer)s. Booking")
            % {
                "items": items,
                "total": amount(booking.total_price, booking.currency),
                "customer": booking.customer_name,
            },
            change_url(Booking, booking.pk),
            booking.confirmation_code,
        )
        messages.success(request, text)
