from django.db import migrations, models
from django.db.models import Q

from config.database.operations import AddCheckInUse

KINDS = ['confirmation', 'cancellation', 'part_cancelled', 'event_cancelled', 'postponed', 'rescheduled', 'refund', 'transfer', 'transferred', 'links']


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('booking_messages', '0002_kind_postponed'),
    ]

    operations = [
        AddCheckInUse(
            model_name='message',
            constraint=models.CheckConstraint(condition=Q(kind__in=KINDS), name='message_kind_is_known', violation_error_code='unknown-kind', violation_error_message='This kind of mail is not known.'),
        ),
    ]
