"""Stocks: a capacity, the places reserved of it, and the only way in which that counter moves."""

from typing import Any

from django.db import models
from django.db.models import F, Q

from config.problems import DomainError


class CapacityBelowReserved(DomainError):
    """A capacity cannot be lower than the number of places that are reserved."""

    code, title = "capacity-below-reserved", "More places are reserved"


class CounterField(models.PositiveIntegerField):
    """A number that changes only by `UPDATE … SET n = n + …`.

    Saving a row keeps the database's value: an edit of an event during sales would otherwise write back a stale number.
    """

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        return super().pre_save(model_instance, add) if add else F(self.attname)


class Stock(models.Model):
    """Something with a number of places, some of which pending and confirmed bookings reserve.

    `capacity` is None for an unlimited stock.
    """

    capacity = models.PositiveIntegerField(null=True, blank=True)
    reserved = CounterField(default=0, editable=False)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=(Q(capacity=None) | Q(capacity__gte=F("reserved"))) & Q(reserved__gte=0),
                name="%(class)s_reserved_is_within_capacity",
                violation_error_message="More places than that are reserved.",
                violation_error_code=CapacityBelowReserved.code,
            ),
        ]

    @classmethod
    def take(cls, pk: int, places: int, *conditions: Q, **lookups: Any) -> bool:
        """Reserves places; False when too few are available, or when a condition does not hold.

        Condition and change are one UPDATE, so that no other booking comes between. The row stays locked until the
        transaction ends.
        """
        has_places = Q(capacity=None) | Q(capacity__gte=F("reserved") + places)
        rows = cls._base_manager.filter(has_places, *conditions, pk=pk, **lookups)
        return rows.update(reserved=F("reserved") + places) == 1

    @classmethod
    def give_back(cls, pk: int, places: int) -> None:
        """Returns places. Call it only after winning the booking's transition, so that it happens once."""
        cls._base_manager.filter(pk=pk).update(reserved=F("reserved") - places)
