from collections.abc import Set
from typing import Any

from django.db import models
from django.db.models.functions import Now

from bookings.lifecycle.states import Status
from config.history.models import ANONYMOUS, Entry, WrittenOnceQuerySet, who
from config.statements import fresh


class BookingChangeQuerySet(WrittenOnceQuerySet):
    def forget(self, *, but: Set[str]) -> None:
        """Takes words about a person out of the details: the one way in which history is ever changed."""
        for change in self.order_by("pk"):
            left = {name: value for name, value in change.details.items() if name in but}
            if left != change.details:
                models.QuerySet(self.model).filter(pk=change.pk).update(details=left)


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
        """An unsaved entry. `by` is a user, None for a anonymous, or the word "system"."""
        return fresh(
            cls,
            booking_id=booking_id,
            at=at if at is not None else Now(),
            **who(by, ANONYMOUS),
            verb=verb,
            from_status=source,
            to_status=target,
            details={key: value for key, value in details.items() if value not in ("", None)},
        )
