import config.values.money
import django.db.models.deletion
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('bookings', '0010_payments'),
        ('events', '0005_event_free_confirmation_is_known'),
    ]

    operations = [
        migrations.CreateModel(
            name='Cancellation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('booking', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cancellations', to='bookings.booking')),
                ('at', models.DateTimeField(editable=False)),
                ('is_whole', models.BooleanField(editable=False, help_text='Whether no places were left.')),
                ('places', models.PositiveIntegerField(editable=False)),
                ('amount', config.values.money.MoneyField(editable=False, help_text='What the places cost when they were booked.')),
                ('fee', config.values.money.MoneyField(default=Decimal('0'), editable=False, help_text='The part of it that is still owed.')),
            ],
            options={
                'ordering': ['id'],
                'indexes': [models.Index(fields=['at'], name='cancellation_by_day')],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount__gte', 0), ('fee__gte', 0), ('fee__lte', models.F('amount')), ('places__gt', 0)), name='cancellation_amounts_are_not_negative', violation_error_code='invalid-amount', violation_error_message='A cancellation has places, and its fee is a part of their price.')],
            },
        ),
    ]
