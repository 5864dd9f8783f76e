from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    """Rows from before were updated when this was run: readers that ask for what is new get them all once."""

    dependencies = [
        ('bookings', '0002_cancellation_fee_within_what_is_owed'),
    ]

    operations = [
        migrations.AddField(
            model_name='booking',
            name='updated_at',
            field=models.DateTimeField(db_default=Now(), editable=False),
        ),
        migrations.AddField(
            model_name='ticket',
            name='updated_at',
            field=models.DateTimeField(auto_now=True, db_default=Now()),
        ),
    ]
