"""Bookings in words: their states, what a list of them is filtered by and adds up to, and their history."""

# mypy: no-check-untyped-defs

import datetime as dt
from dataclasses import dataclass, field

from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookings.lifecycle.states import Status
from bookings.models import Ticket
from bookings.reports.queries import bookings_by_status
from config.backoffice import DayFilter, amount, on_the_wall, with_letters
from config.values import money

SOON = dt.timedelta(minutes=10)
WHAT_FINDS_IT = _(
    "Confirmation code, e-mail address, payment reference, beginning of a name or surname, event or venue"
)
RUNNING_OUT = "running-out"
LABELS = {
    Status.PENDING: _("Pending"),
    Status.CONFIRMED: _("Confirmed"),
    Status.CANCELLED: _("Cancelled"),
    Status.EXPIRED: _("Expired"),
}
TICKET_LABELS = {
    Ticket.Status.VALID: _("Valid"),
    Ticket.Status.CHECKED_IN: _("Checked in"),
    Ticket.Status.VOID: _("Void"),
}


class StateFilter(admin.SimpleListFilter):
    """By the state at this moment, whether or not anything has swept the holds."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return [*LABELS.items(), (RUNNING_OUT, _("Runs out within 10 minutes"))]

    def queryset(self, request, queryset):
        if self.value() == RUNNING_OUT:
            return queryset.expiring(timezone.now(), SOON)
        return queryset.filter(status=self.value()) if self.value() in Status.values else queryset


class MadeFilter(DayFilter):
    title = _("day of booking")
    prefix, field = "made", "created_at"


class SoldFilter(DayFilter):
    """As the reports count sales: confirmed, and by the day of that."""

    title = _("day of sale")
    prefix = "sold"

    def between(self, queryset, start, end):
        return queryset.sold(start, end)


@dataclass
class OfState:
    """What the bookings of one state add up to; amounts of different currencies are never added."""

    state: str
    label: str
    bookings: int = 0
    places: int = 0
    amounts: list = field(default_factory=list)


def amounts(by_currency):
    """Each currency's amount in words."""
    return [amount(value, currency) for currency, value in sorted(by_currency.items())]


def totals(bookings):
    """Of each state of which there are any, and what is to be paid back of them all; one statement."""
    found, due = {}, {}
    rows = bookings_by_status(bookings).annotate(due=money.Total("refund_amount"))
    for state, currency, count, places, worth, owed in rows:
        total = found.setdefault(state, OfState(state, LABELS[state]))
        total.bookings += count
        total.places += int(places)
        total.amounts.append(amount(worth, currency))
        if owed:
            due[currency] = due.get(currency, 0) + owed
    return [found[state] for state in LABELS if state in found], amounts(due)


# History

VERBS = {
    "place": _("Booked"),
    "confirm": _("Confirmed"),
    "confirm late": _("Confirmed late"),
    "expire": _("Hold ran out"),
    "extend": _("Hold extended"),
    "cancel": _("Cancelled"),
    "cancel tickets": _("Tickets cancelled"),
    "correct": _("Corrected"),
    "check in": _("Checked in"),
    "undo check-in": _("Check-in undone"),
    "note payment": _("Second payment noted"),
    "refuse payment": _("Payment refused"),
    "settle refund": _("Refund paid"),
}


def verb_in_words(verb):
    return VERBS.get(verb, verb)


def told(change, booking):
    """An entry of the history in words: what was done, when by the venue's clocks, and the particulars."""
    zone = booking.event.venue.timezone
    return verb_in_words(change.verb), on_the_wall(change.at, zone), list(particulars(change, zone))


DETAILS = {
    "amount": _("Amount"),
    "expires_at": _("Held until"),
    "payment_reference": _("Payment reference"),
    "reason": _("Reason"),
    "ticket": _("Ticket"),
    "tickets": _("Tickets"),
}
FIELDS = {"customer_email": _("E-mail"), "customer_name": _("Name"), "metadata": _("Notes")}


def particulars(change, zone):
    for name, value in change.details.items():
        if name in FIELDS:
            old, new = value
            yield FIELDS[name], f"{old} → {new}"
        elif name == "fields":  # those whose values are not kept
            left = [str(FIELDS.get(it, it)) for it in value if it not in change.details]
            if left:
                yield _("Fields"), ", ".join(left)
        elif name == "expires_at":
            yield DETAILS[name], with_letters(dt.datetime.fromisoformat(value), zone)
        else:
            yield DETAILS.get(name, name.replace("_", " ")), ", ".join(value) if isinstance(value, list) else value
