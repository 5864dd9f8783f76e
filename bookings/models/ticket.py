import datetime as dt
from typing import Any, Self

from django.db import models, transaction
from django.db.models import Case, F, Q, When
from django.db.models.functions import Now, Upper

from bookings.codes import TICKET_LENGTH, ticket_code
from bookings.lifecycle.states import Status
from bookings.lifecycle.telling import tell_ticket
from bookings.models.change import BookingChange
from bookings.problems import (
    AlreadyCheckedIn,
    AlreadyCheckedOut,
    BookingNotConfirmed,
    NotCheckedIn,
    OtherEvent,
    TicketVoid,
)
from bookings.search import KEY_LENGTH
from config.database.updates import UpdatedQuerySet
from config.values.text import fold, validate_line
from ticket_types.models import TicketType

OUTSIDE = Q(checked_out_at__isnull=False)
CHANGING = ["status", "checked_in_at", "checked_out_at", "updated_at"]  # the columns that verbs of the door change


class TicketQuerySet(UpdatedQuerySet["Ticket"]):
    def detailed(self) -> Self:
        return self.select_related("booking__event", "ticket_type")

    def for_answers(self) -> Self:
        """With what a scanner shows."""
        return self.select_related("booking__event__venue", "ticket_type")

    def with_holder_keys(self) -> Self:
        """Adds the keys to sort by name and by surname: the holder's own, or those of the customer."""
        return self.annotate(
            **{
                f"holder_{key}": Case(When(holder_name="", then=F(f"booking__{key}")), default=F(key))
                for key in ("name_key", "surname_key")
            }
        )

    def held_by(self, email: str) -> Self:
        """Whose holder has an e-mail address of their own, without regard to case."""
        return self.filter(holder_email__iexact=fold(email)).exclude(holder_email="")


class Ticket(models.Model):
    """One admission, issued when its booking is confirmed."""

    is_reentry = False  # whether `check_in` let the holder in again

    class Status(models.TextChoices):
        VALID = "valid"
        CHECKED_IN = "checked_in"
        VOID = "void"

    code = models.CharField(max_length=TICKET_LENGTH, unique=True, default=ticket_code, editable=False)
    booking = models.ForeignKey("bookings.Booking", on_delete=models.CASCADE, related_name="tickets")
    ticket_type = models.ForeignKey(TicketType, on_delete=models.PROTECT, related_name="tickets")
    status = models.CharField(max_length=10, choices=Status, default=Status.VALID, editable=False)
    holder_name = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        validators=[validate_line],
        help_text="Who is admitted; empty: the customer.",
    )
    holder_email = models.EmailField(blank=True, default="", db_default="", help_text="May be empty.")
    name_key = models.CharField(
        max_length=KEY_LENGTH, default="", db_default="", editable=False, help_text="The holder's own, folded."
    )
    surname_key = models.CharField(
        max_length=KEY_LENGTH, default="", db_default="", editable=False, help_text="The same, the last word first."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True, db_default=Now())
    checked_in_at = models.DateTimeField(null=True, editable=False, help_text="The first entry.")
    checked_out_at = models.DateTimeField(
        null=True, editable=False, help_text="Since when the holder is outside again."
    )

    objects = TicketQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        permissions = [("check_in_ticket", "Can check in ticket"), ("view_admissions", "Can view admissions")]
        indexes = [
            # GET /tickets?updated_after=&ordering=updated_at.
            models.Index(fields=["updated_at", "id"], name="ticket_by_update"),
            # Personal data of a holder: export and erasure.
            models.Index(Upper("holder_email"), name="ticket_of_holder", condition=~Q(holder_email="")),
            # The door's search by name, from its beginning. The classes of operators let PostgreSQL use them for LIKE.
            *(
                models.Index(fields=[field], name=name, opclasses=["varchar_pattern_ops"], condition=~Q(holder_name=""))
                for field, name in (("name_key", "ticket_by_name"), ("surname_key", "ticket_by_surname"))
            ),
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
                condition=Q(checked_out_at=None) | ~Q(status="valid") & Q(checked_in_at__isnull=False),
                name="ticket_checked_out_was_checked_in",
                violation_error_message="A ticket that is checked out was checked in before.",
                violation_error_code="invalid-status",
            ),
            models.CheckConstraint(
                condition=Q(code__length=TICKET_LENGTH),
                name="ticket_code_has_26_characters",
                violation_error_message="A ticket's code has 26 characters.",
                violation_error_code="invalid-code",
            ),
            models.CheckConstraint(
                condition=Q(holder_name__length__lte=200)
                & (Q(holder_email="") | Q(holder_email__length__range=(3, 254))),
                name="ticket_holder_has_a_name_and_an_address_that_fit",
                violation_error_message="A holder's name has at most 200 characters, an address 3 to 254 or none.",
                violation_error_code="invalid-holder",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    def check_in(self, *, at: dt.datetime, event: int | None = None, by: Any = None) -> Self:
        """Admits the holder, once, and again after each check-out. `event` is the id of the event at the door.

        Raises OtherEvent, AlreadyCheckedIn, TicketVoid, BookingNotConfirmed.
        """
        self.refuse_other_event(event)
        if self.booking.status == Status.PENDING:
            raise BookingNotConfirmed
        if self.move(Ticket.Status.VALID, Ticket.Status.CHECKED_IN, "check in", at=at, by=by, checked_in_at=at):
            return self
        if self.is_outside and self.move(
            Ticket.Status.CHECKED_IN, Ticket.Status.CHECKED_IN, "re-enter", OUTSIDE, at=at, by=by, checked_out_at=None
        ):
            self.is_reentry = True
            return self
        raise AlreadyCheckedIn.of(self) if self.status == Ticket.Status.CHECKED_IN else TicketVoid

    def check_out(self, *, at: dt.datetime, event: int | None = None, by: Any = None) -> Self:
        """Notes that the holder has left, and may come in again.

        Raises OtherEvent, NotCheckedIn, AlreadyCheckedOut, TicketVoid.
        """
        self.refuse_other_event(event)
        if self.move(
            Ticket.Status.CHECKED_IN, Ticket.Status.CHECKED_IN, "check out", ~OUTSIDE, at=at, by=by, checked_out_at=at
        ):
            return self
        if self.status == Ticket.Status.CHECKED_IN:
            raise AlreadyCheckedOut
        raise TicketVoid if self.status == Ticket.Status.VOID else NotCheckedIn

    def undo_check_in(self, *, by: Any = None) -> Self:
        """Undoes a check-in, as if it had never been. Raises NotCheckedIn, TicketVoid."""
        if self.move(
            Ticket.Status.CHECKED_IN,
            Ticket.Status.VALID,
            "undo check-in",
            by=by,
            checked_in_at=None,
            checked_out_at=None,
        ):
            return self
        raise TicketVoid if self.status == Ticket.Status.VOID else NotCheckedIn

    def refuse_other_event(self, event: int | None) -> None:
        if event is not None and self.booking.event_id != event:
            raise OtherEvent(f"The ticket is for event {self.booking.event_id}.")

    def move(
        self, source: str, target: str, verb: str, where: Q = Q(), *, by: Any, at: Any = None, **changes: Any
    ) -> bool:
        """Changes the ticket, with an entry in the booking's history; False when it is not in `source`, or not `where`.

        A concurrent verb is a check-in at another door, or a cancellation, which voids the ticket. The condition is on
        this row alone: after waiting for a lock PostgreSQL evaluates the row again, but not a subquery or a join.
        """
        with transaction.atomic():
            rows = Ticket.objects.filter(where, pk=self.pk, status=source)
            is_moved = rows.update(status=target, **changes) == 1
            if is_moved:
                note = {"at": at, "ticket": self.code}
                BookingChange.entry(self.booking_id, verb, Status.CONFIRMED, Status.CONFIRMED, by=by, **note).save()
                tell_ticket(verb, self.pk, by=by)
        self.refresh_from_db(fields=CHANGING)
        return is_moved

    @property
    def holder(self) -> str:
        """The name of who is admitted. Needs the booking."""
        return self.holder_name or self.booking.customer_name

    @property
    def is_outside(self) -> bool:
        """Whether the holder was inside, and has left."""
        return self.status == Ticket.Status.CHECKED_IN and self.checked_out_at is not None

    @property
    def event_id(self) -> Any:
        return self.booking.event_id
