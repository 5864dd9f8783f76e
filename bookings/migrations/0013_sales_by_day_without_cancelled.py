from django.db import migrations

from config.database.operations import RemoveIndexInUse


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("bookings", "0012_sales_by_day_with_cancelled")]

    operations = [
        RemoveIndexInUse(
            model_name="booking",
            name="booking_sales",
        ),
    ]
