import datetime as dt
from typing import Any, Self

from django.db import models, transaction
from django.db.models import Q

from bookings.codes import TICKET_LENGTH, ticket_code
from bookings.lifecycle.states import Status
from bookings.models.change import BookingChange
from bookings.problems import AlreadyCheckedIn, BookingNotConfirmed, NotCheckedIn, OtherEvent, TicketVoid
from ticket_types.models import TicketType


class TicketQuerySet(models.QuerySet["Ticket"]):
    def detailed(self) -> Self:
        return self.select_related("booking", "ticket_type")


class Ticket(models.Model):
    """One admission, issued when its booking is confirmed."""

    class Status(models.TextChoices):
        VALID = "valid"
        CHECKED_IN = "checked_in"
        VOID = "void"

    code = models.CharField(max_length=TICKET_LENGTH, unique=True, default=ticket_code, editable=False)
    booking = models.ForeignKey("bookings.Booking", on_delete=models.CASCADE, related_name="tickets")
    ticket_type = models.ForeignKey(TicketType, on_delete=models.PROTECT, related_name="tickets")
    status = models.CharField(max_length=10, choices=Status, default=Status.VALID, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    checked_in_at = models.DateTimeField(null=True, editable=False)

    objects = TicketQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        permissions = [("check_in_ticket", "Can check in ticket")]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["valid", "checked_in", "void"]),
                name="ticket_status_is_known",
                violation_error_message="A ticket is valid, checked in or void.",
                violation_error_code="unknown-status",
            ),
            models.CheckConstraint(
                condition=~Q(status="checked_in") | Q(checked_in_at__isnull=False),
                name="ticket_checked_in_has_a_time",
                violation_error_message="A ticket that is checked in has a time.",
                violation_error_code="invalid-status",
            ),
            models.CheckConstraint(
                condition=Q(code__length=TICKET_LENGTH),
                name="ticket_code_has_26_characters",
                violation_error_message="A ticket's code has 26 characters.",
                violation_error_code="invalid-code",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    def check_in(self, *, at: dt.datetime, event: int | None = None, by: Any = None) -> Self:
        """Lets the holder in, once. `event` is the id of the event at whose door this happens.

        Raises OtherEvent, AlreadyCheckedIn, TicketVoid, BookingNotConfirmed.
        """
        if event is not None and self.booking.event_id != event:
            raise OtherEvent(f"The ticket is for event {self.booking.event_id}.")
        if self.booking.status == Status.PENDING:
            raise BookingNotConfirmed
        if self.move(Ticket.Status.VALID, Ticket.Status.CHECKED_IN, "check in", by=by, checked_in_at=at):
            return self
        raise AlreadyCheckedIn.of(self) if self.status == Ticket.Status.CHECKED_IN else TicketVoid

    def undo_check_in(self, *, by: Any = None) -> Self:
        """Takes a check-in back, such as one of the wrong ticket. Raises NotCheckedIn, TicketVoid."""
        if self.move(Ticket.Status.CHECKED_IN, Ticket.Status.VALID, "undo check-in", by=by, checked_in_at=None):
            return self
        raise TicketVoid if self.status == Ticket.Status.VOID else NotCheckedIn

    def move(self, source: str, target: str, verb: str, *, by: Any, **changes: Any) -> bool:
        """From one state to another, with an entry in the booking's history; false when it is not in the first.

        The other party is the same ticket at another door, or its cancellation, which voids it in the transaction that
        cancels the booking. The condition must be about this row alone: PostgreSQL looks again at the row that it
        waited for, but not at what a subquery said of it, and a join in the filter would become a subquery.
        """
        with transaction.atomic():
            rows = Ticket.objects.filter(pk=self.pk, status=source)
            is_mine = rows.update(status=target, **changes) == 1
            if is_mine:
                note = {"at": changes["checked_in_at"], "ticket": self.code}
                BookingChange.entry(self.booking_id, verb, Status.CONFIRMED, Status.CONFIRMED, by=by, **note).save()
        self.refresh_from_db()
        return is_mine

    @property
    def event_id(self) -> Any:
        return self.booking.event_id
