from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('bookings', '0005_ticket_by_update'),
    ]

    operations = [
        migrations.AddField(
            model_name='ticket',
            name='checked_out_at',
            field=models.DateTimeField(editable=False, help_text='Since when the holder is outside again.', null=True),
        ),
        migrations.AlterField(
            model_name='ticket',
            name='checked_in_at',
            field=models.DateTimeField(editable=False, help_text='The first entry.', null=True),
        ),
        migrations.AlterModelOptions(
            name='ticket',
            options={'ordering': ['id'], 'permissions': [('check_in_ticket', 'Can check in ticket'), ('view_admissions', 'Can view admissions')]},
        ),
    ]
