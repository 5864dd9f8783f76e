from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("venues", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="venue",
            index=models.Index(fields=["name", "id"], name="venue_by_name"),
        ),
    ]
