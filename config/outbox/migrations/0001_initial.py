import config.outbox.models
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='WorkerHeartbeat',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('host', models.CharField(editable=False, max_length=100)),
                ('pid', models.PositiveIntegerField(editable=False)),
                ('version', models.CharField(blank=True, default='', editable=False, max_length=50)),
                ('steps', models.JSONField(default=dict, editable=False, help_text='What each step did last.')),
                ('error', models.CharField(blank=True, default='', editable=False, help_text='The last one.', max_length=500)),
                ('started_at', models.DateTimeField(editable=False)),
                ('seen_at', models.DateTimeField(editable=False)),
            ],
            options={
                'verbose_name': 'worker',
                'ordering': ['-seen_at'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Feed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('last_position', models.BigIntegerField(default=0, help_text='Of the newest change that is published.')),
                ('purged_position', models.BigIntegerField(default=0, help_text='Of the newest change that was deleted.')),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.CheckConstraint(condition=models.Q(('purged_position__gte', 0), ('purged_position__lte', models.F('last_position'))), name='feed_begins_before_its_end', violation_error_code='invalid-position', violation_error_message='What was deleted had been published.'), models.CheckConstraint(condition=models.Q(('id', 1)), name='feed_is_one', violation_error_code='already-exists', violation_error_message='There is one feed.')],
            },
        ),
        migrations.CreateModel(
            name='FeedChange',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('key', models.UUIDField(default=uuid.uuid4, editable=False)),
                ('position', models.BigIntegerField(editable=False, help_text='Its place in the feed, from 1.', null=True)),
                ('type', models.CharField(editable=False, max_length=40)),
                ('object_type', models.CharField(editable=False, max_length=20)),
                ('object_id', models.CharField(editable=False, max_length=40)),
                ('data', config.outbox.models.RenderedField(editable=False, help_text='The resource as the API showed it; null when it is deleted or erased.', null=True)),
                ('by', models.CharField(editable=False, help_text="The account's name; anonymous, or system.", max_length=150)),
                ('created_at', models.DateTimeField(editable=False)),
            ],
            options={
                'verbose_name': 'change',
                'ordering': ['-id'],
                'default_permissions': ('view',),
                'indexes': [models.Index(condition=models.Q(('position', None)), fields=['id'], name='feed_change_unpublished'), models.Index(condition=models.Q(('position__isnull', False)), fields=['type', 'position'], name='feed_change_by_type'), models.Index(condition=models.Q(('position__isnull', False)), fields=['created_at'], name='feed_change_by_day'), models.Index(condition=models.Q(('position__isnull', False)), fields=['object_type', 'object_id'], name='feed_change_of_object')],
                'constraints': [models.UniqueConstraint(fields=('position',), name='feed_change_position_is_unique', violation_error_code='already-exists', violation_error_message='Another change has this position.'), models.CheckConstraint(condition=models.Q(('position', None), ('position__gte', 1), _connector='OR'), name='feed_change_position_is_above_0', violation_error_code='invalid-position', violation_error_message='Positions begin with 1.'), models.CheckConstraint(condition=models.Q(('object_id__length__gt', 0), ('object_type__length__gt', 0), ('type__length__gt', 0)), name='feed_change_names_its_object', violation_error_code='invalid-change', violation_error_message='A change has a type and an object.')],
            },
        ),
    ]
