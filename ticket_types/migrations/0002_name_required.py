
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ticket_types', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='tickettype',
            name='is_name_required',
            field=models.BooleanField(db_default=False, default=False, help_text='Each ticket is booked with the name of its holder.', verbose_name='names of holders are required'),
        ),
    ]
