from django.db import migrations, models

from config.database.operations import AddIndexInUse


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("bookings", "0013_sales_by_day_without_cancelled")]

    operations = [
        AddIndexInUse(
            model_name="booking",
            index=models.Index(
                condition=models.Q(("amount_due__gt", 0), ("status__in", ["confirmed", "cancelled"])),
                fields=["created_at"],
                name="booking_unpaid",
            ),
        ),
    ]
