"""What can be sold from, and the only way in which its counter moves."""

from typing import Any

from django.db import models
from django.db.models import F, Q

from config.problems import DomainError


class CapacityBelowReserved(DomainError):
    """A capacity cannot become smaller than the number of places that live bookings hold."""

    code, title = "capacity-below-reserved", "More places are reserved"


class CounterField(models.PositiveIntegerField):
    """A number that moves only by `UPDATE … SET n = n + …`.

    Saving a row leaves it as the database has it: staff who edit an event's name while it sells would otherwise write
    back the number that they loaded, and with it wipe out every sale since.
    """

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        return super().pre_save(model_instance, add) if add else F(self.attname)


class Inventory(models.Model):
    """Something with a number of places, some of which live bookings hold."""

    capacity = models.PositiveIntegerField(null=True, blank=True)
    reserved = CounterField(default=0, editable=False)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=(Q(capacity=None) | Q(capacity__gte=F("reserved"))) & Q(reserved__gte=0),
                name="%(class)s_reserved_is_within_capacity",
                violation_error_message="Live bookings hold more places than that.",
                violation_error_code=CapacityBelowReserved.code,
            ),
        ]

    def take(self, places: int, *conditions: Q, **data: Any) -> bool:
        """Reserves places; false when fewer are left, or when one of the conditions or data does not hold.

        The other party is every other booking of the same thing. The database decides between them: the condition and
        the change are one statement, so nobody can come in between. The row stays locked until the transaction ends.
        """
        rows = self.with_room(self.pk, places, *conditions, **data)
        return rows.update(reserved=F("reserved") + places) == 1

    @classmethod
    def with_room(cls, pk: Any, places: Any, *conditions: Q, **data: Any) -> models.QuerySet:
        """The row, as long as it has so many places left and the conditions and data hold: what a taking updates."""
        enough = Q(capacity=None) | Q(capacity__gte=F("reserved") + places)
        return cls._base_manager.filter(enough, *conditions, pk=pk, **data)

    @classmethod
    def give_back(cls, pk: int, places: int) -> None:
        """Returns places. Its caller has just won the booking's edge, which is what makes this happen once."""
        cls._base_manager.filter(pk=pk).update(reserved=F("reserved") - places)
