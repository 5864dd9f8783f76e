import datetime as dt
from typing import Any

from django.db import transaction

from config.problems import InUse
from events import models
from events.inventory import count_bookings
from events.lifecycle.changes import change, lock


def unpublish(event: "models.Event", *, at: dt.datetime, by: Any) -> None:
    """The claim of a booking needs the row that is locked here, and a published event: one of the two is first."""
    with transaction.atomic():
        stored = lock(event)
        if stored.status == models.Event.Status.PUBLISHED:
            if bookings := count_bookings(event=event.pk):
                raise InUse.by(bookings)
            draft = {"status": models.Event.Status.DRAFT, "published_at": None, "is_postponed": False}
            change(stored, "unpublish", draft, at=at, by=by)
    event.refresh_from_db()
