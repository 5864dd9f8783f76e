from django.db import migrations, models
from django.db.models import Q

from config.database.operations import AddCheckInUse


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('bookings', '0006_ticket_checked_out_at'),
    ]

    operations = [
        AddCheckInUse(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=Q(checked_out_at=None) | ~Q(status='valid') & Q(checked_in_at__isnull=False), name='ticket_checked_out_was_checked_in', violation_error_code='invalid-status', violation_error_message='A ticket that is checked out was checked in before.'),
        ),
    ]
