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
from django.http import HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.codes import random_code
from bookings.lifecycle.place import IdempotencyKey, Line
from bookings.models import Booking
from bookings.problems import BookingCancelled, HoldExpired, IdempotencyKeyReused
from config.backoffice import (
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
    sentence,
    with_letters,
)
from config.values import money
from config.values.text import validate_line
from events.inventory import sales
from events.models import Event
from ticket_types.admin import STATES
from ticket_types.models import TicketType

# Why an event cannot be sold, and what to do instead.
UNSOLD = {
    "not_published": (
        gettext_lazy("This event is a draft: it can be sold once it is published."),
        gettext_lazy("Publish it on its page, or ask somebody who may."),
    ),
    "cancelled": (gettext_lazy("This event is cancelled."), gettext_lazy("Choose another event.")),
    "over": (gettext_lazy("This event is over."), gettext_lazy("Choose another event.")),
    "ended": (
        gettext_lazy("The sale of this event is over."),
        gettext_lazy("Choose another event, or let the end of the sale of a ticket type be changed."),
    ),
    "no_ticket_types": (
        gettext_lazy("This event has no ticket types yet, so there is nothing to sell."),
        gettext_lazy("Add one on the page of the event, or ask somebody who may."),
    ),
    "not_started": (
        gettext_lazy("The sale of this event has not begun."),
        gettext_lazy("Come back then, or let the beginning of the sale of a ticket type be changed."),
    ),
    "sold_out": (
        gettext_lazy("This event is sold out."),
        gettext_lazy("Places that are held and not paid for come free again when their time is up: look again later."),
    ),
}
MAX_EVENTS = 50
MAX_WORDS = 10
ANONYMOUS = "walk-in.invalid"  # a domain that cannot exist (RFC 2606): nothing is ever sent there


def most(kind):
    """How many of a ticket type can be sold in one booking now."""
    return min(kind.available, kind.max_per_booking)


def taken(event):
    return fill(event.reserved - event.held, event.held, event.capacity)


def clock(event):
    return on_the_wall(timezone.now(), event.venue.timezone, "H:i")


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
        help_text=gettext_lazy("Such as the number of the receipt. Without one a refund of this sale is not tracked."),
    )
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, event, types, data=None, *, typed=None):
        super().__init__(data, initial={"key": uuid.uuid4(), **(typed or {})})
        self.event, self.types = event, types
        at = timezone.now()
        self.states = {kind.pk: kind.status_at(at) for kind in types}
        for kind in types:
            self.fields[f"quantity_{kind.pk}"] = self.quantity(kind)
            if not self.is_bound and self.states[kind.pk] == "on_sale" and not self.has_focus:
                self.focus(f"quantity_{kind.pk}")
            self.fields[f"price_{kind.pk}"] = forms.DecimalField(
                widget=forms.HiddenInput, initial=money.plain(kind.price, event.currency), required=False
            )

    def quantity(self, kind):
        """What is left is no bound here, though the page shows it: of a sale that is sent twice it is less by then."""
        number = _("Enter a whole number, 0 or more.")
        too_many = _("%(limit_value)s at most in one booking.")
        if kind.available < kind.max_per_booking:  # what they would be told next
            text = _("“%(name)s”: %%(show_value)s requested, %(left)s available.")
            too_many = text % {"name": kind.name.replace("%", "%%"), "left": kind.available}
        field = forms.IntegerField(
            label=kind.name,
            min_value=0,
            max_value=kind.max_per_booking,
            required=False,
            error_messages={"invalid": number, "min_value": number, "max_value": too_many},
        )
        field.widget.attrs["max"] = most(kind)
        return field

    has_focus = False

    def focus(self, name):
        """Where whoever sells begins to type."""
        self.fields[name].widget.attrs["autofocus"] = True
        self.has_focus = True

    def full_clean(self):
        super().full_clean()
        quantities = [f"quantity_{kind.pk}" for kind in self.types if self.states[kind.pk] == "on_sale"]
        wrong = next((name for name in self.errors if name in self.fields), None)
        if self.is_bound and (first := wrong or next(iter(quantities), None)):
            self.focus(first)

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


def confirm_or_tell(booking, reference, *, by):
    """Confirms; a refusal tells what became of the payment as well."""
    try:
        booking.confirm(payment_reference=reference, by=by)
    except (HoldExpired, BookingCancelled) as refusal:
        if not reference:
            raise
        booking.refresh_from_db()
        told = _("%(why)s The payment %(payment)s is noted.")
        if booking.refund_due:
            told = _("%(why)s The payment %(payment)s is noted: %(amount)s is to be paid back.")
        due = amount(booking.refund_amount, booking.currency)
        raise type(refusal)(told % {"why": sentence(refusal), "payment": reference, "amount": due}) from None


class Selling:
    """The pages of the counter, for the admin of bookings."""

    pages = [
        Page("sell", gettext_lazy("Sell"), ("bookings.add_booking", "bookings.confirm_booking"), position=20),
    ]

    def sell(self, request):
        asked = request.GET.get("event", "")
        at = timezone.now()
        events = Event.objects.select_related("venue").with_held()
        event = events.filter(pk=asked).first() if asked.isdecimal() and len(asked) < 19 else None
        if event is None:
            return self.choose(request, events.on_sale(at))
        is_sale = request.method == "POST" and "look" not in request.POST
        types = TicketType.objects.filter(event=event).select_related("event")
        if "left" in request.GET and request.method == "GET":
            return self.left(event, types)
        sales.load_ticket_types([event])
        reason = event.sales_refusal(at)
        if reason and not is_sale:
            return self.unsold(request, event, reason, at)
        types = list(types)
        typed = {name: value for name, value in request.POST.items() if not name.startswith("price_")}
        form = SaleForm(event, types, request.POST if is_sale else None, typed=typed)
        if is_sale and form.is_valid() and self.sold(request, form):
            return HttpResponseRedirect(f"{self.page_url('sell')}?event={event.pk}")
        return self.counter(request, form)

    def choose(self, request, events):
        """What is on sale, the soonest first."""
        words = request.GET.get("q", "")
        for word in words.split()[:MAX_WORDS]:
            events = events.filter(Q(name__icontains=word) | Q(venue__name__icontains=word))
        found = list(events.order_by("starts_at", "pk")[: MAX_EVENTS + 1])
        return self.answer(
            request,
            "admin/bookings/choose_event.html",
            title=_("Sell at the counter"),
            words=words,
            events=[(event, local_span(event), taken(event)) for event in found[:MAX_EVENTS]],
            has_more=len(found) > MAX_EVENTS,
        )

    def unsold(self, request, event, reason, at):
        """Why there is nothing to sell, instead of a form that could only be refused."""
        why, advice = UNSOLD["over" if reason == "ended" and event.ends_at <= at else reason]
        may_see = self.admin_site.get_model_admin(Event).has_view_permission(request)
        zone = event.venue.timezone
        starts = event.ticket_types.filter(sales_start_at__gt=at).order_by("sales_start_at").first()
        return self.answer_about(
            request,
            "admin/bookings/unsold.html",
            event,
            why=why,
            reason=event.cancel_reason if reason == "cancelled" else "",
            begins=with_letters(starts.sales_start_at, zone) if reason == "not_started" and starts else "",
            advice=advice,
            event_url=change_url(Event, event.pk) if may_see else None,
        )

    def left(self, event, types):
        """What is left by now, for a page that is open: of each ticket type how it is shown, the most, and in words."""
        told = _("%(name)s: %(left)s left")
        left = {
            kind.pk: (shown := number(kind.available), most(kind), told % {"name": kind.name, "left": shown})
            for kind in types
        }
        return JsonResponse({"left": left, "taken": taken(event), "now": clock(event)})

    def counter(self, request, form):
        event = form.event
        facts = {"form": form, "decimals": money.DECIMALS[event.currency], "now": clock(event)}
        return self.answer_about(request, "admin/bookings/sell.html", event, **facts)

    def answer_about(self, request, template, event, **context):
        return self.answer(
            request,
            template,
            title=event.name,
            subtitle=None,
            event=event,
            when=local_span(event),
            fill=taken(event),
            change_url=self.page_url("sell"),
            **context,
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
            confirm_or_tell(booking, reference, by=request.user)
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
