"""Charts of sales."""

import datetime as dt

from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.models import Booking
from bookings.reports.queries import sales_by_day
from config.backoffice.charts import Chart, Point, bar_chart, line_chart
from config.backoffice.formats import format_amount, format_number, list_url

DAY = dt.timedelta(days=1)


def sold_url(first, last, **filters):
    """The list of the bookings that were sold on some days of BACK_OFFICE_TIME_ZONE."""
    return list_url(Booking, sold_from=first.isoformat(), sold_to=last.isoformat(), **filters)


def ticket_count(count):
    return ngettext("%s ticket", "%s tickets", count) % format_number(count)


def daily_chart(rows_by_currency, *, is_linked):
    """Tickets sold per day; the table has a column of revenue for each currency."""
    points, table = [], []
    for rows in zip(*rows_by_currency.values(), strict=True):
        day = dt.date.fromisoformat(rows[0].group)
        tickets = sum(row.tickets for row in rows)
        amounts = [format_amount(row.revenue, row.currency) for row in rows]
        url = sold_url(day, day) if is_linked else ""
        title = date_format(day, "D j M Y")
        texts = [ticket_count(tickets), *(text for text, row in zip(amounts, rows, strict=True) if row.bookings)]
        points.append(Point(date_format(day, "j M"), tickets, f"{title}: {', '.join(texts)}", url))
        number = format_number(tickets)
        cell = format_html('<a href="{}">{}</a>', url, number) if url else number
        table.append([title, sum(row.bookings for row in rows), cell, *amounts])
    if not points:
        return None
    header = [_("Day"), _("Bookings"), _("Tickets"), *rows_by_currency]
    return Chart(_("Tickets sold per day"), bar_chart(points), header, table)


def sales_curve(event):
    """The total of tickets sold, day by day; None when there is none."""
    rows = sales_by_day(event.bookings.all(), event.venue.timezone)
    by_day = {dt.date.fromisoformat(row.group): row for row in rows}
    if not by_day:
        return None
    day, last, total = min(by_day), max(by_day), 0
    points, table = [Point(date_format(day - DAY, "j M"), 0, date_format(day - DAY, "D j M Y"))], []
    while day <= last:
        row = by_day.get(day)
        total += row.tickets if row else 0
        title = date_format(day, "D j M Y")
        points.append(Point(date_format(day, "j M"), total, f"{title}: {ticket_count(total)}"))
        if row:
            revenue = format_amount(row.revenue, row.currency)
            table.append([title, format_number(row.tickets), format_number(total), revenue])
        day += DAY
    header = [_("Day"), _("Tickets"), _("Total"), _("Revenue")]
    return Chart(_("Tickets sold in total"), line_chart(points), header, table)
