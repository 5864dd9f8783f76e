from decimal import Decimal
from django.db import migrations, models
from config.database.operations import AddCheckInUse


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('ticket_types', '0002_fee_and_tax_rate'),
    ]

    operations = [
        AddCheckInUse(
            model_name='tickettype',
            constraint=models.CheckConstraint(condition=models.Q(('fee__range', (0, Decimal('999999999')))), name='ticket_type_fee_is_0_to_999999999', violation_error_code='invalid-fee', violation_error_message='A fee must be 0 to 999,999,999.'),
        ),
    ]
