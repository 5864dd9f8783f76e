from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('booking_messages', '0001_initial'),
    ]

    operations = [
        migrations.AlterField(
            model_name='message',
            name='kind',
            field=models.CharField(choices=[('confirmation', 'Confirmation, with the tickets'), ('cancellation', 'Booking cancelled'), ('part_cancelled', 'Some tickets cancelled'), ('event_cancelled', 'Event cancelled'), ('postponed', 'Event postponed'), ('rescheduled', 'Event moved to another time or venue'), ('refund', 'Refund'), ('transfer', 'Ticket for its new holder'), ('transferred', 'Ticket that went to another holder'), ('links', 'Links to the bookings of an address')], editable=False, max_length=15),
        ),
        migrations.RemoveConstraint(
            model_name='message',
            name='message_kind_is_known',
        ),
    ]
