"""Extending the hold of a pending booking."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, Q, Value
from django.db.models.functions import Least

from bookings import models
from bookings.lifecycle.place import is_anonymous
from bookings.lifecycle.states import Status
from bookings.lifecycle.telling import tell_bookings
from bookings.lifecycle.transitions import HOLD_LASTS
from bookings.problems import BookingCancelled, BookingNotPending, HoldExpired, format_instant
from config.database.clock import Now


def extend(booking: "models.Booking", *, hold: dt.timedelta | None, by: Any) -> "models.Booking":
    longest = dt.timedelta(minutes=settings.BOOKING_HOLD_MINUTES_MAX)
    hold = min(hold or dt.timedelta(minutes=settings.BOOKING_HOLD_MINUTES), longest)
    end: Any = ExpressionWrapper(Now() + hold, output_field=DateTimeField())
    if is_anonymous(by):
        end = Least(end, Value(booking.created_at + longest, DateTimeField()))
    booking.is_extended = set_end(booking, end, by)
    booking.refresh_from_db()
    if not booking.is_extended:
        refuse_without_hold(booking)
    return booking


def set_end(booking: "models.Booking", end: Any, by: Any) -> bool:
    """One conditional UPDATE, since other verbs may move the booking, or release its hold, at the same moment."""
    with transaction.atomic():
        rows = models.Booking.objects.pending().filter(HOLD_LASTS, pk=booking.pk)
        is_extended = rows.filter(Q(expires_at__lt=end)).update(expires_at=end) == 1
        if is_extended:
            booking.refresh_from_db(fields=["expires_at"])
            note = {"expires_at": format_instant(booking.expires_at)}
            models.BookingChange.entry(booking.pk, "extend", Status.PENDING, Status.PENDING, by=by, **note).save()
            tell_bookings("extend", booking.pk, by=by)
    return is_extended


def refuse_without_hold(booking: "models.Booking") -> None:
    """Returns for a hold that ends later than requested; raises when the booking has no hold."""
    if booking.status == Status.CONFIRMED:
        raise BookingNotPending("The booking is confirmed, so its places do not expire.")
    if booking.status == Status.CANCELLED:
        raise BookingCancelled("The booking is cancelled.")
    if not models.Booking.objects.pending().filter(HOLD_LASTS, pk=booking.pk).exists():
        raise HoldExpired("The hold has expired. Its places are already available again.")
