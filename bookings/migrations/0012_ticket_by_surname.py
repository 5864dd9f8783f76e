from django.db import migrations, models
from django.db.models import Q

from config.database.operations import AddIndexInUse


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('bookings', '0011_ticket_by_name'),
    ]

    operations = [
        AddIndexInUse(
            model_name='ticket',
            index=models.Index(fields=['surname_key'], name='ticket_by_surname', opclasses=['varchar_pattern_ops'], condition=~Q(holder_name='')),
        ),
    ]
