from django.db import migrations, models

from config.operations import AddIndexInUse


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("events", "0002_sequence")]

    operations = [
        AddIndexInUse(
            model_name="event",
            index=models.Index(fields=["starts_at", "id"], name="event_by_start"),
        ),
    ]
