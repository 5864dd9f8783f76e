"""The page of the till: what was taken and given back on a day."""

import datetime as dt
from decimal import Decimal

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.admin.labels import METHODS
from bookings.reports.movements import till, till_of
from config.api import tables
from config.backoffice.formats import format_amount, format_number
from config.backoffice.pages import Page, PagesAdmin
from config.backoffice.times import office_day
from config.values import money
from config.values.timezones import zone_label

COLUMNS = ("user", "method", "currency", "payments", "refunds", "net", "count")
DAY = dt.timedelta(days=1)
YEARS = range(2000, 2101)  # as in the API


def chosen_day(text):
    """The day of the URL; today for anything else."""
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        day = None
    return day if day and day.year in YEARS else office_day(timezone.now())


def cells(row):
    amounts = (Decimal(money.plain(amount, row.currency)) for amount in (row.payments, row.refunds, row.net))
    return row.user, row.method, row.currency, *amounts, row.count


def shown(row):
    amounts = {name: format_amount(getattr(row, name), row.currency) for name in ("payments", "refunds", "net")}
    return {
        "user": row.user,
        "method": METHODS.get(row.method, row.method),
        "count": format_number(row.count),
        **amounts,
    }


def totals(rows):
    """The net amount of each method and currency."""
    sums = {}
    for row in rows:
        sums[row.method, row.currency] = sums.get((row.method, row.currency), 0) + row.net
    return [
        (METHODS.get(method, method), format_amount(net, currency)) for (method, currency), net in sorted(sums.items())
    ]


class TillAdmin(PagesAdmin):
    pages = [Page("till", gettext_lazy("Till"), ("bookings.view_reports",), position=25)]

    def till(self, request):
        day = chosen_day(request.GET.get("day", ""))
        rows = list(till(*till_of(day)))
        if request.GET.get("format") == "csv":
            return tables.csv_response(f"till-{day}", COLUMNS, map(cells, rows))
        return self.render_page(
            request,
            "admin/payments/till.html",
            title=_("Till"),
            day=day.isoformat(),
            day_text=date_format(day, "l j F Y"),
            zone=zone_label(settings.BACK_OFFICE_TIME_ZONE),
            before=(day - DAY).isoformat(),
            after=(day + DAY).isoformat(),
            rows=list(map(shown, rows)),
            totals=totals(rows),
        )
