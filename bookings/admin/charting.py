"""What was sold, as charts."""

# mypy: no-check-untyped-defs

import datetime as dt

from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.models import Booking
from bookings.reports.queries import sales
from bookings.reports.rows import GroupBy
from config.backoffice import amount, list_url, number
from config.backoffice.charts import Chart, Point, columns, curve

DAY = dt.timedelta(days=1)


def sold_url(first, last, **more):
    """The list of the bookings that were sold on some days of the office's zone."""
    query = {"sold_from": first.isoformat(), "sold_to": last.isoformat(), **more}
    return f"{list_url(Booking)}?{'&'.join(f'{name}={value}' for name, value in query.items())}"


def tickets_in_words(count):
    return ngettext("%s ticket", "%s tickets", count) % number(count)


def daily_chart(rows_by_currency, *, is_linked):
    """Tickets sold a day, as columns; amounts of money are in the table, with a column for each currency."""
    currencies = list(rows_by_currency)
    points, table = [], []
    for rows in zip(*rows_by_currency.values(), strict=True):
        day = dt.date.fromisoformat(rows[0].group)
        tickets = sum(row.tickets for row in rows)
        amounts = [amount(row.revenue, row.currency) for row in rows]
        url = sold_url(day, day) if is_linked else ""
        title = date_format(day, "D j M Y")
        told = [tickets_in_words(tickets), *(text for text, row in zip(amounts, rows, strict=True) if row.bookings)]
        points.append(Point(date_format(day, "j M"), tickets, f"{title}: {', '.join(told)}", url))
        table.append([title, sum(row.bookings for row in rows), linked(number(tickets), url), *amounts])
    if not points:
        return None
    header = [_("Day"), _("Bookings"), _("Tickets"), *currencies]
    return Chart(_("Tickets sold a day"), columns(points), header, table)


def linked(text, url):
    return format_html('<a href="{}">{}</a>', url, text) if url else text


def sales_curve(event):
    """Tickets sold of an event altogether, day by day; None before the first one."""
    zone = event.venue.timezone
    by_day = {}
    for row in sales(GroupBy.DAY, event.bookings.all(), timezone=zone):
        by_day[dt.date.fromisoformat(row.group)] = row
    if not by_day:
        return None
    day, last, total = min(by_day), max(by_day), 0
    points, table = [Point(date_format(day - DAY, "j M"), 0, date_format(day - DAY, "D j M Y"))], []
    while day <= last:
        row = by_day.get(day)
        total += row.tickets if row else 0
        title = date_format(day, "D j M Y")
        points.append(Point(date_format(day, "j M"), total, f"{title}: {tickets_in_words(total)}"))
        if row:
            table.append([title, number(row.tickets), number(total), amount(row.revenue, row.currency)])
        day += DAY
    header = [_("Day"), _("Tickets"), _("Altogether"), _("Revenue")]
    return Chart(_("Tickets sold altogether"), curve(points), header, table)
