from typing import Any

from django.db import migrations, models
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce


def set_published_at(apps: Any, schema_editor: Any) -> None:
    """By the history. Without an entry, a cancelled event was published when it has bookings."""
    events = apps.get_model("events", "Event").objects
    changes = apps.get_model("history", "Change").objects.filter(
        kind="events.event", object_id=OuterRef("pk"), verb="publish"
    )
    bookings = apps.get_model("bookings", "Booking").objects.filter(event=OuterRef("pk")).order_by("created_at")
    published_at = Subquery(changes.values("at")[:1])
    booked_at = Subquery(bookings.values("created_at")[:1])
    events.filter(status="published").update(published_at=Coalesce(published_at, F("created_at")))
    events.filter(status="cancelled").update(published_at=Coalesce(published_at, booked_at))


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial"), ("bookings", "0001_initial"), ("history", "0001_initial")]

    operations = [
        migrations.AddField(
            "event",
            "published_at",
            models.DateTimeField(
                null=True,
                editable=False,
                help_text="Null for a draft, and for one that was cancelled before it was published.",
            ),
        ),
        migrations.RunPython(set_published_at, migrations.RunPython.noop),
    ]
