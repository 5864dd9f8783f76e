"""Renewing the secret of a booking, after it has leaked."""

from typing import Any

from django.db import transaction

from bookings import models
from bookings.codes import booking_secret


def renew_secret(booking: "models.Booking", *, by: Any) -> "models.Booking":
    """The history keeps neither secret.

    A replay answers the secret, so it ends too: without its fingerprint an idempotency key has expired. Keys of known
    clients stay, because nobody else can use them.
    """
    with transaction.atomic():
        stored = models.Booking.objects.select_for_update(no_key=True).get(pk=booking.pk)
        ended = {} if stored.idempotency_client else {"request_fingerprint": ""}
        models.Booking.objects.filter(pk=booking.pk).update(secret=booking_secret(), **ended)
        models.BookingChange.entry(booking.pk, "renew secret", stored.status, stored.status, by=by).save()
    booking.refresh_from_db()
    return booking
