import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Change',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('by_name', models.CharField(help_text="The account's name then; anonymous, or system.", max_length=150, verbose_name='by')),
                ('verb', models.CharField(max_length=30)),
                ('details', models.JSONField(default=dict)),
                ('kind', models.CharField(help_text="The object's model, such as events.event.", max_length=50)),
                ('object_id', models.PositiveBigIntegerField()),
                ('name', models.CharField(help_text="The object's name then.", max_length=200)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='account')),
            ],
            options={
                'ordering': ['id'],
                'default_permissions': (),
                'indexes': [models.Index(fields=['kind', 'object_id', 'id'], name='change_of_object')],
            },
        ),
    ]
