"""Stored values that would be refused today, because a list or a rule has changed. They stay usable."""

from collections.abc import Iterator
from typing import Any

from rest_framework.exceptions import ValidationError

from bookings.models import Booking
from bookings.serializers import BookingSerializer
from config.api.fields import StoredIsValid
from events.models import Event
from events.serializers import EventSerializer
from ticket_types.models import TicketType
from ticket_types.serializers import TicketTypeSerializer
from venues.models import Venue
from venues.serializers import VenueSerializer

MAX_ROWS = 5_000  # whose texts are read, the newest
LISTED = ("currency", "timezone")  # fields with few values, which are read in all rows
SERIALIZERS: dict[Any, Any] = {
    Venue: VenueSerializer,
    Event: EventSerializer,
    TicketType: TicketTypeSerializer,
    Booking: BookingSerializer,
}


def outdated_values() -> Iterator[tuple[str, list[Any]]]:
    """For each field with such values: its name, as `venue timezone`, and the ids of the rows."""
    for model, serializer in SERIALIZERS.items():
        for field in serializer().fields.values():
            if isinstance(field, StoredIsValid) and not field.read_only and (ids := outdated_rows(model, field)):
                yield f"{model._meta.verbose_name} {model._meta.get_field(field.source).verbose_name}", ids


def outdated_rows(model: Any, field: Any) -> list[Any]:
    limit = None if field.source in LISTED else MAX_ROWS
    rows = model.objects.order_by("-created_at").values_list("pk", field.source)[:limit]
    known: dict[str, bool] = {}
    for _pk, value in rows:
        if str(value) not in known:
            known[str(value)] = is_accepted(field, value)
    return [pk for pk, value in rows if not known[str(value)]]


def is_accepted(field: Any, value: Any) -> bool:
    try:
        field.run_validation(value)
    except ValidationError:
        return False
    return True
