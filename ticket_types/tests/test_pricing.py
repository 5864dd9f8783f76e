"""Price lines against exact fractions, in Python and in SQL."""

from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from django.db import transaction
from django.db.models import F
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from config.values import money
from ticket_types.models import TicketType
from ticket_types.pricing import contained_tax, contained_tax_in_sql, price_line

pytestmark = pytest.mark.both

CURRENCIES = ("EUR", "JPY", "KWD", "CLF")
UNITS = st.integers(0, 999_999_999)  # of the currency's smallest amount
RATES = st.one_of(st.sampled_from(["0", "0.001", "7", "7.7", "19", "20", "25", "99.999", "100"]).map(Decimal),
                  st.integers(0, 100_000).map(lambda rate: Decimal(rate) / 1000))  # fmt: skip
MANY = 200  # tickets


def amount(units, currency):
    return Decimal(units).scaleb(-money.DECIMALS[currency])


def exact_tax(total, rate, currency):
    """Rounded half up."""
    smallest = Fraction(amount(1, currency))
    exact = Fraction(total) * Fraction(rate) / (100 + Fraction(rate))
    return floor(exact / smallest + Fraction(1, 2)) * smallest


@example("EUR", 3, 0, Decimal(100), 1)  # 1.5 cents of tax
@example("JPY", 1, 0, Decimal(100), 1)
@example("KWD", 6, 0, Decimal(20), 1)
@example("EUR", 999_999_999, 999_999_999, Decimal("99.999"), 100)
@given(st.sampled_from(CURRENCIES), UNITS, UNITS, RATES, st.integers(1, 100))
def test_price_line_is_exact(currency, price, fee, rate, quantity):
    price, fee = amount(price, currency), amount(fee, currency)
    line = price_line(price=price, fee=fee, tax_rate=rate, quantity=quantity, currency=currency)
    assert (line.unit_price, line.unit_fee, line.tax_rate, line.quantity) == (price, fee, rate, quantity)
    assert line.total_price == (price + fee) * quantity
    assert line.fees == fee * quantity
    assert line.tax == exact_tax(line.total_price, rate, currency)
    assert money.fits(line.tax, currency)
    assert 0 <= line.tax <= line.total_price


@pytest.mark.parametrize(
    ("total", "rate", "currency", "tax"),
    [
        ("119.00", "19", "EUR", "19.00"),
        ("0.03", "100", "EUR", "0.02"),  # 0.015
        ("0.01", "100", "EUR", "0.01"),  # 0.005
        ("99.80", "7.7", "EUR", "7.14"),  # 7.1352…
        ("100", "8", "JPY", "7"),  # 7.407…
        ("1", "100", "JPY", "1"),  # 0.5
        ("1.234", "5", "KWD", "0.059"),  # 0.0587…
        ("49.90", "0", "EUR", "0"),
    ],
)
def test_contained_tax_is_rounded_half_up(total, rate, currency, tax):
    assert contained_tax(Decimal(total), Decimal(rate), currency) == Decimal(tax)


@pytest.mark.django_db
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@example(lines=[(currency, units, Decimal(100)) for currency in CURRENCIES for units in (1, 2, 3, 999_999_999)])
@given(lines=st.lists(st.tuples(st.sampled_from(CURRENCIES), UNITS, RATES), min_size=1, max_size=30))
def test_contained_tax_is_the_same_in_sql(lines, make_event):
    with transaction.atomic():
        events = {currency: make_event(name=currency, currency=currency) for currency in CURRENCIES}
        for number, (currency, units, rate) in enumerate(lines):
            price = min(amount(units, currency), money.MAX_AMOUNT)
            TicketType.objects.create(event=events[currency], name=str(number), price=price, tax_rate=rate)
        types = TicketType.objects.select_related("event").order_by("pk")
        rows = types.annotate(tax=contained_tax_in_sql(F("price") * MANY, "tax_rate", "event__currency"))
        assert [row.tax for row in rows] == [
            contained_tax(row.price * MANY, row.tax_rate, row.currency) for row in rows
        ]
        transaction.set_rollback(True)
