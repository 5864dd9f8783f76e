"""More time for a booking that holds its places already."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, Q
from django.db.models.functions import Now

from bookings import models
from bookings.lifecycle.states import Status
from bookings.problems import BookingCancelled, BookingNotPending, HoldExpired, instant


def extend(booking: "models.Booking", *, hold: dt.timedelta | None, by: Any) -> "models.Booking":
    most = dt.timedelta(minutes=settings.BOOKING_HOLD_MINUTES_MAX)
    hold = min(hold or dt.timedelta(minutes=settings.BOOKING_HOLD_MINUTES), most)
    booking.is_extended = set_back(booking, hold, by)
    booking.refresh_from_db()
    if not booking.is_extended:
        refuse_unheld(booking)
    return booking


def set_back(booking: "models.Booking", hold: dt.timedelta, by: Any) -> bool:
    """One conditional UPDATE. The other party confirms, cancels or sweeps the booking, or takes the places of a hold
    that ran out: whoever changes the row first is followed by one who looks at it again.
    """
    until = ExpressionWrapper(Now() + hold, output_field=DateTimeField())
    with transaction.atomic():
        rows = models.Booking.objects.holds(Now()).filter(Q(expires_at__lt=until), pk=booking.pk)
        is_extended = rows.update(expires_at=until) == 1
        if is_extended:
            booking.refresh_from_db(fields=["expires_at"])
            models.BookingChange.entry(
                booking.pk, "extend", Status.PENDING, Status.PENDING, by=by, expires_at=instant(booking.expires_at)
            ).save()
    return is_extended


def refuse_unheld(booking: "models.Booking") -> None:
    """Passes a booking that is held for longer than was asked; raises for one that holds nothing any more."""
    if booking.status == Status.CONFIRMED:
        raise BookingNotPending("The booking is confirmed: its places are its own.")
    if booking.status == Status.CANCELLED:
        raise BookingCancelled("The booking is cancelled.")
    if not models.Booking.objects.holds(Now()).filter(pk=booking.pk).exists():
        raise HoldExpired("The hold has run out, and its places are free already.")
