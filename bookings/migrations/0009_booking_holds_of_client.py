from django.db import migrations, models

from config.database.operations import AddIndexInUse


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("bookings", "0008_booking_client_key")]

    operations = [
        AddIndexInUse(
            model_name="booking",
            index=models.Index(
                condition=models.Q(("status", "pending"), models.Q(("client_key", ""), _negated=True)),
                fields=["client_key"],
                name="booking_holds_of_client",
            ),
        ),
    ]
