"""The calendar page: the events of a month, with their available places."""

import calendar
import datetime as dt

from django.contrib import admin, messages
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.backoffice.filters import autocomplete
from config.backoffice.formats import change_url, format_number, local_time, places_bar
from config.backoffice.times import office_day
from config.values.timezones import find_zone, zone_label
from events.inventory import sales
from events.models import EARLIEST, LATEST, Event

MAX_EVENTS = 1000  # of a month
MAX_SHOWN = 4  # of a day; the rest is folded
DAY = dt.timedelta(days=1)


def parse_month(text):
    """The first day of a month such as `2026-12`; None when there is no such month."""
    try:
        first = dt.datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007  a month has no zone
    except ValueError:
        return None
    return first if EARLIEST.date() <= first < LATEST.date() else None


def availability_text(event, at):
    texts = {
        "cancelled": _("cancelled"),
        "not_published": _("draft"),
        "ended": _("ended"),
        "paused": _("postponed") if event.is_postponed else _("sales paused"),
        "sold_out": _("sold out"),
        "no_ticket_types": _("no ticket types"),
    }
    available = ngettext("%s available", "%s available", event.available) % format_number(event.available)
    return texts.get(event.sales_refusal(at), available)


class CalendarAdmin(admin.ModelAdmin):
    def calendar(self, request):
        today = office_day(timezone.now())
        this_month = today.replace(day=1)
        month = request.GET.get("month", "")
        first = parse_month(month) if month else this_month
        if first is None:
            first = this_month
            text = _("“%s” is not a month: enter one such as 2026-12. The current month is shown.")
            messages.error(request, text % month)
        venue, select = autocomplete(self, Event._meta.get_field("venue"), request, "venue")
        if request.GET.get("venue") and venue is None:
            text = _("There is no venue “%s”. The events of all venues are shown.")
            messages.error(request, text % request.GET["venue"])
        days = self.entries_by_day(request, first, venue)
        count = sum(len(entries) for entries in days.values())
        weeks = calendar.Calendar().monthdatescalendar(first.year, first.month)
        previous, following = first - DAY, (first + 32 * DAY).replace(day=1)
        return self.render_page(
            request,
            "admin/events/calendar.html",
            media=self.media,
            title=date_format(first, "F Y"),
            weekdays=[(date_format(day, "l"), date_format(day, "D")) for day in weeks[0]],
            weeks=[[self.day_context(day, days.get(day, []), first, today) for day in week] for week in weeks],
            count=count,
            has_more=count > MAX_EVENTS,
            previous=f"{previous:%Y-%m}" if first > EARLIEST.date() else None,
            next=f"{following:%Y-%m}" if following < LATEST.date() else None,
            month=f"{first:%Y-%m}",
            is_this_month=first == this_month,
            venue=venue,
            select=select,
        )

    def day_context(self, day, entries, first, today):
        return {
            "date": day,
            "is_outside": day.month != first.month,
            "is_today": day == today,
            "entries": entries[:MAX_SHOWN],
            "more": entries[MAX_SHOWN:],
        }

    def entries_by_day(self, request, first, venue):
        """The events of a month by the day at their venues, which can be a day before or after that in UTC."""
        start = dt.datetime.combine(first - DAY, dt.time(), dt.UTC)
        end = dt.datetime.combine((first + 32 * DAY).replace(day=1) + DAY, dt.time(), dt.UTC)
        events = self.get_queryset(request).filter(starts_at__gte=start, starts_at__lt=end)
        events = events.filter(venue=venue) if venue else events
        events = list(events.order_by("starts_at", "pk")[: MAX_EVENTS + 1])
        sales.load_ticket_types(events)
        days = {}
        for event in events:
            day = event.starts_at.astimezone(find_zone(event.venue.timezone)).date()
            if (day.year, day.month) == (first.year, first.month):
                days.setdefault(day, []).append(self.entry(event))
        for entries in days.values():  # by local time, which differs from the order of the instants
            entries.sort(key=lambda entry: (entry["time"], entry["event"].starts_at, entry["event"].pk))
        return days

    def entry(self, event):
        at = timezone.now()
        return {
            "event": event,
            "zone": zone_label(event.venue.timezone),
            "time": local_time(event.starts_at, event.venue.timezone, "%H:%M"),
            "availability": availability_text(event, at),
            "kind": event.sales_refusal(at) or "on_sale",
            "bar": places_bar(event),
            "url": change_url(Event, event.pk),
        }
