from django.db import migrations, models
from django.db.models import Q

from config.database.operations import AddIndexInUse


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('bookings', '0010_ticket_holder_fits'),
    ]

    operations = [
        AddIndexInUse(
            model_name='ticket',
            index=models.Index(fields=['name_key'], name='ticket_by_name', opclasses=['varchar_pattern_ops'], condition=~Q(holder_name='')),
        ),
    ]
