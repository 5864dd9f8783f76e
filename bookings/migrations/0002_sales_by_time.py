from django.db import migrations, models

from config.operations import AddIndexInUse


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("bookings", "0001_initial")]

    operations = [
        AddIndexInUse(
            model_name="booking",
            index=models.Index(fields=["confirmed_at"], name="booking_sales", condition=models.Q(status="confirmed")),
        ),
    ]
