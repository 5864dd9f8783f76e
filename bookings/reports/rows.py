"""What reports are made of."""

import datetime as dt
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from django.db import models

from config.values import money


class GroupBy(models.TextChoices):
    EVENT = "event"
    VENUE = "venue"
    TICKET_TYPE = "ticket_type"
    DAY = "day"
    MONTH = "month"


# The groups of reports about movements, each of which has its own day.
BY_TIME = [(it.value, it.label) for it in (GroupBy.DAY, GroupBy.MONTH, GroupBy.EVENT)]


class Split:
    """Revenue is price and fees; tax is contained in both."""

    __slots__ = ()
    revenue: Decimal
    fees: Decimal

    @property
    def price(self) -> Decimal:
        return self.revenue - self.fees


@dataclass(frozen=True, slots=True)
class Sales(Split):
    """What was sold of one group in one currency. `group` is an id, or a day or month as ISO 8601 writes it."""

    group: int | str
    label: str
    currency: str
    bookings: int
    tickets: int
    revenue: Decimal
    fees: Decimal
    tax: Decimal

    @property
    def average(self) -> Decimal:
        """Revenue of a booking, rounded to what the currency has; 0 without bookings."""
        smallest = Decimal(1).scaleb(-money.DECIMALS[self.currency])
        return (self.revenue / max(self.bookings, 1)).quantize(smallest, ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class Revenue(Split):
    """What was sold in one currency."""

    currency: str
    bookings: int
    tickets: int
    revenue: Decimal
    fees: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything at a glance. `places_available` are those of published events that are not over."""

    venues: int
    events: dict[str, int]
    bookings: dict[str, int]
    tickets_sold: int
    places_available: int
    revenue: list[Revenue]


@dataclass(frozen=True, slots=True)
class Occupancy:
    """How full an event is: what is sold, what is held by bookings that are not paid yet, and what is left."""

    event: int
    label: str
    starts_at: dt.datetime
    status: str
    capacity: int
    sold: int
    held: int

    @property
    def available(self) -> int:
        return max(self.capacity - self.sold - self.held, 0)

    @property
    def rate(self) -> float:
        """The sold part of the capacity, 0 to 1."""
        return round(self.sold / self.capacity, 4)


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What was cancelled in one group and currency. `bookings` have lost all their places."""

    group: int | str
    label: str
    currency: str
    bookings: int
    tickets: int
    amount: Decimal
    tax: Decimal
    fees: Decimal


@dataclass(frozen=True, slots=True)
class Refunded:
    """What was refunded in one group, currency and way. `returned` came back, though it had been paid."""

    group: int | str
    label: str
    currency: str
    provider: str
    method: str
    refunds: int
    amount: Decimal
    returned: Decimal


@dataclass(frozen=True, slots=True)
class TillRow:
    """What a user took and gave back on one day; an empty user: customers online, and programs."""

    user: str
    method: str
    currency: str
    payments: Decimal
    refunds: Decimal
    count: int

    @property
    def net(self) -> Decimal:
        return self.payments - self.refunds
