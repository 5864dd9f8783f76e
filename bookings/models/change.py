from collections.abc import Set
from typing import Any, Never

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from bookings.states import Status


class BookingChangeQuerySet(models.QuerySet["BookingChange"]):
    def update(self, **kwargs: Any) -> Never:
        raise TypeError("History is written once.")

    def delete(self) -> Never:
        raise TypeError("History is kept.")

    def forget(self, *, but: Set[str]) -> None:
        """Takes words about a person out of the details: the one way in which history is ever changed."""
        for change in self.order_by("pk"):
            left = {name: value for name, value in change.details.items() if name in but}
            if left != change.details:
                models.QuerySet(self.model).filter(pk=change.pk).update(details=left)


class BookingChange(models.Model):
    """An entry of a booking's history: written in the transaction of the change, and never changed after."""

    booking = models.ForeignKey("bookings.Booking", on_delete=models.CASCADE, related_name="changes")
    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name="account"
    )
    by_name = models.CharField("by", max_length=150, help_text="The account's name then; guest, or system.")
    verb = models.CharField(max_length=30)
    from_status = models.CharField(max_length=9, blank=True, choices=Status)
    to_status = models.CharField(max_length=9, choices=Status)
    details = models.JSONField(default=dict)

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

    def __str__(self) -> str:
        return f"{self.verb} by {self.by_name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("History is written once.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Never:
        raise TypeError("History is kept.")

    @classmethod
    def entry(
        cls, booking_id: Any, verb: str, source: str, target: str, *, by: Any = None, at: Any = None, **details: Any
    ) -> "BookingChange":
        """An unsaved entry. `by` is a user, None for a guest, or the word "system"."""
        is_user = getattr(by, "is_authenticated", False)
        name = by.get_username() if is_user else by if isinstance(by, str) else "guest"
        return cls(
            booking_id=booking_id,
            at=at if at is not None else Now(),
            by=by if is_user else None,
            by_name=name,
            verb=verb,
            from_status=source,
            to_status=target,
            details={key: value for key, value in details.items() if value not in ("", None)},
        )
