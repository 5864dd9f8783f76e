from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0003_event_draft_was_never_published")]

    operations = [
        migrations.AddField(
            "event",
            "free_confirmation",
            models.CharField(
                "confirmation of free bookings",
                max_length=9,
                choices=[
                    ("immediate", "by the customer, at once"),
                    ("by_mail", "by the customer, with a link in a mail"),
                    ("staff", "by staff"),
                ],
                default="immediate",
                db_default="immediate",
                help_text="How bookings that cost nothing are confirmed, until their hold ends; afterwards by staff alone.",
            ),
        ),
    ]
