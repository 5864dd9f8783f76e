from django.db import migrations, models
from django.db.models import Q

from config.database.operations import AddCheckInUse


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('events', '0004_visibility_known'),
    ]

    operations = [
        AddCheckInUse(
            model_name='event',
            constraint=models.CheckConstraint(condition=Q(is_postponed=False) | Q(is_sales_paused=True), name='event_postponed_has_paused_sales', violation_error_code='invalid-status', violation_error_message='The sales of a postponed event are paused.'),
        ),
    ]
