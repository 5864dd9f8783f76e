from django.db import migrations, models
from django.db.models import Q

from config.database.operations import AddCheckInUse


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("events", "0004_event_free_confirmation")]

    operations = [
        AddCheckInUse(
            "event",
            models.CheckConstraint(
                condition=Q(free_confirmation__in=["immediate", "by_mail", "staff"]),
                name="event_free_confirmation_is_known",
                violation_error_message="Free bookings are confirmed immediate, by_mail or staff.",
                violation_error_code="unknown-free-confirmation",
            ),
        ),
    ]
