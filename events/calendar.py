"""Events as calendars have them: iCalendar (RFC 5545)."""

import datetime as dt
import uuid
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.conf import settings
from icalendar import STATUS, Calendar
from icalendar import Event as Entry
from rest_framework.renderers import BaseRenderer

from events.models import Event

NAMESPACE = uuid.UUID("7a1b3c52-6f0e-4b7e-9d0a-3f5c0f6d2c11")  # of these ids alone; must never change
REFRESH = dt.timedelta(hours=1)  # how often a calendar that subscribes should look
STATUSES: dict[str, STATUS] = {
    Event.Status.DRAFT: STATUS.TENTATIVE,
    Event.Status.PUBLISHED: STATUS.CONFIRMED,
    Event.Status.CANCELLED: STATUS.CANCELLED,
}


class CalendarRenderer(BaseRenderer):
    media_type = "text/calendar"
    format = "ics"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        return data


def calendar(events: Iterable[Event]) -> bytes:
    """The events as one calendar. Needs their venues."""
    found = Calendar.new(
        name=settings.PROJECT_NAME,
        prodid=f"-//{settings.PROJECT_NAME}//{settings.VERSION}//EN",
        refresh_interval=REFRESH,
    )
    del found["UID"]  # a random one for each answer, which nothing needs
    found["REFRESH-INTERVAL"].params["VALUE"] = "DURATION"  # RFC 7986, section 5.7
    end = b"END:VCALENDAR\r\n"
    return b"".join([found.to_ical().removesuffix(end), *map(entry, events), end])


def entry(event: Event) -> bytes:
    """All times are instants in UTC, so that no calendar has to know the venue's zone.

    The stamp is the last change and not the present: the same event gives the same text, which a cache can keep.
    """
    state = "cancelled" if event.status == Event.Status.CANCELLED else "postponed" if event.is_postponed else ""
    changed_at = max(event.updated_at, event.venue.updated_at)  # of either: the location is the venue's address
    return render(
        uid=uid(event),
        sequence=event.sequence,
        status=STATUS.TENTATIVE if state == "postponed" else STATUSES.get(event.status),
        summary=f"{state.capitalize()}: {event.name}" if state else event.name,  # some calendars do not show a status
        description="\n\n".join(filter(None, [event.cancel_reason, event.description])) or None,
        location=f"{event.venue.name}, {event.venue.address}",
        start=event.starts_at,
        end=event.ends_at,
        created=event.created_at,
        last_modified=changed_at,
        stamp=changed_at,
    )


@lru_cache(maxsize=10_000)  # a full feed
def render(**data: Any) -> bytes:
    """Cached, since it is 90 % of the work of an answer, and most events do not change between answers."""
    return Entry.new(**data).to_ical()


def uid(event: Event) -> uuid.UUID:
    """The same for ever, and another in every installation: the instant of its making belongs to it."""
    return uuid.uuid5(NAMESPACE, f"{event.pk} {event.created_at.isoformat()}")
