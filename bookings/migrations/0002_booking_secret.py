import bookings.codes
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('bookings', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='booking',
            name='secret',
            field=models.CharField(db_default='', default=bookings.codes.booking_secret, editable=False, help_text='Opens the booking to anonymous clients; an empty one opens nothing.', max_length=36),
        ),
    ]
