
import bookings.codes
import bookings.models.booking
import config.values.money
import config.values.percent
import config.values.text
import uuid
from decimal import Decimal
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
        RunSQLOnPostgreSQL(CREATE, reverse_sql="DROP FUNCTION bookings_held_by_client"),
    ]
