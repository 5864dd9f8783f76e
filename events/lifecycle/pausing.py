import datetime as dt
from typing import Any

from django.db import transaction

from events import models
from events.lifecycle.changes import change, lock
from events.problems import EventPostponed


def pause_sales(event: "models.Event", *, at: dt.datetime, by: Any) -> None:
    with transaction.atomic():
        stored = lock(event)
        if not stored.is_sales_paused:
            change(stored, "pause sales", {"is_sales_paused": True}, at=at, by=by)
    event.refresh_from_db()


def resume_sales(event: "models.Event", *, at: dt.datetime, by: Any) -> None:
    with transaction.atomic():
        stored = lock(event)
        if stored.is_postponed:
            raise EventPostponed("Reschedule the event first, then resume its sales.")
        if stored.is_sales_paused:
            change(stored, "resume sales", {"is_sales_paused": False}, at=at, by=by)
    event.refresh_from_db()
