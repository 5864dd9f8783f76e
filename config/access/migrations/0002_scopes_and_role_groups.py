import django.db.models.deletion
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [
        ("access", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.AddField(
            model_name="apitoken",
            name="scopes",
            field=models.JSONField(
                blank=True, db_default=[], default=list, help_text="None: all that the user may."
            ),
        ),
        migrations.CreateModel(
            name="RoleGroup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("manager", "Manager"),
                            ("box-office", "Box office"),
                            ("door", "Door"),
                            ("auditor", "Auditor"),
                        ],
                        max_length=20,
                        unique=True,
                    ),
                ),
                ("given", models.JSONField(default=list)),
                (
                    "group",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="role_group", to="auth.group"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["manager", "box-office", "door", "auditor"])),
                        name="role_group_has_a_known_role",
                        violation_error_code="unknown-role",
                        violation_error_message="There is no such role.",
                    )
                ],
            },
        ),
    ]
