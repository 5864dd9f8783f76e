import config.values.money
import config.values.percent
from decimal import Decimal
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('bookings', '0003_fill_booking_secrets'),
        ('ticket_types', '0002_fee_and_tax_rate'),
    ]

    operations = [
        migrations.AddField(
            model_name='booking',
            name='fees',
            field=config.values.money.MoneyField(db_default=0, default=Decimal('0'), editable=False, help_text='As booked; part of the total.'),
        ),
        migrations.AddField(
            model_name='booking',
            name='tax',
            field=config.values.money.MoneyField(db_default=0, default=Decimal('0'), editable=False, help_text='Contained in the total.'),
        ),
        migrations.AddField(
            model_name='bookingitem',
            name='unit_fee',
            field=config.values.money.MoneyField(db_default=0, default=Decimal('0')),
        ),
        migrations.AddField(
            model_name='bookingitem',
            name='tax_rate',
            field=config.values.percent.PercentField(db_default=0, default=Decimal('0')),
        ),
        migrations.AddField(
            model_name='bookingitem',
            name='tax',
            field=config.values.money.MoneyField(db_default=0, default=Decimal('0'), help_text='Contained in the total.'),
        ),
        # The next migration adds the one that counts fees.
        migrations.RemoveConstraint(
            model_name='bookingitem',
            name='booking_item_total_is_price_times_quantity',
        ),
    ]
