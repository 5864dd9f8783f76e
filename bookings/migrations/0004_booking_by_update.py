from django.db import migrations, models

from config.database.operations import AddIndexInUse


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('bookings', '0003_updated_at'),
    ]

    operations = [
        AddIndexInUse(
            model_name='booking',
            index=models.Index(fields=['updated_at', 'id'], name='booking_by_update'),
        ),
    ]
