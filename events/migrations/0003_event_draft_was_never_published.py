from django.db import migrations, models
from django.db.models import Q

from config.database.operations import AddCheckInUse


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("events", "0002_event_published_at")]

    operations = [
        AddCheckInUse(
            "event",
            models.CheckConstraint(
                condition=~Q(status="draft") | Q(published_at=None),
                name="event_draft_was_never_published",
                violation_error_message="A draft has no time of publication.",
                violation_error_code="invalid-status",
            ),
        ),
    ]
