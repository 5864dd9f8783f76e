from collections.abc import Set
from typing import Any

from django.db import models

from bookings.lifecycle.states import Status
from config.database.clock import Now
from config.history.models import ANONYMOUS, AppendOnlyQuerySet, Entry, actor_columns


class BookingChangeQuerySet(AppendOnlyQuerySet):
    def erase_details(self, *, keep: Set[str]) -> None:
        """Erases personal data from the details: the only change that history allows."""
        for change in self.order_by("pk"):
            kept = {name: value for name, value in change.details.items() if name in keep}
            if kept != change.details:
                models.QuerySet(self.model).filter(pk=change.pk).update(details=kept)


class BookingChange(Entry):
    """An entry of a booking's history: written in the transaction of the change, and never changed after."""

    booking = models.ForeignKey("bookings.Booking", on_delete=models.CASCADE, related_name="changes")
    from_status = models.CharField(max_length=9, blank=True, choices=Status)
    to_status = models.CharField(max_length=9, choices=Status)

    objects = BookingChangeQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(from_status__in=["", *Status.values], to_status__in=Status.values),
                name="booking_change_states_are_known",
                violation_error_message="A booking is pending, confirmed, cancelled or expired.",
                violation_error_code="unknown-status",
            ),
        ]

    @classmethod
    def entry(
        cls, booking_id: Any, verb: str, source: str, target: str, *, by: Any = None, at: Any = None, **details: Any
    ) -> "BookingChange":
        """An unsaved entry. `by` is a user, None for an anonymous client, or the word "system"."""
        return cls(
            booking_id=booking_id,
            at=at if at is not None else Now(),
            **actor_columns(by, ANONYMOUS),
            verb=verb,
            from_status=source,
            to_status=target,
            details={key: value for key, value in details.items() if value not in ("", None)},
        )
