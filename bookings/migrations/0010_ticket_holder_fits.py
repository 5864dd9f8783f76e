from django.db import migrations, models

from config.database.operations import AddCheckInUse


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('bookings', '0009_ticket_of_holder'),
    ]

    operations = [
        AddCheckInUse(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(('holder_name__length__lte', 200), models.Q(('holder_email', ''), ('holder_email__length__range', (3, 254)), _connector='OR')), name='ticket_holder_has_a_name_and_an_address_that_fit', violation_error_code='invalid-holder', violation_error_message="A holder's name has at most 200 characters, an address 3 to 254 or none."),
        ),
    ]
