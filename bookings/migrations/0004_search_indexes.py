from django.db import migrations, models

from config.operations import AddIndexInUse


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("bookings", "0003_search_keys")]

    operations = [
        AddIndexInUse(
            model_name="booking",
            index=models.Index(fields=["name_key"], name="booking_by_name", opclasses=["varchar_pattern_ops"]),
        ),
        AddIndexInUse(
            model_name="booking",
            index=models.Index(fields=["surname_key"], name="booking_by_surname", opclasses=["varchar_pattern_ops"]),
        ),
        AddIndexInUse(
            model_name="booking",
            index=models.Index(
                fields=["payment_reference"],
                name="booking_by_payment",
                condition=models.Q(("payment_reference", ""), _negated=True),
            ),
        ),
    ]
