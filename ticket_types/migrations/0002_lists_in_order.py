from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ticket_types", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="tickettype",
            index=models.Index(fields=["event", "position", "id"], name="ticket_type_in_order"),
        ),
    ]
