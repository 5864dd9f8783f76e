import django.db.models.expressions
from django.db import migrations, models
from config.database.operations import AddCheckInUse


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('bookings', '0004_fees_and_tax'),
    ]

    operations = [
        AddCheckInUse(
            model_name='bookingitem',
            constraint=models.CheckConstraint(condition=models.Q(('total_price', models.ExpressionWrapper(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('unit_price'), '+', models.F('unit_fee')), '*', models.F('quantity')), output_field=models.BigIntegerField()))), name='booking_item_total_is_price_and_fee_times_quantity', violation_error_code='invalid-total', violation_error_message="An item's total is its price and fee times its quantity."),
        ),
    ]
