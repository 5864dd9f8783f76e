"""The columns of tables to take away."""

# mypy: no-check-untyped-defs

from django.utils import timezone

from bookings.lifecycle.states import status_at
from config.backoffice import on_the_clock

OF_EVENT = {
    "venue": "event__venue__name",
    "event": "event__name",
    "starts at (venue)": (on_the_clock, "event__starts_at", "event__venue__timezone"),
}
OF_BOOKING = {
    "booking": "booking__confirmation_code",
    "venue": "booking__event__venue__name",
    "event": "booking__event__name",
    "starts at (venue)": (on_the_clock, "booking__event__starts_at", "booking__event__venue__timezone"),
    "customer": "booking__customer_name",
    "e-mail": "booking__customer_email",
}


def notes_in_cell(metadata):
    """`name: value; name: value`, each name and value as the customer's shop gave it."""
    return "; ".join(f"{name}: {note}" for name, note in metadata.items())


def state_now(status, expires_at):
    return status_at(status, expires_at, timezone.now())
