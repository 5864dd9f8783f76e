
import config.access.models
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='LoginFailure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField()),
                ('username', models.CharField(blank=True, help_text='Empty: no account has the name that was typed.', max_length=150)),
                ('address', models.CharField(blank=True, max_length=50)),
                ('count', models.PositiveIntegerField(default=0)),
                ('last_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['-hour', '-id'],
                'default_permissions': ('view',),
                'constraints': [models.UniqueConstraint(fields=('hour', 'username', 'address'), name='login_failures_are_counted_once', violation_error_code='already-exists', violation_error_message='The failed logins of an hour are one row for each account and address.')],
            },
        ),
        migrations.CreateModel(
            name='ApiToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='The program that uses the token, such as “web shop”.', max_length=100)),
                ('start', models.CharField(editable=False, help_text='The first characters, to recognise the token.', max_length=12)),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('scopes', models.JSONField(blank=True, db_default=[], default=list, help_text='None: everything the user may do.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField(blank=True, default=config.access.models.in_a_year, help_text='Empty: never.', null=True)),
                ('last_used_at', models.DateTimeField(editable=False, null=True)),
                ('revoked_at', models.DateTimeField(editable=False, null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_tokens', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'API token',
                'ordering': ['-created_at', '-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('name__length__range', (1, 100))), name='api_token_name_has_1_to_100_characters', violation_error_code='invalid-name', violation_error_message="A token's name must have 1 to 100 characters."), models.CheckConstraint(condition=models.Q(('expires_at', None), ('expires_at__gt', models.F('created_at')), _connector='OR'), name='api_token_expires_after_it_is_created', violation_error_code='expires-too-early', violation_error_message='A token must expire after it is created.')],
            },
        ),
        migrations.CreateModel(
            name='RoleGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('manager', 'Manager'), ('box-office', 'Box office'), ('door', 'Door'), ('auditor', 'Auditor')], max_length=20, unique=True)),
                ('given', models.JSONField(default=list)),
                ('group', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='role_group', to='auth.group')),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.CheckConstraint(condition=models.Q(('role__in', ['manager', 'box-office', 'door', 'auditor'])), name='role_group_has_a_known_role', violation_error_code='unknown-role', violation_error_message='Unknown role.')],
            },
        ),
    ]
