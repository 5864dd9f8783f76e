
import config.values.money
import config.values.percent
import config.values.text
import datetime
import django.core.validators
import django.db.models.deletion
import events.inventory.stock
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('events', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='TicketType',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reserved', events.inventory.stock.CounterField(default=0, editable=False)),
                ('name', models.CharField(max_length=100, validators=[config.values.text.validate_line])),
                ('description', models.TextField(blank=True, default='', max_length=2000, validators=[config.values.text.validate_paragraphs])),
                ('price', config.values.money.MoneyField(help_text="In the event's currency.")),
                ('fee', config.values.money.MoneyField(db_default=0, default=Decimal('0'), help_text="Per ticket, added to the price; in the event's currency.")),
                ('tax_rate', config.values.percent.PercentField(db_default=0, default=Decimal('0'), help_text='Percent; the tax is contained in the price and the fee.')),
                ('capacity', models.PositiveIntegerField(blank=True, help_text="How many can be sold; empty: only the event's capacity limits it.", null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000000)], verbose_name='quantity')),
                ('min_per_booking', models.PositiveSmallIntegerField(default=1, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)])),
                ('max_per_booking', models.PositiveSmallIntegerField(default=10, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)])),
                ('sales_start_at', models.DateTimeField(blank=True, help_text='Empty: as soon as the event is published.', null=True)),
                ('sales_end_at', models.DateTimeField(blank=True, help_text='Empty: until the event ends.', null=True)),
                ('position', models.PositiveSmallIntegerField(default=0, help_text="Where it stands in the event's list.", validators=[django.core.validators.MaxValueValidator(10000)])),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('event', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='ticket_types', to='events.event')),
            ],
            options={
                'ordering': ['position', 'id'],
                'indexes': [models.Index(fields=['event', 'position', 'id'], name='ticket_type_in_order')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('capacity', None), ('capacity__gte', models.F('reserved')), _connector='OR'), ('reserved__gte', 0)), name='tickettype_reserved_is_within_capacity', violation_error_code='capacity-below-reserved', violation_error_message='More places than that are reserved.'), models.UniqueConstraint(fields=('event', 'name'), name='ticket_type_name_is_unique_in_its_event', violation_error_code='already-exists', violation_error_message='The event has a ticket type of that name already.'), models.CheckConstraint(condition=models.Q(('name__length__range', (1, 100))), name='ticket_type_name_has_1_to_100_characters', violation_error_code='invalid-name', violation_error_message="A ticket type's name must have 1 to 100 characters."), models.CheckConstraint(condition=models.Q(('description__length__lte', 2000)), name='ticket_type_description_has_up_to_2000_characters', violation_error_code='invalid-description', violation_error_message="A ticket type's description must have at most 2,000 characters."), models.CheckConstraint(condition=models.Q(('price__range', (0, Decimal('999999999')))), name='ticket_type_price_is_0_to_999999999', violation_error_code='invalid-price', violation_error_message='A price must be 0 to 999,999,999.'), models.CheckConstraint(condition=models.Q(('fee__range', (0, Decimal('999999999')))), name='ticket_type_fee_is_0_to_999999999', violation_error_code='invalid-fee', violation_error_message='A fee must be 0 to 999,999,999.'), models.CheckConstraint(condition=models.Q(('tax_rate__range', (0, Decimal('100')))), name='ticket_type_tax_rate_is_0_to_100', violation_error_code='invalid-tax-rate', violation_error_message='A tax rate must be 0 to 100 percent.'), models.CheckConstraint(condition=models.Q(('capacity', None), ('capacity__range', (1, 1000000)), _connector='OR'), name='ticket_type_quantity_is_1_to_1000000', violation_error_code='invalid-quantity', violation_error_message="A ticket type's quantity must be 1 to 1,000,000, or none."), models.CheckConstraint(condition=models.Q(('min_per_booking__gte', 1), ('min_per_booking__lte', models.F('max_per_booking'))), name='ticket_type_min_per_booking_is_1_to_its_max', violation_error_code='invalid-min-per-booking', violation_error_message='The fewest in one booking must be 1 or more, and not above the most.'), models.CheckConstraint(condition=models.Q(('max_per_booking__range', (1, 100))), name='ticket_type_max_per_booking_is_1_to_100', violation_error_code='invalid-max-per-booking', violation_error_message='The most in one booking must be 1 to 100.'), models.CheckConstraint(condition=models.Q(('sales_end_at', None), ('sales_start_at', None), ('sales_end_at__gt', models.F('sales_start_at')), _connector='OR'), name='ticket_type_sales_end_after_they_start', violation_error_code='ends-too-early', violation_error_message='Sales must end after they start.'), models.CheckConstraint(condition=models.Q(models.Q(('sales_start_at', None), models.Q(('sales_start_at__gte', datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('sales_start_at__lt', datetime.datetime(2101, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), _connector='OR'), models.Q(('sales_end_at', None), models.Q(('sales_end_at__gte', datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('sales_end_at__lt', datetime.datetime(2101, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), _connector='OR')), name='ticket_type_sales_are_in_the_years_2000_to_2100', violation_error_code='out-of-range', violation_error_message='Sales must be in the years 2000 to 2100.'), models.CheckConstraint(condition=models.Q(('position__lte', 10000)), name='ticket_type_position_is_0_to_10000', violation_error_code='invalid-position', violation_error_message='A position must be 0 to 10,000.')],
            },
        ),
    ]
