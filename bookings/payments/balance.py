"""A booking's balance: what was paid, less what was refunded, less what is owed.

`amount_due` and `refund_amount` are its two signs. They are stored, because lists filter and sum them; a check
constraint holds that they add up.

What is owed, `total_price` less `cancelled_amount`, has two parts: the cancellation fees, and the rest for the places,
less goodwill. Neither is below 0, which a check constraint holds too. A cancellation moves a fee from the places to the
fees, so a fee is at most what is owed for the places, and no cancellation raises what is owed. Goodwill lowers what is
owed for the places first, then the fees.
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
        "refund_amount": above_0(balance),
        "amount_due": above_0(ZERO - balance),
        "refund_due": Case(When(GreaterThan(balance, ZERO), then=Value(True)), default=Value(False)),
    }


def nothing_owed(fee: Any = Decimal(0)) -> dict[str, Any]:
    """The changes for a booking that loses all its places: of its price only fees are owed."""
    fees = F("cancellation_fee") + amount(fee)
    return with_balance(cancelled_amount=F("total_price") - fees, cancellation_fee=fees)


def some_cancelled(price: Decimal, fee: Decimal) -> dict[str, Any]:
    """The changes for a booking that loses some places of this price, of which a fee stays owed.

    Goodwill for these places is used up with them.
    """
    owed = owed_for_places()
    return with_balance(
        cancelled_amount=F("cancelled_amount") + Least(amount(price), owed, output_field=MONEY) - amount(fee),
        cancellation_fee=F("cancellation_fee") + amount(fee),
        goodwill_amount=F("goodwill_amount") - above_0(amount(price) - owed),
    )


def refunded(refund: Decimal, goodwill: Decimal) -> dict[str, Any]:
    """The changes for a refund, with the part of it that was not due."""
    changes: dict[str, Any] = {"amount_refunded": F("amount_refunded") + amount(refund)}
    if goodwill:
        owed = owed_for_places()
        changes["goodwill_amount"] = F("goodwill_amount") + Least(amount(goodwill), owed, output_field=MONEY)
        changes["cancellation_fee"] = F("cancellation_fee") - above_0(amount(goodwill) - owed)
        changes["cancelled_amount"] = F("cancelled_amount") + amount(goodwill)
    return with_balance(**changes)


def owed_for_places() -> Any:
    return F("total_price") - F("cancelled_amount") - F("cancellation_fee")


def above_0(difference: Any) -> Greatest:
    return Greatest(difference, ZERO, output_field=MONEY)
