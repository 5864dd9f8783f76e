from django.db import migrations, models

import config.money


class Migration(migrations.Migration):
    dependencies = [("bookings", "0004_search_indexes")]

    operations = [
        migrations.AddField(
            model_name="booking",
            name="refund_amount",
            field=config.money.MoneyField(
                db_default=0, default=0, editable=False, help_text="What is to be paid back now; more than 0 exactly when `refund_due` is true."
            ),
        ),
        migrations.AlterField(
            model_name="booking",
            name="refund_due",
            field=models.BooleanField(
                default=False, editable=False, help_text="Money of a known payment is to be paid back."
            ),
        ),
    ]
