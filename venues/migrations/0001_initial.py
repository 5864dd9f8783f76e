import config.values.text
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Venue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200, validators=[config.values.text.validate_line])),
                ('address', models.CharField(max_length=500, validators=[config.values.text.validate_line])),
                ('capacity', models.PositiveIntegerField(help_text='How many people it can hold.')),
                ('timezone', models.CharField(default='UTC', help_text='IANA name, such as Europe/Vienna.', max_length=64, validators=[config.values.text.validate_timezone])),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'ordering': ['name', 'id'],
                'indexes': [models.Index(fields=['name', 'id'], name='venue_by_name')],
                'constraints': [models.CheckConstraint(condition=models.Q(('name__length__range', (1, 200))), name='venue_name_has_1_to_200_characters', violation_error_code='invalid-name', violation_error_message="A venue's name must have 1 to 200 characters."), models.CheckConstraint(condition=models.Q(('address__length__range', (1, 500))), name='venue_address_has_1_to_500_characters', violation_error_code='invalid-address', violation_error_message="A venue's address must have 1 to 500 characters."), models.CheckConstraint(condition=models.Q(('capacity__range', (1, 1000000))), name='venue_capacity_is_1_to_1000000', violation_error_code='invalid-capacity', violation_error_message="A venue's capacity must be 1 to 1,000,000."), models.CheckConstraint(condition=models.Q(('timezone__length__range', (1, 64))), name='venue_timezone_has_1_to_64_characters', violation_error_code='unknown-timezone', violation_error_message='A venue needs a time zone.')],
            },
        ),
    ]
