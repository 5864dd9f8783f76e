from django.db import migrations, models

from bookings.models.searching import keys_of

BATCH = 2000


def fill(apps, schema_editor):
    """In batches by the primary key, so that no more of them is in memory or locked at a time."""
    bookings = apps.get_model("bookings", "Booking")._base_manager.using(schema_editor.connection.alias).order_by("pk")
    last = None
    while batch := list((bookings.filter(pk__gt=last) if last else bookings).only("pk", "customer_name")[:BATCH]):
        for booking in batch:
            for name, key in keys_of(booking.customer_name).items():
                setattr(booking, name, key)
        bookings.bulk_update(batch, ["name_key", "surname_key"], batch_size=500)
        last = batch[-1].pk


class Migration(migrations.Migration):
    dependencies = [("bookings", "0002_sales_by_time")]

    operations = [
        migrations.AddField(
            model_name="booking",
            name="name_key",
            field=models.CharField(
                db_default="", editable=False, help_text="The name, folded to be looked for.", max_length=100
            ),
        ),
        migrations.AddField(
            model_name="booking",
            name="surname_key",
            field=models.CharField(
                db_default="", editable=False, help_text="The same, its last word first.", max_length=100
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
