
import bookings.codes
import bookings.models.booking
import config.values.money
import config.values.percent
import config.values.text
import django.db.models.deletion
import uuid
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models

from config.database.operations import RunSQLOnPostgreSQL


# VOLATILE, so each statement has a snapshot of its own: the sum sees what was committed while the lock was awaited.
CREATE = """
CREATE FUNCTION bookings_held_by_client(client text) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(2, ('x' || left(client, 8))::bit(32)::int);
    RETURN (
        SELECT COALESCE(SUM(quantity), 0) FROM bookings_booking
         WHERE client_key = client AND client_key <> '' AND status = 'pending' AND expires_at > CLOCK_TIMESTAMP()
    );
END
$$
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('events', '0001_initial'),
        ('ticket_types', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Booking',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('secret', models.CharField(db_default='', default=bookings.codes.booking_secret, editable=False, help_text='Opens the booking to anonymous clients; an empty one opens nothing.', max_length=36)),
                ('confirmation_code', models.CharField(default=bookings.codes.confirmation_code, editable=False, max_length=8)),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('confirmed', 'Confirmed'), ('cancelled', 'Cancelled'), ('expired', 'Expired')], default='pending', editable=False, max_length=9)),
                ('customer_name', models.CharField(max_length=200, validators=[config.values.text.validate_line])),
                ('name_key', models.CharField(db_default='', editable=False, help_text='The name, folded for search.', max_length=100)),
                ('surname_key', models.CharField(db_default='', editable=False, help_text='The same, with the last word first.', max_length=100)),
                ('customer_email', models.EmailField(max_length=254)),
                ('customer_key', models.CharField(editable=False, help_text='The e-mail address, folded to compare.', max_length=320)),
                ('quantity', models.PositiveIntegerField(editable=False, help_text='Places booked.')),
                ('cancelled_quantity', models.PositiveIntegerField(default=0, editable=False, help_text='Places cancelled by ticket.')),
                ('total_price', config.values.money.MoneyField(editable=False)),
                ('fees', config.values.money.MoneyField(db_default=0, default=Decimal('0'), editable=False, help_text='As booked; part of the total.')),
                ('tax', config.values.money.MoneyField(db_default=0, default=Decimal('0'), editable=False, help_text='Contained in the total.')),
                ('currency', models.CharField(editable=False, max_length=3)),
                ('metadata', models.JSONField(blank=True, default=dict, help_text="Data of the client's own.")),
                ('payment_reference', models.CharField(blank=True, default='', editable=False, max_length=200)),
                ('cancelled_amount', bookings.models.booking.AmountField(db_default=0, default=Decimal('0'), editable=False, help_text='What is not owed any more of `total_price`.')),
                ('cancellation_fee', bookings.models.booking.AmountField(db_default=0, default=Decimal('0'), editable=False, help_text='What is owed of cancelled places.')),
                ('goodwill_amount', bookings.models.booking.AmountField(db_default=0, default=Decimal('0'), editable=False, help_text='What was refunded though it was not due.')),
                ('amount_paid', bookings.models.booking.AmountField(db_default=0, default=Decimal('0'), editable=False, help_text='Payments that have succeeded.')),
                ('amount_refunded', bookings.models.booking.AmountField(db_default=0, default=Decimal('0'), editable=False, help_text='Refunds that have succeeded or are pending.')),
                ('amount_due', bookings.models.booking.AmountField(db_default=0, default=Decimal('0'), editable=False, help_text='What is still to be paid.')),
                ('refund_due', models.BooleanField(default=False, editable=False, help_text='Whether a refund is due.')),
                ('refund_amount', bookings.models.booking.AmountField(db_default=0, default=Decimal('0'), editable=False, help_text='The refund that is due; above 0 exactly when `refund_due` is true.')),
                ('created_at', models.DateTimeField(editable=False)),
                ('expires_at', models.DateTimeField(editable=False)),
                ('confirmed_at', models.DateTimeField(editable=False, null=True)),
                ('cancelled_at', models.DateTimeField(editable=False, null=True)),
                ('cancel_reason', models.CharField(blank=True, default='', editable=False, max_length=500)),
                ('is_late', models.BooleanField(default=False, editable=False, help_text='Confirmed after its hold had expired.')),
                ('idempotency_client', models.CharField(blank=True, default='', editable=False, max_length=40)),
                ('idempotency_key', models.CharField(editable=False, max_length=255, null=True)),
                ('request_fingerprint', models.CharField(blank=True, default='', editable=False, max_length=64)),
                ('client_key', models.CharField(db_default='', default='', editable=False, help_text="Hash of an anonymous client's address, while the booking is pending.", max_length=32)),
            ],
            options={
                'ordering': ['-created_at', '-id'],
                'permissions': [('confirm_booking', 'Can confirm booking'), ('confirm_unpaid', 'Can confirm booking that is not paid'), ('cancel_booking', 'Can cancel booking'), ('refund_booking', 'Can refund booking'), ('refund_more', 'Can refund more than what is due'), ('view_reports', 'Can view reports')],
            },
        ),
        migrations.CreateModel(
            name='BookingChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('by_name', models.CharField(help_text="The account's name then; anonymous, or system.", max_length=150, verbose_name='by')),
                ('verb', models.CharField(max_length=30)),
                ('details', models.JSONField(default=dict)),
                ('from_status', models.CharField(blank=True, choices=[('pending', 'Pending'), ('confirmed', 'Confirmed'), ('cancelled', 'Cancelled'), ('expired', 'Expired')], max_length=9)),
                ('to_status', models.CharField(choices=[('pending', 'Pending'), ('confirmed', 'Confirmed'), ('cancelled', 'Cancelled'), ('expired', 'Expired')], max_length=9)),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='BookingItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('unit_price', config.values.money.MoneyField()),
                ('unit_fee', config.values.money.MoneyField(db_default=0, default=Decimal('0'))),
                ('tax_rate', config.values.percent.PercentField(db_default=0, default=Decimal('0'))),
                ('quantity', models.PositiveSmallIntegerField()),
                ('total_price', config.values.money.MoneyField()),
                ('tax', config.values.money.MoneyField(db_default=0, default=Decimal('0'), help_text='Contained in the total.')),
                ('cancelled_quantity', models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Cancellation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(editable=False)),
                ('is_whole', models.BooleanField(editable=False, help_text='Whether no places were left.')),
                ('places', models.PositiveIntegerField(editable=False)),
                ('amount', config.values.money.MoneyField(editable=False, help_text='What the places cost when they were booked.')),
                ('tax', config.values.money.MoneyField(default=Decimal('0'), editable=False, help_text='Contained in the amount.')),
                ('fee', config.values.money.MoneyField(default=Decimal('0'), editable=False, help_text='The part of it that is still owed.')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Ticket',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(default=bookings.codes.ticket_code, editable=False, max_length=26, unique=True)),
                ('status', models.CharField(choices=[('valid', 'Valid'), ('checked_in', 'Checked In'), ('void', 'Void')], default='valid', editable=False, max_length=10)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('checked_in_at', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'ordering': ['id'],
                'permissions': [('check_in_ticket', 'Can check in ticket')],
            },
        ),
        migrations.AddField(
            model_name='booking',
            name='event',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='bookings', to='events.event'),
        ),
        migrations.AddField(
            model_name='bookingchange',
            name='booking',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='changes', to='bookings.booking'),
        ),
        migrations.AddField(
            model_name='bookingchange',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='account'),
        ),
        migrations.AddField(
            model_name='bookingitem',
            name='booking',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='items', to='bookings.booking'),
        ),
        migrations.AddField(
            model_name='bookingitem',
            name='ticket_type',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='booking_items', to='ticket_types.tickettype'),
        ),
        migrations.AddField(
            model_name='cancellation',
            name='booking',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cancellations', to='bookings.booking'),
        ),
        migrations.AddField(
            model_name='ticket',
            name='booking',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tickets', to='bookings.booking'),
        ),
        migrations.AddField(
            model_name='ticket',
            name='ticket_type',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tickets', to='ticket_types.tickettype'),
        ),
        migrations.AddIndex(
            model_name='booking',
            index=models.Index(fields=['-created_at', '-id'], name='booking_newest_first'),
        ),
        migrations.AddIndex(
            model_name='booking',
            index=models.Index(fields=['event', '-created_at', '-id'], name='booking_of_event_newest_first'),
        ),
        migrations.AddIndex(
            model_name='booking',
            index=models.Index(condition=models.Q(('status', 'pending')), fields=['event', 'expires_at'], name='booking_holds_of_event'),
        ),
        migrations.AddIndex(
            model_name='booking',
            index=models.Index(condition=models.Q(('status', 'pending')), fields=['expires_at'], name='booking_holds'),
        ),
        migrations.AddIndex(
            model_name='booking',
            index=models.Index(condition=models.Q(('status', 'pending'), models.Q(('client_key', ''), _negated=True)), fields=['client_key'], name='booking_holds_of_client'),
        ),
        migrations.AddIndex(
            model_name='booking',
            index=models.Index(fields=['customer_key', 'event'], name='booking_of_customer'),
        ),
        migrations.AddIndex(
            model_name='booking',
            index=models.Index(condition=models.Q(('confirmed_at__isnull', False)), fields=['confirmed_at'], name='booking_by_sale'),
        ),
        migrations.AddIndex(
            model_name='booking',
            index=models.Index(fields=['name_key'], name='booking_by_name', opclasses=['varchar_pattern_ops']),
        ),
        migrations.AddIndex(
            model_name='booking',
            index=models.Index(fields=['surname_key'], name='booking_by_surname', opclasses=['varchar_pattern_ops']),
        ),
        migrations.AddIndex(
            model_name='booking',
            index=models.Index(condition=models.Q(('payment_reference', ''), _negated=True), fields=['payment_reference'], name='booking_by_payment'),
        ),
        migrations.AddIndex(
            model_name='booking',
            index=models.Index(condition=models.Q(('refund_due', True)), fields=['created_at'], name='booking_refunds'),
        ),
        migrations.AddIndex(
            model_name='booking',
            index=models.Index(condition=models.Q(('amount_due__gt', 0), ('status__in', ['confirmed', 'cancelled'])), fields=['created_at'], name='booking_unpaid'),
        ),
        migrations.AddConstraint(
            model_name='booking',
            constraint=models.UniqueConstraint(fields=('confirmation_code',), name='booking_confirmation_code_is_unique', violation_error_code='already-exists', violation_error_message='A booking has this confirmation code already.'),
        ),
        migrations.AddConstraint(
            model_name='booking',
            constraint=models.UniqueConstraint(condition=models.Q(('idempotency_key__isnull', False)), fields=('idempotency_client', 'idempotency_key'), name='booking_idempotency_key_is_unique_for_its_client', violation_error_code='already-exists', violation_error_message='A booking has this idempotency key already.'),
        ),
        migrations.AddConstraint(
            model_name='booking',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['pending', 'confirmed', 'cancelled', 'expired'])), name='booking_status_is_known', violation_error_code='unknown-status', violation_error_message='A booking is pending, confirmed, cancelled or expired.'),
        ),
        migrations.AddConstraint(
            model_name='booking',
            constraint=models.CheckConstraint(condition=models.Q(('customer_name__length__range', (1, 200))), name='booking_customer_name_has_1_to_200_characters', violation_error_code='invalid-name', violation_error_message="A customer's name must have 1 to 200 characters."),
        ),
        migrations.AddConstraint(
            model_name='booking',
            constraint=models.CheckConstraint(condition=models.Q(('customer_email__length__range', (3, 254))), name='booking_customer_email_has_3_to_254_characters', violation_error_code='invalid-email', violation_error_message="A customer's e-mail address must have 3 to 254 characters."),
        ),
        migrations.AddConstraint(
            model_name='booking',
            constraint=models.CheckConstraint(condition=models.Q(('cancelled_quantity__lte', models.F('quantity')), ('quantity__range', (1, 2000))), name='booking_quantity_is_1_to_2000', violation_error_code='invalid-quantity', violation_error_message='A booking has 1 to 2,000 places, and not more of them cancelled.'),
        ),
        migrations.AddConstraint(
            model_name='booking',
            constraint=models.CheckConstraint(condition=models.Q(('fees__gte', 0), ('fees__lte', models.F('total_price')), ('tax__gte', 0), ('tax__lte', models.F('total_price'))), name='booking_total_price_is_with_fees_and_tax', violation_error_code='invalid-tax', violation_error_message='The fees and the tax of a booking are parts of its total.'),
        ),
        migrations.AddConstraint(
            model_name='booking',
            constraint=models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('created_at'))), name='booking_expires_after_it_is_created', violation_error_code='expires-too-early', violation_error_message='A hold must end after it starts.'),
        ),
        migrations.AddConstraint(
            model_name='booking',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'confirmed'), _negated=True), ('confirmed_at__isnull', False), _connector='OR'), name='booking_confirmed_has_a_time', violation_error_code='invalid-status', violation_error_message='A confirmed booking has a time of confirmation.'),
        ),
        migrations.AddConstraint(
            model_name='booking',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'cancelled'), _negated=True), ('cancelled_at__isnull', False), _connector='OR'), name='booking_cancelled_has_a_time', violation_error_code='invalid-status', violation_error_message='A cancelled booking has a time of cancellation.'),
        ),
        migrations.AddConstraint(
            model_name='booking',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('refund_amount', 0), ('refund_due', False)), models.Q(('refund_amount__gt', 0), ('refund_due', True)), _connector='OR'), name='booking_refund_is_due_when_there_is_an_amount', violation_error_code='invalid-refund', violation_error_message='A refund is due exactly when its amount is above 0.'),
        ),
        migrations.AddConstraint(
            model_name='booking',
            constraint=models.CheckConstraint(condition=models.Q(('refund_amount', models.ExpressionWrapper(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('amount_due'), '+', models.F('amount_paid')), '-', models.F('amount_refunded')), '-', models.F('total_price')), '+', models.F('cancelled_amount')), output_field=models.BigIntegerField()))), name='booking_balance_adds_up', violation_error_code='invalid-balance', violation_error_message='What was paid, less what was refunded, less what is owed, is the balance.'),
        ),
        migrations.AddConstraint(
            model_name='booking',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('amount_due', 0), ('refund_amount__gte', 0)), models.Q(('amount_due__gt', 0), ('refund_amount', 0)), _connector='OR'), name='booking_balance_has_one_sign', violation_error_code='invalid-balance', violation_error_message='Either something is to be paid, or something is to be refunded.'),
        ),
        migrations.AddConstraint(
            model_name='booking',
            constraint=models.CheckConstraint(condition=models.Q(('amount_refunded__gte', 0), ('amount_refunded__lte', models.F('amount_paid'))), name='booking_is_not_refunded_beyond_what_was_paid', violation_error_code='invalid-refund', violation_error_message='No more can be refunded than was paid.'),
        ),
        migrations.AddConstraint(
            model_name='booking',
            constraint=models.CheckConstraint(condition=models.Q(('cancelled_amount__gte', 0), ('cancelled_amount__lte', models.F('total_price'))), name='booking_cancelled_amount_is_0_to_its_total_price', violation_error_code='invalid-price', violation_error_message='No more can be cancelled than the total.'),
        ),
        migrations.AddConstraint(
            model_name='booking',
            constraint=models.CheckConstraint(condition=models.Q(('cancellation_fee__gte', 0), ('goodwill_amount__gte', 0)), name='booking_fee_and_goodwill_are_not_negative', violation_error_code='invalid-price', violation_error_message='A cancellation fee and goodwill must not be negative.'),
        ),
        migrations.AddConstraint(
            model_name='bookingchange',
            constraint=models.CheckConstraint(condition=models.Q(('from_status__in', ['', 'pending', 'confirmed', 'cancelled', 'expired']), ('to_status__in', ['pending', 'confirmed', 'cancelled', 'expired'])), name='booking_change_states_are_known', violation_error_code='unknown-status', violation_error_message='A booking is pending, confirmed, cancelled or expired.'),
        ),
        migrations.AddConstraint(
            model_name='bookingitem',
            constraint=models.UniqueConstraint(fields=('booking', 'ticket_type'), name='booking_item_ticket_type_is_unique_in_its_booking', violation_error_code='already-exists', violation_error_message='A booking has each ticket type once.'),
        ),
        migrations.AddConstraint(
            model_name='bookingitem',
            constraint=models.CheckConstraint(condition=models.Q(('cancelled_quantity__lte', models.F('quantity')), ('quantity__range', (1, 100))), name='booking_item_quantity_is_1_to_100', violation_error_code='invalid-quantity', violation_error_message='An item has 1 to 100 places, and not more of them cancelled.'),
        ),
        migrations.AddConstraint(
            model_name='bookingitem',
            constraint=models.CheckConstraint(condition=models.Q(('unit_price__gte', 0)), name='booking_item_unit_price_is_not_negative', violation_error_code='invalid-price', violation_error_message='A price must not be negative.'),
        ),
        migrations.AddConstraint(
            model_name='bookingitem',
            constraint=models.CheckConstraint(condition=models.Q(('total_price', models.ExpressionWrapper(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('unit_price'), '+', models.F('unit_fee')), '*', models.F('quantity')), output_field=models.BigIntegerField()))), name='booking_item_total_is_price_and_fee_times_quantity', violation_error_code='invalid-total', violation_error_message="An item's total is its price and fee times its quantity."),
        ),
        migrations.AddConstraint(
            model_name='bookingitem',
            constraint=models.CheckConstraint(condition=models.Q(('tax_rate__range', (0, Decimal('100'))), ('unit_fee__gte', 0), models.Q(models.Q(('tax', 0), ('tax_rate', 0)), models.Q(('tax__gte', 0), ('tax__lte', models.F('total_price')), ('tax_rate__gt', 0)), _connector='OR')), name='booking_item_fee_and_tax_are_within_its_total', violation_error_code='invalid-tax', violation_error_message="An item's fee is not negative, and its tax is a part of its total."),
        ),
        migrations.AddIndex(
            model_name='cancellation',
            index=models.Index(fields=['at'], name='cancellation_by_day'),
        ),
        migrations.AddConstraint(
            model_name='cancellation',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gte', 0), ('fee__gte', 0), ('fee__lte', models.F('amount')), ('places__gt', 0), ('tax__lte', models.F('amount'))), name='cancellation_amounts_are_not_negative', violation_error_code='invalid-amount', violation_error_message='A cancellation has places, and its fee is a part of their price.'),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['valid', 'checked_in', 'void'])), name='ticket_status_is_known', violation_error_code='unknown-status', violation_error_message='A ticket is valid, checked in or void.'),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'checked_in'), _negated=True), ('checked_in_at__isnull', False), _connector='OR'), name='ticket_checked_in_has_a_time', violation_error_code='invalid-status', violation_error_message='A ticket that is checked in has a time.'),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(('code__length', 26)), name='ticket_code_has_26_characters', violation_error_code='invalid-code', violation_error_message="A ticket's code has 26 characters."),
        ),
        RunSQLOnPostgreSQL(CREATE, reverse_sql="DROP FUNCTION bookings_held_by_client"),
    ]
