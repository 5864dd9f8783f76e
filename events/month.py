"""A page of the admin: the events of a month, each on its day at its venue, with what is left."""

# mypy: no-check-untyped-defs

import calendar
import datetime as dt
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.backoffice import change_url, choice_of, fill, number, office_day, on_the_wall
from events.inventory import sales
from events.models import EARLIEST, LATEST, Event

MAX_EVENTS = 1000  # of a month
MAX_SHOWN = 4  # of a day, before the rest is folded
DAY = dt.timedelta(days=1)


def month_of(text, today):
    """The first day of the month that is asked for as `2026-12`; None when there is no such month."""
    if not text:
        return today.replace(day=1)
    try:
        first = dt.datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007  a month has no zone
    except ValueError:
        return None
    return first if EARLIEST.date() <= first < LATEST.date() else None


def left_in_words(event, at):
    """What the calendar says of an event in a word or two."""
    refusal = event.sales_refusal(at)
    words = {
        "cancelled": _("cancelled"),
        "not_published": _("draft"),
        "ended": _("over"),
        "sold_out": _("sold out"),
        "no_ticket_types": _("no ticket types"),
    }
    left = ngettext("%s left", "%s left", event.available) % number(event.available)
    return words.get(refusal, left)


class MonthPage:
    def calendar(self, request):
        at = timezone.now()
        today = office_day(at)
        asked = {name: request.GET.get(name, "") for name in ("month", "venue")}
        first = month_of(asked["month"], today)
        if first is None:
            first = today.replace(day=1)
            text = _("There is no month “%s”: one is written such as 2026-12. This month is shown.")
            messages.error(request, text % asked["month"])
        following = (first + 32 * DAY).replace(day=1)
        venue, select = choice_of(self, Event._meta.get_field("venue"), request, "venue")
        if asked["venue"] and venue is None:
            messages.error(request, _("There is no venue “%s”: the events of all are shown.") % asked["venue"])
        # The clocks of the world are up to a day apart.
        bounds = [dt.datetime.combine(day, dt.time(), dt.UTC) for day in (first - DAY, following + DAY)]
        events = self.get_queryset(request).filter(starts_at__gte=bounds[0], starts_at__lt=bounds[1])
        events = (events.filter(venue=venue) if venue else events).order_by("starts_at", "pk")[: MAX_EVENTS + 1]
        by_day, count = self.by_day(events, at, first)
        weeks = calendar.Calendar().monthdatescalendar(first.year, first.month)
        return TemplateResponse(
            request,
            "admin/events/calendar.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "media": self.media,
                "title": date_format(first, "F Y"),
                "subtitle": None,
                "weekdays": [(date_format(day, "l"), date_format(day, "D")) for day in weeks[0]],
                "weeks": [[self.day(day, by_day, first, today) for day in week] for week in weeks],
                "count": count,
                "has_more": count > MAX_EVENTS,
                "previous": f"{first - DAY:%Y-%m}" if first > EARLIEST.date() else None,
                "next": f"{following:%Y-%m}" if following < LATEST.date() else None,
                "month": f"{first:%Y-%m}",
                "is_this_month": first == today.replace(day=1),
                "venue": venue,
                "select": select,
            },
        )

    def day(self, day, by_day, first, today):
        entries = by_day.get(day, []) if day.month == first.month else []
        return {
            "date": day,
            "is_outside": day.month != first.month,
            "is_today": day == today,
            "entries": entries[:MAX_SHOWN],
            "more": entries[MAX_SHOWN:],
        }

    def by_day(self, events, at, first):
        """What is shown of each event, by the day on which it starts where it is."""
        found = {}
        events = list(events)
        sales.load_ticket_types(events)
        for event in events:
            zone = event.venue.timezone
            day = event.starts_at.astimezone(ZoneInfo(zone)).date()
            if (day.year, day.month) == (first.year, first.month):
                entry = {
                    "event": event,
                    "time": on_the_wall(event.starts_at, zone, "H:i"),
                    "left": left_in_words(event, at),
                    "kind": event.sales_refusal(at) or "on_sale",
                    "fill": fill(event.reserved - event.held, event.held, event.capacity),
                    "url": change_url(Event, event.pk),
                }
                found.setdefault(day, []).append(entry)
        for entries in found.values():  # of venues in different zones the later one can have begun before
            entries.sort(key=lambda entry: (entry["time"], entry["event"].starts_at, entry["event"].pk))
        return found, sum(len(entries) for entries in found.values())
