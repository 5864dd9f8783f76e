
import config.values.money
import config.values.text
import datetime
import django.core.validators
import django.db.models.deletion
import events.inventory.stock
import events.models
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('venues', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reserved', events.inventory.stock.CounterField(default=0, editable=False)),
                ('name', models.CharField(max_length=200, validators=[config.values.text.validate_line])),
                ('description', models.TextField(blank=True, default='', max_length=10000, validators=[config.values.text.validate_paragraphs])),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('published', 'Published'), ('cancelled', 'Cancelled')], default='draft', editable=False, max_length=9)),
                ('published_at', models.DateTimeField(editable=False, help_text='Null for a draft, and for one that was cancelled before it was published.', null=True)),
                ('cancel_reason', models.CharField(blank=True, default='', editable=False, max_length=500)),
                ('currency', models.CharField(default=events.models.current_currency, help_text='ISO 4217 code.', max_length=3, validators=[config.values.money.validate_currency])),
                ('capacity', models.PositiveIntegerField(help_text="How many places can be sold; at most the venue's capacity, which is also the default.")),
                ('max_per_customer', models.PositiveSmallIntegerField(blank=True, help_text='How many places one e-mail address may hold; empty: any number.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000)])),
                ('free_confirmation', models.CharField(choices=[('immediate', 'by the customer, at once'), ('by_mail', 'by the customer, with a link in a mail'), ('staff', 'by staff')], db_default='immediate', default='immediate', help_text='How bookings that cost nothing are confirmed, until their hold ends; afterwards by staff alone.', max_length=9, verbose_name='confirmation of free bookings')),
                ('sequence', models.PositiveIntegerField(db_default=0, default=0, editable=False, help_text='How often it was changed; calendars take the highest (RFC 5545).')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('venue', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='events', to='venues.venue')),
            ],
            options={
                'ordering': ['starts_at', 'id'],
                'permissions': [('publish_event', 'Can publish event'), ('cancel_event', 'Can cancel event')],
                'indexes': [models.Index(fields=['status', 'starts_at', 'id'], name='event_by_status_and_start'), models.Index(fields=['starts_at', 'id'], name='event_by_start')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('capacity', None), ('capacity__gte', models.F('reserved')), _connector='OR'), ('reserved__gte', 0)), name='event_reserved_is_within_capacity', violation_error_code='capacity-below-reserved', violation_error_message='More places than that are reserved.'), models.CheckConstraint(condition=models.Q(('name__length__range', (1, 200))), name='event_name_has_1_to_200_characters', violation_error_code='invalid-name', violation_error_message="An event's name must have 1 to 200 characters."), models.CheckConstraint(condition=models.Q(('description__length__lte', 10000)), name='event_description_has_up_to_10000_characters', violation_error_code='invalid-description', violation_error_message="An event's description must have at most 10,000 characters."), models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='event_ends_after_it_starts', violation_error_code='ends-too-early', violation_error_message='An event must end after it starts.'), models.CheckConstraint(condition=models.Q(('starts_at__gte', datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('starts_at__lt', datetime.datetime(2101, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('ends_at__gte', datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('ends_at__lt', datetime.datetime(2101, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='event_happens_in_the_years_2000_to_2100', violation_error_code='out-of-range', violation_error_message='An event must happen in the years 2000 to 2100.'), models.CheckConstraint(condition=models.Q(('status__in', ['draft', 'published', 'cancelled'])), name='event_status_is_known', violation_error_code='unknown-status', violation_error_message='An event is draft, published or cancelled.'), models.CheckConstraint(condition=models.Q(models.Q(('status', 'draft'), _negated=True), ('published_at', None), _connector='OR'), name='event_draft_was_never_published', violation_error_code='invalid-status', violation_error_message='A draft has no time of publication.'), models.CheckConstraint(condition=models.Q(('currency__length', 3)), name='event_currency_has_3_letters', violation_error_code='unknown-currency', violation_error_message='An event needs an ISO 4217 currency code, such as EUR.'), models.CheckConstraint(condition=models.Q(('capacity__range', (1, 1000000))), name='event_capacity_is_1_to_1000000', violation_error_code='invalid-capacity', violation_error_message="An event's capacity must be 1 to 1,000,000."), models.CheckConstraint(condition=models.Q(('max_per_customer', None), ('max_per_customer__range', (1, 1000)), _connector='OR'), name='event_max_per_customer_is_1_to_1000', violation_error_code='invalid-max-per-customer', violation_error_message='The most places for one customer must be 1 to 1,000.'), models.CheckConstraint(condition=models.Q(('free_confirmation__in', ['immediate', 'by_mail', 'staff'])), name='event_free_confirmation_is_known', violation_error_code='unknown-free-confirmation', violation_error_message='Free bookings are confirmed immediate, by_mail or staff.')],
            },
        ),
    ]
