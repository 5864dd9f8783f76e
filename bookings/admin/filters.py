"""Filters of the list of bookings, and its totals."""

import datetime as dt
from dataclasses import dataclass, field

from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookings.admin.labels import STATES
from bookings.lifecycle.states import Status
from bookings.reports.queries import bookings_by_status
from config.backoffice.filters import DayFilter
from config.backoffice.formats import format_amount
from config.values import money

SOON = dt.timedelta(minutes=10)
EXPIRING_SOON = "expiring-soon"


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return [*STATES.items(), (EXPIRING_SOON, _("Expires within 10 minutes"))]

    def queryset(self, request, queryset):
        if self.value() == EXPIRING_SOON:
            return queryset.expiring(timezone.now(), SOON)
        return queryset.filter(status=self.value()) if self.value() in Status.values else queryset


class AmountDueFilter(admin.SimpleListFilter):
    title = _("payment")
    parameter_name = "due"

    def lookups(self, request, model_admin):
        return [("yes", _("Sold, and not wholly paid"))]

    def queryset(self, request, queryset):
        return queryset.with_amount_due() if self.value() == "yes" else queryset


class CreatedFilter(DayFilter):
    title = _("day of booking")
    prefix, field = "created", "created_at"


class SoldFilter(DayFilter):
    """As reports count sales: confirmed bookings, by the day of confirmation."""

    title = _("day of sale")
    prefix = "sold"

    def between(self, queryset, start, end):
        return queryset.sold(start, end)


@dataclass
class StateTotal:
    """The bookings of one state, with an amount for each currency."""

    state: str
    label: str
    bookings: int = 0
    places: int = 0
    amounts: list = field(default_factory=list)


def format_amounts(by_currency):
    return [format_amount(value, currency) for currency, value in sorted(by_currency.items())]


def list_totals(bookings):
    """The totals of each state, and the refunds that are due; one query."""
    totals, due = {}, {}
    rows = bookings_by_status(bookings).annotate(due=money.Total("refund_amount"))
    for state, currency, count, places, amount, refunds in rows:
        total = totals.setdefault(state, StateTotal(state, STATES.get(state, state)))
        total.bookings += count
        total.places += int(places)
        total.amounts.append(format_amount(amount, currency))
        if refunds:
            due[currency] = due.get(currency, 0) + refunds
    return [totals[state] for state in dict.fromkeys([*STATES, *totals]) if state in totals], format_amounts(due)
