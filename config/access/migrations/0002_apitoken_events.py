import config.access.models
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='apitoken',
            name='events',
            field=models.JSONField(blank=True, db_default=[], default=list, help_text='The ids of the only events that it may see and check in. None: all events.', validators=[config.access.models.validate_ids]),
        ),
    ]
