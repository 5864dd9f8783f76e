from django.db import migrations, models
from config.database.operations import AddCheckInUse


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('bookings', '0006_fee_and_tax_are_within_the_items_total'),
    ]

    operations = [
        AddCheckInUse(
            model_name='booking',
            constraint=models.CheckConstraint(condition=models.Q(('fees__gte', 0), ('fees__lte', models.F('total_price')), ('tax__gte', 0), ('tax__lte', models.F('total_price'))), name='booking_total_price_is_with_fees_and_tax', violation_error_code='invalid-tax', violation_error_message='The fees and the tax of a booking are parts of its total.'),
        ),
    ]
