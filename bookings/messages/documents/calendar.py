"""A booking as calendars have it: iCalendar (RFC 5545), with a UID that stays."""

import uuid
from typing import Any

from django.conf import settings
from icalendar import STATUS, Calendar
from icalendar import Event as Entry

from bookings.lifecycle.states import Status
from events.models import Event

NAMESPACE = uuid.UUID("c1b0f1e2-84ea-4ac5-9d8b-53a1c4b4f5b7")  # of these ids alone; must never change


def booking_calendar(booking: Any) -> bytes:
    """One entry. A cancelled booking takes it out of the calendar again (RFC 5546). Needs the event and its venue."""
    event, venue = booking.event, booking.event.venue
    is_cancelled = booking.status == Status.CANCELLED or event.status == Event.Status.CANCELLED
    is_certain = booking.status == Status.CONFIRMED and not event.is_postponed
    of_booking = STATUS.CONFIRMED if is_certain else STATUS.TENTATIVE
    status = STATUS.CANCELLED if is_cancelled else of_booking
    found = Calendar.new(prodid=f"-//{settings.PROJECT_NAME}//{settings.VERSION}//EN")
    found.pop("UID", None)
    found["METHOD"] = "CANCEL" if is_cancelled else "PUBLISH"
    changed_at = max(event.updated_at, venue.updated_at, booking.cancelled_at or booking.created_at)
    found.add_component(
        Entry.new(
            uid=uuid.uuid5(NAMESPACE, f"{booking.pk}"),
            sequence=event.sequence + int(is_cancelled),
            status=status,
            summary=f"Postponed: {event.name}" if event.is_postponed else event.name,
            description=f"Booking {booking.confirmation_code}",
            location=f"{venue.name}, {venue.address}",
            start=event.starts_at,
            end=event.ends_at,
            created=booking.created_at,
            last_modified=changed_at,
            stamp=changed_at,
        )
    )
    return found.to_ical()
