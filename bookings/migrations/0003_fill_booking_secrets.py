from bookings.codes import booking_secret
from django.db import migrations

BATCH = 500
EMPTY = ""


def fill(apps, schema_editor):
    """Gives each booking without a secret one, in short transactions; can be interrupted and repeated."""
    bookings = apps.get_model("bookings", "Booking").objects.using(schema_editor.connection.alias).order_by("pk")
    batch = list(bookings.filter(secret=EMPTY).only("pk")[:BATCH])
    while batch:
        for booking in batch:
            booking.secret = booking_secret()
        bookings.filter(secret=EMPTY).bulk_update(batch, ["secret"])
        batch = list(bookings.filter(secret=EMPTY, pk__gt=batch[-1].pk).only("pk")[:BATCH])


class Migration(migrations.Migration):

    atomic = False
    dependencies = [
        ('bookings', '0002_booking_secret'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
