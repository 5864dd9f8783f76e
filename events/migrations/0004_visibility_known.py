from django.db import migrations, models
from django.db.models import Q

from config.database.operations import AddCheckInUse


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('events', '0003_verbs'),
    ]

    operations = [
        AddCheckInUse(
            model_name='event',
            constraint=models.CheckConstraint(condition=Q(visibility__in=['public', 'unlisted']), name='event_visibility_is_known', violation_error_code='unknown-visibility', violation_error_message='An event is public or unlisted.'),
        ),
    ]
