"""What the verbs share: the locked row of an event, and a change of it with its entry in the history."""

import datetime as dt
from typing import Any

from django.db.models import F

from config.history.models import differs, record, to_json
from events import models


def lock(event: "models.Event") -> "models.Event":
    """The stored event, locked. Raises EventCancelled. In the caller's transaction."""
    stored = models.Event.objects.select_for_update(no_key=True).get(pk=event.pk)
    if stored.status == models.Event.Status.CANCELLED:
        raise models.EventCancelled
    return stored


def change(
    stored: "models.Event", verb: str, changes: dict[str, Any], *, at: dt.datetime, by: Any, **notes: str
) -> None:
    """Writes what the locked row `stored` does not have yet, and records it with `notes`. In its transaction."""
    details = {
        name: [to_json(getattr(stored, name)), to_json(value)]
        for name, value in sorted(changes.items())
        if differs(stored, name, value)
    }
    rows = models.Event.objects.filter(pk=stored.pk)
    rows.update(**changes, sequence=F("sequence") + 1, updated_at=at)
    record(stored, verb, details | {name: [None, text] for name, text in notes.items() if text}, by=by)
