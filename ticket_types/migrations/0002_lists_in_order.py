from django.db import migrations, models

from config.operations import AddIndexInUse


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("ticket_types", "0001_initial")]

    operations = [
        AddIndexInUse(
            model_name="tickettype",
            index=models.Index(fields=["event", "position", "id"], name="ticket_type_in_order"),
        ),
    ]
