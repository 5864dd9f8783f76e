from django.db import migrations, models

from config.database.operations import AddIndexInUse


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("bookings", "0011_cancellations")]

    operations = [
        AddIndexInUse(
            model_name="booking",
            index=models.Index(
                condition=models.Q(("confirmed_at__isnull", False)), fields=["confirmed_at"], name="booking_by_sale"
            ),
        ),
    ]
