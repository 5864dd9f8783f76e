"""How many places an anonymous client may book in a while. `Booking.place` limits what it holds at once."""

from typing import Any, NoReturn

from django.conf import settings
from rest_framework.request import Request

from bookings.lifecycle.place import IdempotencyKey
from bookings.models import Booking
from bookings.problems import TooManyPlaces
from config.access.clients import address_key, hashed_address
from config.access.counter import Count, count, give_back
from config.access.rate_limits import PLACES, limit_for, note


def client_key_of(request: Request) -> str:
    """By whom places are held. Empty for known clients, whose holds are not limited."""
    is_limited = settings.ANONYMOUS_PLACES_PER_CLIENT and not request.user.is_authenticated
    return hashed_address(request) if is_limited else ""


def place_within_rate(request: Request, *, is_dry_run: bool, **order: Any) -> Booking:
    """`Booking.place`, or `quote` for a dry run. Raises TooManyPlaces.

    Places are counted before, so that concurrent requests cannot pass together, and given back when none were booked.
    """
    place = Booking.quote if is_dry_run else Booking.place
    limit = limit_for(PLACES)
    if limit is None or request.user.is_authenticated:
        return place(**order)
    client, places = address_key(request), sum(line.quantity for line in order["lines"])
    spent, is_booked = count(limit, client, places), False
    try:
        if spent.is_exceeded:
            return earlier_booking(order["key"]) or refuse(spent, places)
        booking = place(**order)
        is_booked = not (is_dry_run or booking.is_replay)
        return booking
    finally:
        note(request, spent if is_booked else give_back(spent, client, places))


def earlier_booking(key: IdempotencyKey | None) -> Booking | None:
    """A retry takes no places, so it is answered above the limit too."""
    return key.booking() if key else None


def refuse(spent: Count, places: int) -> NoReturn:
    detail = f"Rate limit exceeded ({spent.limit}). Retry in {spent.wait}, or book with a token."
    error = {"pointer": "/items", "code": TooManyPlaces.code, "detail": detail, "requested": places}
    available = max(spent.limit.quota - spent.used + places, 0)
    figures = {"available": available, "limit": spent.limit.quota}
    raise TooManyPlaces(detail, errors=[error | figures], retry_after=spent.seconds_left)
