from decimal import Decimal
from django.db import migrations, models
from config.database.operations import AddCheckInUse


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('bookings', '0005_total_is_price_and_fee_times_quantity'),
    ]

    operations = [
        AddCheckInUse(
            model_name='bookingitem',
            constraint=models.CheckConstraint(condition=models.Q(('tax_rate__range', (0, Decimal('100'))), ('unit_fee__gte', 0), models.Q(models.Q(('tax', 0), ('tax_rate', 0)), models.Q(('tax__gte', 0), ('tax__lte', models.F('total_price')), ('tax_rate__gt', 0)), _connector='OR')), name='booking_item_fee_and_tax_are_within_its_total', violation_error_code='invalid-tax', violation_error_message="An item's fee is not negative, and its tax is a part of its total."),
        ),
    ]
