
import config.values.money
import config.values.text
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('bookings', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Payment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.CharField(editable=False, max_length=20)),
                ('method', models.CharField(choices=[('cash', 'Cash'), ('card', 'Card'), ('transfer', 'Transfer'), ('online', 'Online'), ('other', 'Other')], default='other', editable=False, max_length=8)),
                ('reference', models.CharField(blank=True, default='', editable=False, max_length=200, validators=[config.values.text.validate_line])),
                ('amount', config.values.money.MoneyField(editable=False)),
                ('amount_refunded', config.values.money.MoneyField(db_default=0, default=0, editable=False, help_text='Refunds that have succeeded or are pending.')),
                ('currency', models.CharField(editable=False, max_length=3)),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('succeeded', 'Succeeded'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], editable=False, max_length=9)),
                ('error', models.CharField(blank=True, default='', editable=False, max_length=500)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('succeeded_at', models.DateTimeField(editable=False, null=True)),
                ('booking', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='bookings.booking')),
                ('by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='ProviderEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.CharField(editable=False, max_length=20)),
                ('event_id', models.CharField(editable=False, max_length=200)),
                ('kind', models.CharField(editable=False, max_length=100)),
                ('body', models.TextField(blank=True, default='', editable=False, help_text='As it was sent; emptied after 30 days.')),
                ('received_at', models.DateTimeField(auto_now_add=True)),
                ('handled_at', models.DateTimeField(editable=False, null=True)),
                ('error', models.CharField(blank=True, default='', editable=False, max_length=500)),
                ('payment', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='events', to='payments.payment')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Refund',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('amount', config.values.money.MoneyField(editable=False)),
                ('goodwill', config.values.money.MoneyField(default=0, editable=False, help_text='The part of it that was not due.')),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('succeeded', 'Succeeded'), ('failed', 'Failed')], editable=False, max_length=9)),
                ('reference', models.CharField(blank=True, default='', editable=False, max_length=200)),
                ('reason', models.CharField(blank=True, default='', editable=False, max_length=500)),
                ('error', models.CharField(blank=True, default='', editable=False, max_length=500)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('succeeded_at', models.DateTimeField(editable=False, null=True)),
                ('failed_at', models.DateTimeField(editable=False, null=True)),
                ('by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('payment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='payments.payment')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(fields=['updated_at'], name='payment_by_update'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('status', 'succeeded')), fields=['succeeded_at'], name='payment_by_day'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('reference', ''), _negated=True), fields=['reference'], name='payment_by_reference'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('status', 'pending')), fields=['created_at'], name='payment_pending'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.UniqueConstraint(condition=models.Q(('reference', ''), _negated=True), fields=('provider', 'reference'), name='payment_reference_is_unique_for_its_provider', violation_error_code='already-exists', violation_error_message='A payment has this reference already.'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['pending', 'succeeded', 'failed', 'cancelled'])), name='payment_status_is_known', violation_error_code='unknown-status', violation_error_message='A payment is pending, succeeded, failed or cancelled.'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('method__in', ['cash', 'card', 'transfer', 'online', 'other'])), name='payment_method_is_known', violation_error_code='unknown-method', violation_error_message='A payment is made by cash, card, transfer, online or otherwise.'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='payment_amount_is_above_0', violation_error_code='invalid-amount', violation_error_message="A payment's amount must be above 0."),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('amount_refunded__gte', 0), ('amount_refunded__lte', models.F('amount'))), name='payment_is_not_refunded_beyond_its_amount', violation_error_code='invalid-refund', violation_error_message='No more can be refunded than was paid.'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('amount_refunded', 0), ('status', 'succeeded'), _connector='OR'), name='payment_refunded_has_succeeded', violation_error_code='invalid-refund', violation_error_message='Only a payment that has succeeded can be refunded.'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'succeeded'), _negated=True), ('succeeded_at__isnull', False), _connector='OR'), name='payment_succeeded_has_a_time', violation_error_code='invalid-status', violation_error_message='A payment that has succeeded has a time.'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('currency__length', 3)), name='payment_currency_has_3_letters', violation_error_code='invalid-currency', violation_error_message='A currency code has 3 letters.'),
        ),
        migrations.AddIndex(
            model_name='providerevent',
            index=models.Index(condition=models.Q(('handled_at', None)), fields=['received_at'], name='provider_event_unhandled'),
        ),
        migrations.AddIndex(
            model_name='providerevent',
            index=models.Index(condition=models.Q(('body', ''), _negated=True), fields=['received_at'], name='provider_event_with_body'),
        ),
        migrations.AddConstraint(
            model_name='providerevent',
            constraint=models.UniqueConstraint(fields=('provider', 'event_id'), name='provider_event_is_stored_once', violation_error_code='already-exists', violation_error_message='This event is stored already.'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(condition=models.Q(('succeeded_at__isnull', False)), fields=['succeeded_at'], name='refund_by_payday'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(condition=models.Q(('failed_at__isnull', False)), fields=['failed_at'], name='refund_by_return'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(condition=models.Q(('status', 'pending')), fields=['created_at'], name='refund_pending'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(condition=models.Q(('status', 'failed')), fields=['created_at'], name='refund_failed'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.UniqueConstraint(condition=models.Q(('reference', ''), _negated=True), fields=('payment', 'reference'), name='refund_reference_is_unique_for_its_payment', violation_error_code='already-exists', violation_error_message='A refund has this reference already.'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['pending', 'succeeded', 'failed'])), name='refund_status_is_known', violation_error_code='unknown-status', violation_error_message='A refund is pending, succeeded or failed.'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='refund_amount_is_above_0', violation_error_code='invalid-amount', violation_error_message="A refund's amount must be above 0."),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('goodwill__gte', 0), ('goodwill__lte', models.F('amount'))), name='refund_goodwill_is_a_part_of_it', violation_error_code='invalid-amount', violation_error_message='The goodwill is a part of the refund.'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'succeeded'), _negated=True), ('succeeded_at__isnull', False), _connector='OR'), name='refund_succeeded_has_a_time', violation_error_code='invalid-status', violation_error_message='A refund that has succeeded has a time.'),
        ),
    ]
