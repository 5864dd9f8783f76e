
import config.values.text
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('bookings', '0007_ticket_checked_out_was_checked_in'),
        ('ticket_types', '0002_name_required'),
    ]

    operations = [
        migrations.AddField(
            model_name='booking',
            name='notify',
            field=models.BooleanField(db_default=True, default=True, help_text='Whether the customer gets mails.'),
        ),
        migrations.AddField(
            model_name='bookingitem',
            name='attendees',
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list, help_text='Holders, until the tickets are issued.'),
        ),
        migrations.AddField(
            model_name='ticket',
            name='name_key',
            field=models.CharField(db_default='', default='', editable=False, help_text="The holder's own, folded.", max_length=100),
        ),
        migrations.AddField(
            model_name='ticket',
            name='surname_key',
            field=models.CharField(db_default='', default='', editable=False, help_text='The same, the last word first.', max_length=100),
        ),
        migrations.AddField(
            model_name='ticket',
            name='holder_email',
            field=models.EmailField(blank=True, db_default='', default='', help_text='May be empty.', max_length=254),
        ),
        migrations.AddField(
            model_name='ticket',
            name='holder_name',
            field=models.CharField(blank=True, db_default='', default='', help_text='Who is admitted; empty: the customer.', max_length=200, validators=[config.values.text.validate_line]),
        ),
    ]
