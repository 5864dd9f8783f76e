import datetime as dt
from typing import Any, Self

from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Now

from bookings.codes import TICKET_LENGTH, ticket_code
from bookings.lifecycle.states import Status
from bookings.lifecycle.telling import tell_ticket
from bookings.models.change import BookingChange
from bookings.problems import AlreadyCheckedIn, BookingNotConfirmed, NotCheckedIn, OtherEvent, TicketVoid
from config.database.updates import UpdatedQuerySet
from ticket_types.models import TicketType


class TicketQuerySet(UpdatedQuerySet["Ticket"]):
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
    updated_at = models.DateTimeField(auto_now=True, db_default=Now())
    checked_in_at = models.DateTimeField(null=True, editable=False)

    objects = TicketQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        permissions = [("check_in_ticket", "Can check in ticket")]
        indexes = [
            # GET /tickets?updated_after=&ordering=updated_at.
            models.Index(fields=["updated_at", "id"], name="ticket_by_update"),
        ]
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
        """Admits the holder, once. `event` is the id of the event at the door.

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
        """Undoes a check-in. Raises NotCheckedIn, TicketVoid."""
        if self.move(Ticket.Status.CHECKED_IN, Ticket.Status.VALID, "undo check-in", by=by, checked_in_at=None):
            return self
        raise TicketVoid if self.status == Ticket.Status.VOID else NotCheckedIn

    def move(self, source: str, target: str, verb: str, *, by: Any, **changes: Any) -> bool:
        """Changes the status, with an entry in the booking's history; False when the ticket is not in `source`.

        A concurrent verb is a check-in at another door, or a cancellation, which voids the ticket. The condition is on
        this row alone: after waiting for a lock PostgreSQL evaluates the row again, but not a subquery or a join.
        """
        with transaction.atomic():
            rows = Ticket.objects.filter(pk=self.pk, status=source)
            is_moved = rows.update(status=target, **changes) == 1
            if is_moved:
                note = {"at": changes["checked_in_at"], "ticket": self.code}
                BookingChange.entry(self.booking_id, verb, Status.CONFIRMED, Status.CONFIRMED, by=by, **note).save()
                tell_ticket(verb, self.pk, by=by)
        self.refresh_from_db()
        return is_moved

    @property
    def event_id(self) -> Any:
        return self.booking.event_id
