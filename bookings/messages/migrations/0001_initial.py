
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('bookings', '0012_ticket_by_surname'),
    ]

    operations = [
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('confirmation', 'Confirmation, with the tickets'), ('cancellation', 'Booking cancelled'), ('part_cancelled', 'Some tickets cancelled'), ('event_cancelled', 'Event cancelled'), ('rescheduled', 'Event moved to another time or venue'), ('refund', 'Refund'), ('transfer', 'Ticket for its new holder'), ('transferred', 'Ticket that went to another holder'), ('links', 'Links to the bookings of an address')], editable=False, max_length=15)),
                ('address', models.EmailField(editable=False, max_length=254)),
                ('details', models.JSONField(default=dict, editable=False, help_text='What the booking does not say: ticket codes, an amount, the old times.')),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('sent', 'Sent'), ('bounced', 'Refused by the mail server'), ('failed', 'Given up'), ('skipped', 'Not needed any more')], default='pending', editable=False, max_length=8)),
                ('attempts', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('interrupted', models.PositiveSmallIntegerField(default=0, editable=False, help_text='Attempts without an outcome, as the worker ended: each may have reached the customer.')),
                ('is_begun', models.BooleanField(default=False, editable=False, help_text='Whether a worker has begun an attempt.')),
                ('next_attempt_at', models.DateTimeField(editable=False, null=True)),
                ('error', models.CharField(blank=True, default='', editable=False, max_length=500)),
                ('created_at', models.DateTimeField(editable=False)),
                ('sent_at', models.DateTimeField(editable=False, null=True)),
                ('booking', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='bookings.booking')),
            ],
            options={
                'verbose_name': 'mail',
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('state', 'pending')), fields=['next_attempt_at'], name='message_to_send'), models.Index(condition=models.Q(('state__in', ['bounced', 'failed'])), fields=['-id'], name='message_undelivered')],
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['confirmation', 'cancellation', 'part_cancelled', 'event_cancelled', 'rescheduled', 'refund', 'transfer', 'transferred', 'links'])), name='message_kind_is_known', violation_error_code='unknown-kind', violation_error_message='This kind of mail is not known.'), models.CheckConstraint(condition=models.Q(('state__in', ['pending', 'sent', 'bounced', 'failed', 'skipped'])), name='message_state_is_known', violation_error_code='unknown-status', violation_error_message='A mail is pending, sent, bounced, failed or skipped.'), models.CheckConstraint(condition=models.Q(models.Q(('next_attempt_at__isnull', False), ('state', 'pending')), models.Q(models.Q(('state', 'pending'), _negated=True), ('next_attempt_at', None)), _connector='OR'), name='message_pending_has_a_next_attempt', violation_error_code='invalid-status', violation_error_message='A mail has a next attempt exactly while it is pending.'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'sent'), _negated=True), ('sent_at__isnull', False), _connector='OR'), name='message_sent_has_a_time', violation_error_code='invalid-status', violation_error_message='A mail that was sent has a time.')],
            },
        ),
    ]
