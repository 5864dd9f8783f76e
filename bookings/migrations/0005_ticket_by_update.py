from django.db import migrations, models

from config.database.operations import AddIndexInUse


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('bookings', '0004_booking_by_update'),
    ]

    operations = [
        AddIndexInUse(
            model_name='ticket',
            index=models.Index(fields=['updated_at', 'id'], name='ticket_by_update'),
        ),
    ]
