import django.db.models.functions.text
from django.db import migrations, models

from config.database.operations import AddIndexInUse


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('bookings', '0008_holders_and_notify'),
    ]

    operations = [
        AddIndexInUse(
            model_name='ticket',
            index=models.Index(django.db.models.functions.text.Upper('holder_email'), condition=models.Q(('holder_email', ''), _negated=True), name='ticket_of_holder'),
        ),
    ]
