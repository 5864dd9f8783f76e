"""Corrections by staff: the customer's name and e-mail address, and metadata."""

from typing import Any

from django.db import transaction

from bookings import models
from bookings.lifecycle.telling import tell_bookings
from bookings.search import keys_of
from config.problems import Precondition
from config.values.text import fold

CORRECTABLE = ("customer_name", "customer_email", "metadata")


def correct(booking: "models.Booking", *, by: Any, check: Precondition, **changes: Any) -> "models.Booking":
    """The history keeps the old and the new name. Of an e-mail address it keeps only that it changed: an old address
    may belong to another person, whose data must be found by the address of the booking.
    """
    if not set(changes) <= set(CORRECTABLE):
        raise TypeError(f"Only {', '.join(CORRECTABLE)} can be corrected.")
    with transaction.atomic():
        stored = models.Booking.objects.select_for_update(no_key=True).get(pk=booking.pk)
        check()
        changed = {name: value for name, value in changes.items() if getattr(stored, name) != value}
        if changed:
            if "customer_name" in changed:
                changed |= keys_of(changed["customer_name"])
            if "customer_email" in changed:
                changed["customer_key"] = fold(changed["customer_email"])
            models.Booking.objects.filter(pk=booking.pk).update(**changed)
            note: dict[str, Any] = {"fields": sorted(set(changed) & set(CORRECTABLE))}
            if "customer_name" in changed:
                note["customer_name"] = [stored.customer_name, changed["customer_name"]]
            models.BookingChange.entry(booking.pk, "correct", stored.status, stored.status, by=by, **note).save()
            tell_bookings("correct", booking.pk, by=by)
    booking.refresh_from_db()
    return booking
