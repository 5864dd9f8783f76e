from django.db import migrations, models

from config.database.operations import RunSQLOnPostgreSQL

# VOLATILE, so each statement has a snapshot of its own: the sum sees what was committed while the lock was awaited.
CREATE = """
CREATE FUNCTION bookings_held_by_client(client text) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(2, ('x' || left(client, 8))::bit(32)::int);
    RETURN (
        SELECT COALESCE(SUM(quantity), 0) FROM bookings_booking
         WHERE client_key = client AND client_key <> '' AND status = 'pending' AND expires_at > CLOCK_TIMESTAMP()
    );
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("bookings", "0007_total_price_is_with_fees_and_tax")]

    operations = [
        migrations.AddField(
            model_name="booking",
            name="client_key",
            field=models.CharField(
                db_default="",
                default="",
                editable=False,
                help_text="Hash of an anonymous client's address, while the booking is pending.",
                max_length=32,
            ),
        ),
        RunSQLOnPostgreSQL(CREATE, reverse_sql="DROP FUNCTION bookings_held_by_client"),
    ]
