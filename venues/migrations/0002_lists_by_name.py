from django.db import migrations, models

from config.operations import AddIndexInUse


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("venues", "0001_initial")]

    operations = [
        AddIndexInUse(
            model_name="venue",
            index=models.Index(fields=["name", "id"], name="venue_by_name"),
        ),
    ]
