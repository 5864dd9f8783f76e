"""A booking's balance: what was paid, less what was refunded, less what is owed.

`amount_due` and `refund_amount` are its two signs. They are stored, because lists filter and sum them; a check
constraint holds that they add up.
"""

from decimal import Decimal
from typing import Any

from django.db.models import Case, F, Value, When
from django.db.models.functions import Greatest, Least
from django.db.models.lookups import GreaterThan

from config.problems import InvalidInput
from config.values.money import MoneyField, fits, plain

MONEY = MoneyField()
ZERO = Value(Decimal(0), MONEY)


def amount(value: Any) -> Any:
    """A constant amount as an expression; expressions as they are."""
    return value if hasattr(value, "resolve_expression") else Value(value, MONEY)


def check_amount(name: str, amount: Decimal | None, currency: str) -> None:
    """Raises InvalidInput for an amount with more decimals than its currency has, or of nothing."""
    if amount is None or (amount > 0 and fits(amount, currency)):
        return
    detail = f"Must be above 0, with at most the decimals of {currency}, such as {plain(Decimal(10), currency)}."
    raise InvalidInput(errors=[{"pointer": f"/{name}", "code": "invalid", "detail": detail}])


def with_balance(**changes: Any) -> dict[str, Any]:
    """The changes of an UPDATE of bookings, and the balance that follows from them.

    Amounts among the changes are `amount_paid`, `amount_refunded` and `cancelled_amount`.
    """
    paid, refunded, cancelled = (
        amount(changes.get(name, F(name))) for name in ("amount_paid", "amount_refunded", "cancelled_amount")
    )
    balance = paid - refunded - F("total_price") + cancelled
    return {
        **changes,
        "refund_amount": Greatest(balance, ZERO, output_field=MONEY),
        "amount_due": Greatest(ZERO - balance, ZERO, output_field=MONEY),
        "refund_due": Case(When(GreaterThan(balance, ZERO), then=Value(True)), default=Value(False)),
    }


def nothing_owed(fee: Any = Decimal(0)) -> dict[str, Any]:
    """The changes for a booking that loses all its places: of its price only fees are owed."""
    fees = F("cancellation_fee") + amount(fee)
    return with_balance(cancelled_amount=F("total_price") - fees, cancellation_fee=fees)


def at_most_total(cancelled: Any) -> Least:
    """Goodwill and cancelled places together may be worth more than the total, of which no more can be cancelled."""
    return Least(cancelled, F("total_price"), output_field=MONEY)
