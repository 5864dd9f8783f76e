import datetime as dt

from django.db import models
from django.db.models import Q


class Measurement(models.Model):
    """What a command found when it last ran, for figures that are too expensive to read for each scrape."""

    name = models.CharField(primary_key=True, max_length=50, editable=False)
    value = models.BigIntegerField(editable=False)
    measured_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["name"]
        default_permissions = ()
        permissions = [("view_metrics", "Can view metrics")]
        constraints = [
            models.CheckConstraint(
                condition=Q(name__length__gt=0),
                name="measurement_has_a_name",
                violation_error_message="A measurement has a name.",
                violation_error_code="invalid-name",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"

    @staticmethod
    def note(name: str, value: int, *, at: dt.datetime) -> None:
        """Replaces what was found before, in one statement."""
        Measurement.objects.bulk_create(
            [Measurement(name=name, value=value, measured_at=at)],
            update_conflicts=True,
            unique_fields=["name"],
            update_fields=["value", "measured_at"],
        )
