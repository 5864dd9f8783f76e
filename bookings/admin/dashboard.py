"""The front page: how the sale goes, and what is to be done now."""

# mypy: no-check-untyped-defs

import datetime as dt

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from bookings.admin.charting import daily_chart, sold_url
from bookings.admin.wording import RUNNING_OUT, SOON
from bookings.models import Booking
from bookings.reports.queries import daily, refunds_due, sales
from bookings.reports.rows import GroupBy
from config.backoffice import amount, change_url, fill, first_instant, in_one_line, list_url, local, number, office_day
from events.models import Event

DAYS = 30
MAX_EVENTS = 8
MAX_ROWS = 5
MAX_COUNTED = 1000  # of what is to be done


def dashboard(request):
    """What the front page shows this person, in a handful of statements whatever there is in the tables."""
    at = timezone.now()
    user = request.user
    today = office_day(at)
    shown = {"today": date_format(today, "l j F Y"), "timezone": settings.BACK_OFFICE_TIME_ZONE}
    may_list = user.has_perm("bookings.view_booking")
    if user.has_perm("bookings.view_reports"):
        shown |= sold(today, is_linked=may_list)
    if may_list:
        shown |= to_do(at)
    if user.has_perm("events.view_event"):
        shown |= coming_up(at)
    return shown


# Sales


def sold(today, *, is_linked):
    first = today - (DAYS - 1) * dt.timedelta(days=1)
    monday = today - today.weekday() * dt.timedelta(days=1)
    by_currency = daily(first, today, timezone=settings.BACK_OFFICE_TIME_ZONE)
    return {
        "tiles": [
            tile(_("Sold today"), by_currency, today, today, is_linked=is_linked),
            tile(_("Sold this week"), by_currency, monday, today, is_linked=is_linked),
            tile(_("Sold in 30 days"), by_currency, first, today, is_linked=is_linked),
        ],
        "daily": daily_chart(by_currency, is_linked=is_linked),
        "by_event": by_event(first, today, is_linked=is_linked),
    }


def tile(name, by_currency, first, last, *, is_linked):
    days = {currency: [row for row in rows if first.isoformat() <= row.group <= last.isoformat()]
            for currency, rows in by_currency.items()}  # fmt: skip
    rows = [row for found in days.values() for row in found]
    return {
        "name": name,
        "tickets": sum(row.tickets for row in rows),
        "bookings": sum(row.bookings for row in rows),
        "amounts": [
            amount(sum(row.revenue for row in found), currency)
            for currency, found in days.items()
            if any(row.bookings for row in found)
        ],
        "url": sold_url(first, last) if is_linked else None,
    }


def by_event(first, today, *, is_linked):
    """The events of which most tickets were sold, each with a bar against the first."""
    start = first_instant(first, settings.BACK_OFFICE_TIME_ZONE)
    rows = sorted(sales(GroupBy.EVENT, Booking.objects.sold(start)), key=lambda row: (-row.tickets, row.label))
    most = rows[0].tickets if rows else 0
    return [
        {
            "label": row.label,
            "url": change_url(Event, row.group),
            "tickets": row.tickets,
            "list_url": sold_url(first, today, event__id__exact=row.group) if is_linked else None,
            "width": f"{100 * row.tickets / most:.1f}",
            "revenue": amount(row.revenue, row.currency),
        }
        for row in rows[:MAX_EVENTS]
    ]


# What is to be done


def to_do(at):
    running_out, late = Booking.objects.expiring(at, SOON), Booking.objects.with_refund_due()
    due = list(refunds_due())
    return {
        "holds": [
            {
                "booking": booking,
                "url": change_url(Booking, booking.pk),
                "minutes": -(-booking.seconds_left(at) // 60),
                "total": amount(booking.total_price, booking.currency),
            }
            for booking in running_out.select_related("event__venue")[:MAX_ROWS]
        ],
        "holds_count": counted(running_out),
        "holds_url": f"{list_url(Booking)}?state={RUNNING_OUT}",
        "refunds": [
            {
                "booking": booking,
                "url": change_url(Booking, booking.pk),
                "total": amount(booking.refund_amount, booking.currency),
            }
            for booking in late.select_related("event__venue")[:MAX_ROWS]
        ],
        "refunds_count": number(sum(count for _currency, count, _amount in due)),
        "refunds_amounts": [amount(value, currency) for currency, _count, value in due],
        "refunds_url": f"{list_url(Booking)}?refund_due__exact=1",
    }


def counted(rows):
    """How many there are, or that there are more than anybody would look through."""
    count = rows.order_by()[: MAX_COUNTED + 1].count()
    return number(count) if count <= MAX_COUNTED else _("more than %s") % number(MAX_COUNTED)


def coming_up(at):
    """Published events that are not over, the soonest first."""
    published = Event.objects.filter(status=Event.Status.PUBLISHED).upcoming(at)
    events = published.select_related("venue").with_held().order_by("starts_at", "pk")
    return {
        "events": [
            {
                "event": event,
                "url": change_url(Event, event.pk),
                "when": local(event.starts_at, event.venue.timezone),
                "fill": fill(event.reserved - event.held, event.held, event.capacity),
                "label": in_one_line(event),
            }
            for event in events[:MAX_EVENTS]
        ],
        "events_count": counted(published),
        "events_url": f"{list_url(Event)}?status__exact=published&when=upcoming",
    }
