"""What the dashboard shows: sales, upcoming events, holds and refunds."""

import datetime as dt

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from bookings.admin.charts import daily_chart, sold_url
from bookings.admin.filters import EXPIRING_SOON, SOON
from bookings.models import Booking
from bookings.payments.models import ProviderEvent, Refund
from bookings.reports.admissions import FIGURES, counts_of
from bookings.reports.queries import daily, refunds_due, sales
from bookings.reports.rows import GroupBy
from config.backoffice.formats import (
    change_url,
    format_amount,
    format_number,
    list_url,
    local_time_with_zone,
    office_time,
    places_bar,
)
from config.backoffice.times import day_starts_at, office_day
from config.outbox import heartbeat
from config.values.timezones import zone_label
from events.models import Event

DAYS = 30
MAX_EVENTS = 8
MAX_ROWS = 5
MAX_COUNTED = 1000


def dashboard(request):
    """The context of the template; its number of queries does not depend on the number of rows."""
    at = timezone.now()
    today = office_day(at)
    context = {"today": date_format(today, "l j F Y"), "timezone": zone_label(settings.BACK_OFFICE_TIME_ZONE)}
    may_list = request.user.has_perm("bookings.view_booking")
    if request.user.has_perm("bookings.view_reports"):
        context |= sales_context(today, is_linked=may_list)
        context["till_url"] = reverse("admin:payments_payment_till")
    if may_list:
        context |= holds_context(at) | refunds_context() | unpaid_context()
    if request.user.has_perm("payments.view_providerevent"):
        context |= unhandled_context()
    if request.user.has_perm("outbox.view_feedchange"):
        context |= worker_context(at)
    if request.user.has_perm("events.view_event"):
        context |= events_context(at)
        if request.user.has_perm("bookings.view_admissions"):
            context |= doors_context(request, at)
    return context


def sales_context(today, *, is_linked):
    first = today - dt.timedelta(days=DAYS - 1)
    monday = today - dt.timedelta(days=today.weekday())
    by_currency = daily(first, today, timezone=settings.BACK_OFFICE_TIME_ZONE)
    return {
        "tiles": [
            sales_tile(_("Sold today"), by_currency, today, today, is_linked=is_linked),
            sales_tile(_("Sold this week"), by_currency, monday, today, is_linked=is_linked),
            sales_tile(_("Sold in 30 days"), by_currency, first, today, is_linked=is_linked),
        ],
        "daily": daily_chart(by_currency, is_linked=is_linked),
        "by_event": best_sellers(first, today, is_linked=is_linked),
    }


def sales_tile(name, by_currency, first, last, *, is_linked):
    tickets, bookings, amounts = 0, 0, []
    for currency, days in by_currency.items():
        rows = [row for row in days if first.isoformat() <= row.group <= last.isoformat()]
        tickets += sum(row.tickets for row in rows)
        bookings += sum(row.bookings for row in rows)
        if any(row.bookings for row in rows):
            amounts.append(format_amount(sum(row.revenue for row in rows), currency))
    url = sold_url(first, last) if is_linked else None
    return {"name": name, "tickets": tickets, "bookings": bookings, "amounts": amounts, "url": url}


def best_sellers(first, today, *, is_linked):
    start = day_starts_at(first, settings.BACK_OFFICE_TIME_ZONE)
    rows = sorted(sales(GroupBy.EVENT, Booking.objects.sold(start)), key=lambda row: (-row.tickets, row.label))
    return [
        {
            "label": row.label,
            "url": change_url(Event, row.group),
            "tickets": row.tickets,
            "list_url": sold_url(first, today, event__id__exact=row.group) if is_linked else None,
            "width": f"{100 * row.tickets / rows[0].tickets:.1f}",
            "revenue": format_amount(row.revenue, row.currency),
        }
        for row in rows[:MAX_EVENTS]
    ]


def holds_context(at):
    holds = Booking.objects.expiring(at, SOON)
    return {
        "holds": [
            {
                "booking": booking,
                "url": change_url(Booking, booking.pk),
                "minutes": -(-booking.seconds_left(at) // 60),
                "total": format_amount(booking.total_price, booking.currency),
            }
            for booking in holds.select_related("event__venue")[:MAX_ROWS]
        ],
        "holds_count": bounded_count(holds),
        "holds_url": list_url(Booking, state=EXPIRING_SOON),
    }


def refunds_context():
    due = list(refunds_due())
    return {
        "refunds": [
            {
                "booking": booking,
                "url": change_url(Booking, booking.pk),
                "amount": format_amount(booking.refund_amount, booking.currency),
            }
            for booking in Booking.objects.with_refund_due().select_related("event__venue")[:MAX_ROWS]
        ],
        "refunds_count": format_number(sum(count for _currency, count, _amount in due)),
        "refunds_amounts": [format_amount(amount, currency) for currency, _count, amount in due],
        "refunds_url": list_url(Booking, refund_due__exact=1),
    }


def unpaid_context():
    """Refunds that failed and are still due, and what was sold and is not wholly paid."""
    failed = Refund.objects.filter(status=Refund.Status.FAILED, payment__booking__refund_due=True)
    unpaid = Booking.objects.with_amount_due()
    return {
        "failed_refunds": [
            {
                "booking": refund.payment.booking,
                "url": change_url(Booking, refund.payment.booking_id),
                "error": refund.error,
                "amount": format_amount(refund.amount, refund.payment.currency),
            }
            for refund in failed.select_related("payment__booking").order_by("-created_at")[:MAX_ROWS]
        ],
        "unpaid": [
            {
                "booking": booking,
                "url": change_url(Booking, booking.pk),
                "amount": format_amount(booking.amount_due, booking.currency),
            }
            for booking in unpaid.select_related("event__venue").order_by("created_at")[:MAX_ROWS]
        ],
        "unpaid_count": bounded_count(unpaid),
        "unpaid_url": list_url(Booking, due="yes"),
    }


def unhandled_context():
    return {
        "unhandled_count": ProviderEvent.objects.filter(handled_at=None).count(),
        "unhandled_url": list_url(ProviderEvent, handled="no"),
    }


def worker_context(at):
    found = heartbeat.status(at)
    return {"worker": found, "worker_seen": found.seen_at and office_time(found.seen_at)}


def bounded_count(rows):
    count = rows.order_by()[: MAX_COUNTED + 1].count()
    return format_number(count) if count <= MAX_COUNTED else _("more than %s") % format_number(MAX_COUNTED)


def doors_context(request, at):
    """Published events whose doors are open; two queries."""
    soon = at + dt.timedelta(hours=settings.DOOR_OPENS_HOURS)
    found = Event.objects.filter(status=Event.Status.PUBLISHED, starts_at__lte=soon).upcoming(at)
    events = list(found.select_related("venue").order_by("starts_at", "pk")[:MAX_EVENTS])
    if not events:
        return {}
    counts = counts_of([event.pk for event in events])
    may_open = request.user.has_perms(("bookings.view_ticket", "bookings.check_in_ticket"))
    door = reverse("admin:bookings_ticket_door")
    return {
        "doors": [
            {
                "event": event,
                "url": f"{door}?event={event.pk}" if may_open else change_url(Event, event.pk),
                "when": local_time_with_zone(event.starts_at, event.venue.timezone),
                **counts.get(event.pk, dict.fromkeys(FIGURES, 0)),
            }
            for event in events
        ]
    }


def events_context(at):
    """Published events that are not over, the next one first."""
    published = Event.objects.filter(status=Event.Status.PUBLISHED).upcoming(at)
    events = published.select_related("venue").with_held().order_by("starts_at", "pk")
    return {
        "events": [
            {
                "event": event,
                "url": change_url(Event, event.pk),
                "when": local_time_with_zone(event.starts_at, event.venue.timezone),
                "bar": places_bar(event),
            }
            for event in events[:MAX_EVENTS]
        ],
        "events_count": bounded_count(published),
        "events_url": list_url(Event, status__exact="published", when="upcoming"),
    }
