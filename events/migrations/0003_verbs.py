from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0002_cancellable_by_customer'),
    ]

    operations = [
        migrations.AddField(
            model_name='event',
            name='visibility',
            field=models.CharField(choices=[('public', 'in lists, calendars and searches'), ('unlisted', 'only with its address')], db_default='public', default='public', help_text='Where everybody finds it, once it is published. An unlisted event is read and booked by its id.', max_length=8),
        ),
        migrations.AddField(
            model_name='event',
            name='is_sales_paused',
            field=models.BooleanField(db_default=False, default=False, editable=False, help_text='While true, nothing can be booked. Bookings that hold places can be confirmed.', verbose_name='sales paused'),
        ),
        migrations.AddField(
            model_name='event',
            name='is_postponed',
            field=models.BooleanField(db_default=False, default=False, editable=False, help_text='Whether it takes place at another time, which is not known yet. Its times are the old ones.', verbose_name='postponed'),
        ),
    ]
