import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from config.history.models import record_created, record_in_bulk
from config.values import money
from events import models
from events.inventory.ticket_types import copy_ticket_types
from events.lifecycle.shifting import Shift
from venues.models import Venue


def clone(event: "models.Event", starts: Sequence[dt.datetime], *, name: str | None, by: Any) -> "list[models.Event]":
    with transaction.atomic(), record_in_bulk():
        # Locked as for a new event: the venue's capacity, and the currency of what is copied.
        venue = Venue.objects.select_for_update(no_key=True).get(pk=event.venue_id)
        source = models.Event.objects.select_for_update(no_key=True).get(pk=event.pk)
        models.refuse_above_venue(source.capacity, venue)
        money.validate_currency(source.currency)
        data = copied(source) | ({} if name is None else {"name": name})
        shifts = [Shift.between(source.starts_at, start, venue.timezone) for start in starts]
        copies = models.Event.objects.bulk_create(
            models.Event(
                **data, starts_at=start, ends_at=shift.move_end(source.starts_at, source.ends_at, start), venue=venue
            )
            for start, shift in zip(starts, shifts, strict=True)
        )
        for copy in copies:
            record_created(copy, [*data, "starts_at", "ends_at", "venue"], by=by)
        copy_ticket_types(source.pk, list(zip(copies, shifts, strict=True)), by=by)
    return copies


def copied(source: "models.Event") -> dict[str, Any]:
    """What staff have entered, but for the times and the venue."""
    names = [field.name for field in source._meta.concrete_fields if field.editable and not field.primary_key]
    return {name: getattr(source, name) for name in names if name not in models.PLACE_AND_TIME and name != "venue"}
