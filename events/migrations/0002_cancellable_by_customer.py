
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='event',
            name='is_cancellable_by_customer',
            field=models.BooleanField(db_default=False, default=False, help_text="Confirmed bookings too, until some hours before the start, which the server's settings say.", verbose_name='customers may cancel'),
        ),
    ]
