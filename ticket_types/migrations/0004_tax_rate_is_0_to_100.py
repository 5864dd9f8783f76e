from decimal import Decimal
from django.db import migrations, models
from config.database.operations import AddCheckInUse


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('ticket_types', '0003_fee_is_0_to_999999999'),
    ]

    operations = [
        AddCheckInUse(
            model_name='tickettype',
            constraint=models.CheckConstraint(condition=models.Q(('tax_rate__range', (0, Decimal('100')))), name='ticket_type_tax_rate_is_0_to_100', violation_error_code='invalid-tax-rate', violation_error_message='A tax rate must be 0 to 100 percent.'),
        ),
    ]
