import config.values.money
import config.values.percent
from decimal import Decimal
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('ticket_types', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='tickettype',
            name='fee',
            field=config.values.money.MoneyField(db_default=0, default=Decimal('0'), help_text="Per ticket, added to the price; in the event's currency."),
        ),
        migrations.AddField(
            model_name='tickettype',
            name='tax_rate',
            field=config.values.percent.PercentField(db_default=0, default=Decimal('0'), help_text='Percent; the tax is contained in the price and the fee.'),
        ),
    ]
