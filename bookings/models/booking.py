import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.expressions import ExpressionWrapper

from bookings import personal_data, search
from bookings.codes import CONFIRMATION_LENGTH, confirmation_code
from bookings.lifecycle import cancel, confirm, correct, extend, find, place, refunds, sql
from bookings.lifecycle.states import LIVE, Status, status_at
from bookings.problems import IdempotencyKeyReused
from bookings.search import KEY_LENGTH
from config.problems import Precondition, no_precondition
from config.values import money
from config.values.text import fold, validate_line
from events.models import Event
from ticket_types.models import TicketType


@dataclass(frozen=True)
class Line:
    """What is asked for: so many places of a ticket type, named by its id."""

    ticket_type: int
    quantity: int


@dataclass(frozen=True)
class IdempotencyKey:
    """A caller's own name for one request: `fingerprint` tells whether another request comes under the same name."""

    caller: str
    key: str
    fingerprint: str

    def booking(self) -> "Booking | None":
        """The booking that was made under this key. Raises IdempotencyKeyReused when its request was another one."""
        named = sql.NAMED.rows(caller=self.caller, key=self.key)
        booking = Booking.find(named[0][0]) if named else None
        if booking is None:
            return None
        if booking.request_fingerprint != self.fingerprint:
            raise IdempotencyKeyReused("The idempotency key belongs to a booking that was asked for differently.")
        booking.is_replay = True
        return booking


LISTED = {name: f"listed_{name}" for name in ("items", "tickets")}  # where a booking has what was read beside it


class BookingQuerySet(models.QuerySet["Booking"]):
    def detailed(self) -> Self:
        """With all that the API shows of a booking, in three queries whatever their number."""
        return self.select_related("event").prefetch_related("items", "tickets")

    def listed(self) -> Self:
        """With the same, beside each booking: behind managers, where `detailed` puts it, a list costs twice as much."""
        beside = [models.Prefetch(name, to_attr=attribute) for name, attribute in LISTED.items()]
        return self.prefetch_related(*beside)

    def with_net_price(self) -> Self:
        """With `net_price`: what those of their places cost that were not cancelled one by one, as reports count it."""
        return self.annotate(net_price=refunds.net_price())

    def overdue(self, at: Any) -> Self:
        """Pending, and their hold has run out by `at`: they hold places in the counters only."""
        return self.filter(status=Status.PENDING, expires_at__lte=at)

    def live(self, at: Any) -> Self:
        """Those that hold places at `at`."""
        return self.filter(Q(status=Status.CONFIRMED) | Q(status=Status.PENDING, expires_at__gt=at))

    def holds(self, at: Any) -> Self:
        """Pending, with time left."""
        return self.filter(status=Status.PENDING, expires_at__gt=at)

    def running_out(self, at: dt.datetime, within: dt.timedelta) -> Self:
        """Pending, with no more than `within` left: the ones to confirm now, the soonest first."""
        return self.holds(at).filter(expires_at__lte=at + within).order_by("expires_at", "pk")

    def cut_short(self) -> Self:
        """Live, though their event is cancelled: its cancellation was cut short, and cancelling again does the rest."""
        return self.filter(event__status=Event.Status.CANCELLED, status__in=LIVE)

    def to_refund(self) -> Self:
        """Of whose payment something is to be paid back, such as all of one that came too late; the oldest first."""
        return self.filter(refund_due=True).order_by("created_at")  # as their index has them, and nothing else

    def sold(self, start: Any = None, end: Any = None) -> Self:
        """Confirmed, at `start` or later and before `end`."""
        bounds = {"confirmed_at__gte": start, "confirmed_at__lt": end}
        return self.filter(status=Status.CONFIRMED, **{name: at for name, at in bounds.items() if at is not None})

    def matching(self, words: str, *, is_shown: bool = True) -> Self:
        """What a customer's words may mean, whatever the number of bookings: a confirmation code, an e-mail address, a
        payment reference, the beginning of a name or of a surname, an event or its venue. Addresses and payments find
        nothing for whom bookings are not shown to.
        """
        return self.filter(search.condition(words, is_shown=is_shown))

    def in_status(self, status: str, at: Any) -> Self:
        """Those that are in a state at `at`, whether or not anything has swept their holds."""
        if status == Status.PENDING:
            return self.holds(at)
        if status == Status.EXPIRED:
            return self.filter(Q(status=Status.EXPIRED) | Q(status=Status.PENDING, expires_at__lte=at))
        return self.filter(status=status)

    def of_customer(self, email: str) -> Self:
        """Those that were made with an e-mail address, in whatever case."""
        return self.filter(customer_key=fold(email))

    def expire_overdue(self, *, skip_locked: bool = False) -> int:
        """Gives back what overdue holds still have in the counters; returns how many bookings expired.

        `skip_locked` leaves rows to another process that is at them; without it, it waits for that process.
        """
        return cancel.expire_overdue(self, skip_locked=skip_locked)

    def cancel_live(self, *, reason: str, by: Any = None) -> int:
        """Cancels every booking that is pending or confirmed; returns how many."""
        return cancel.cancel_live(self, reason=reason, by=by)


class BookingItemQuerySet(models.QuerySet["BookingItem"]):
    def overdue(self, at: Any) -> Self:
        """Those of bookings whose hold has run out by `at`."""
        return self.filter(booking__status=Status.PENDING, booking__expires_at__lte=at)

    def holds(self, at: Any) -> Self:
        """Those of bookings that are pending, with time left."""
        return self.filter(booking__status=Status.PENDING, booking__expires_at__gt=at)


class Booking(models.Model):
    """A customer's places for an event: held for some minutes, then confirmed, cancelled or expired."""

    Status = Status
    is_replay = False  # whether `place` found this booking under its idempotency key instead of making it
    is_extended = False  # whether `extend` let its hold last longer, instead of leaving one that lasts longer already

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    confirmation_code = models.CharField(
        max_length=CONFIRMATION_LENGTH, unique=True, default=confirmation_code, editable=False
    )
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="bookings", db_index=False)
    status = models.CharField(max_length=9, choices=Status, default=Status.PENDING, editable=False)
    customer_name = models.CharField(max_length=200, validators=[validate_line])
    name_key = models.CharField(
        max_length=KEY_LENGTH, db_default="", editable=False, help_text="The name, folded to be looked for."
    )
    surname_key = models.CharField(
        max_length=KEY_LENGTH, db_default="", editable=False, help_text="The same, its last word first."
    )
    customer_email = models.EmailField(max_length=254)
    customer_key = models.CharField(max_length=320, editable=False, help_text="The e-mail address, folded to compare.")
    quantity = models.PositiveIntegerField(editable=False, help_text="Places booked.")
    cancelled_quantity = models.PositiveIntegerField(
        default=0, editable=False, help_text="Places cancelled one by one while the rest of the booking lives on."
    )
    total_price = money.MoneyField(editable=False)
    currency = models.CharField(max_length=3, editable=False)
    metadata = models.JSONField(default=dict, blank=True, help_text="The caller's own notes.")
    payment_reference = models.CharField(max_length=200, blank=True, default="", editable=False)
    refund_due = models.BooleanField(
        default=False, editable=False, help_text="Money of a known payment is to be paid back."
    )
    refund_amount = money.MoneyField(
        default=Decimal(0),
        db_default=0,
        editable=False,
        help_text="What is to be paid back now; more than 0 exactly when `refund_due` is true.",
    )
    created_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(editable=False)
    confirmed_at = models.DateTimeField(null=True, editable=False)
    cancelled_at = models.DateTimeField(null=True, editable=False)
    cancel_reason = models.CharField(max_length=500, blank=True, default="", editable=False)
    is_late = models.BooleanField(default=False, editable=False, help_text="Confirmed after its hold had run out.")
    idempotency_caller = models.CharField(max_length=40, blank=True, default="", editable=False)
    idempotency_key = models.CharField(max_length=255, null=True, editable=False)
    request_fingerprint = models.CharField(max_length=64, blank=True, default="", editable=False)

    objects = BookingQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        permissions = [
            ("confirm_booking", "Can confirm booking"),
            ("cancel_booking", "Can cancel booking"),
            ("view_reports", "Can view reports"),
        ]
        indexes = [
            # GET /bookings: newest first, page by page.
            models.Index(fields=["-created_at", "-id"], name="booking_newest_first"),
            # GET /bookings?event=, and deleting an event.
            models.Index(fields=["event", "-created_at", "-id"], name="booking_of_event_newest_first"),
            # Availability and sold-out refusals: the holds of one event; `expire_holds`: those that ran out.
            models.Index(fields=["event", "expires_at"], name="booking_holds_of_event", condition=Q(status="pending")),
            models.Index(fields=["expires_at"], name="booking_holds", condition=Q(status="pending")),
            # max_per_customer, and GET /bookings?customer_email=.
            models.Index(fields=["customer_key", "event"], name="booking_of_customer"),
            # Sales by day and month, and those of the last days: GET /reports/sales, the admin's first page.
            models.Index(fields=["confirmed_at"], name="booking_sales", condition=Q(status="confirmed")),
            # The admin's search by name, from its beginning. The classes of operators let PostgreSQL use them for LIKE.
            models.Index(fields=["name_key"], name="booking_by_name", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["surname_key"], name="booking_by_surname", opclasses=["varchar_pattern_ops"]),
            # The admin's search by the reference of a payment, which most bookings of a free event do not have.
            models.Index(fields=["payment_reference"], name="booking_by_payment", condition=~Q(payment_reference="")),
            # The list of payments to give back.
            models.Index(fields=["created_at"], name="booking_refunds", condition=Q(refund_due=True)),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["idempotency_caller", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="booking_idempotency_key_is_unique_for_its_caller",
                violation_error_message="There is a booking for this idempotency key already.",
                violation_error_code="already-exists",
            ),
            models.CheckConstraint(
                condition=Q(status__in=Status.values),
                name="booking_status_is_known",
                violation_error_message="A booking is pending, confirmed, cancelled or expired.",
                violation_error_code="unknown-status",
            ),
            models.CheckConstraint(
                condition=Q(customer_name__length__range=(1, 200)),
                name="booking_customer_name_has_1_to_200_characters",
                violation_error_message="A customer's name must have 1 to 200 characters.",
                violation_error_code="invalid-name",
            ),
            models.CheckConstraint(
                condition=Q(customer_email__length__range=(3, 254)),
                name="booking_customer_email_has_3_to_254_characters",
                violation_error_message="A customer's e-mail address must have 3 to 254 characters.",
                violation_error_code="invalid-email",
            ),
            models.CheckConstraint(
                condition=Q(quantity__range=(1, 2_000), cancelled_quantity__lte=F("quantity")),
                name="booking_quantity_is_1_to_2000",
                violation_error_message="A booking has 1 to 2,000 places, and not more of them cancelled.",
                violation_error_code="invalid-quantity",
            ),
            models.CheckConstraint(
                condition=Q(total_price__gte=0),
                name="booking_total_price_is_not_negative",
                violation_error_message="A total must not be negative.",
                violation_error_code="invalid-price",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")),
                name="booking_expires_after_it_is_created",
                violation_error_message="A hold must run out after it begins.",
                violation_error_code="expires-too-early",
            ),
            models.CheckConstraint(
                condition=~Q(status="confirmed") | Q(confirmed_at__isnull=False),
                name="booking_confirmed_has_a_time",
                violation_error_message="A confirmed booking has a time of confirmation.",
                violation_error_code="invalid-status",
            ),
            models.CheckConstraint(
                condition=~Q(status="cancelled") | Q(cancelled_at__isnull=False),
                name="booking_cancelled_has_a_time",
                violation_error_message="A cancelled booking has a time of cancellation.",
                violation_error_code="invalid-status",
            ),
            models.CheckConstraint(
                condition=Q(refund_due=False, refund_amount=0) | Q(refund_due=True, refund_amount__gt=0),
                name="booking_refund_is_due_when_there_is_an_amount",
                violation_error_message="A refund is due when there is an amount to pay back, and only then.",
                violation_error_code="invalid-refund",
            ),
            models.CheckConstraint(
                condition=Q(refund_amount=0) | Q(refund_amount__gt=0, refund_amount__lte=F("total_price")),
                name="booking_refund_amount_is_0_to_its_total_price",
                violation_error_message="Nobody is paid back more than the total.",
                violation_error_code="invalid-refund",
            ),
            models.CheckConstraint(
                condition=Q(refund_amount=0)
                | ~Q(payment_reference="")
                & (Q(status__in=["cancelled", "expired"]) | Q(status="confirmed", cancelled_quantity__gt=0)),
                name="booking_refund_is_due_only_for_places_paid_and_not_had",
                violation_error_message="A refund is due only for a payment that has no places, or not all of them.",
                violation_error_code="invalid-refund",
            ),
        ]

    def __str__(self) -> str:
        return self.confirmation_code

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        for name in LISTED.values():
            self.__dict__.pop(name, None)
        super().refresh_from_db(*args, **kwargs)

    def remember(self, **rows: Sequence[Any]) -> None:
        """Keeps what was just written, as a list has it: `items`, `tickets`. Until `refresh_from_db`."""
        for name, found in rows.items():
            self.__dict__[LISTED[name]] = found

    def known(self, name: str) -> list[Any]:
        """Its `items` or `tickets`, as they are remembered or else stored."""
        kept = self.__dict__.get(LISTED[name])
        return list(getattr(self, name).all()) if kept is None else kept

    @classmethod
    def place(
        cls,
        *,
        customer_name: str,
        customer_email: str,
        lines: Sequence[Line],
        hold: dt.timedelta | None = None,
        metadata: dict[str, str] | None = None,
        key: IdempotencyKey | None = None,
        by: Any = None,
    ) -> "Booking":
        """Books all lines or none, and holds the places for `hold` (by default and at most what the settings say).

        Under a key that was used before it answers the booking of that time, with `is_replay` set.

        Raises InvalidInput (pointers as in the API's body), NotOnSale, SoldOut, CustomerLimit, IdempotencyKeyReused,
        RequestInProgress. A refusal leaves nothing behind.
        """
        return place.Placing(
            lines=tuple(lines),
            customer_name=customer_name,
            customer_email=customer_email,
            hold=hold,
            metadata=metadata or {},
            key=key,
            by=by,
        ).place()

    @classmethod
    def quote(cls, **data: Any) -> "Booking":
        """What `place` would answer now, or raise, with nothing done: it is done, and taken back."""
        with transaction.atomic():
            booking = cls.place(**data)
            transaction.set_rollback(True)
        return booking

    @classmethod
    def find(cls, pk: uuid.UUID) -> "Booking | None":
        """The booking of an id, with its items and tickets: two queries, and a third one unless it is pending."""
        return find.find(pk)

    def confirm(self, *, payment_reference: str = "", by: Any = None) -> "Booking":
        """Issues the tickets. Confirming twice is once.

        After the hold ran out it takes the places again, at the booking's own prices, and marks the booking late.
        Raises HoldExpired when they are gone, and BookingCancelled; either keeps the payment reference and marks the
        booking for a refund.
        """
        return confirm.confirm(self, payment_reference=payment_reference, by=by)

    def cancel(
        self,
        *,
        reason: str = "",
        tickets: Sequence[str] | None = None,
        by: Any = None,
        pending_only: bool = False,
    ) -> "Booking":
        """Gives the places back: all, or those of some tickets of a confirmed booking. Cancelling twice is once.

        What was paid for them becomes due for a refund, when a payment is known.

        Raises HoldExpired, AlreadyCheckedIn, BookingNotConfirmed (for `tickets`), InvalidInput (for codes that are not
        its tickets), and BookingNotPending when `pending_only` forbids to cancel what is confirmed.
        """
        if tickets is not None:
            return cancel.cancel_tickets(self, tickets, reason=reason, by=by)
        return cancel.cancel(self, reason=reason, by=by, pending_only=pending_only)

    def extend(self, *, hold: dt.timedelta | None = None, by: Any = None) -> "Booking":
        """Lets a hold that has not run out last for `hold` from now (by default and at most what the settings say).

        Changes nothing when it lasts longer already, and sets `is_extended` when not. Raises HoldExpired,
        BookingNotPending, BookingCancelled.
        """
        return extend.extend(self, hold=hold, by=by)

    def correct(self, *, by: Any = None, check: Precondition = no_precondition, **changes: Any) -> "Booking":
        """Changes `customer_name`, `customer_email` or `metadata`. Raises what `check` does with the row locked."""
        return correct.correct(self, by=by, check=check, **changes)

    @classmethod
    def erase_customer(cls, email: str, *, by: Any = None, with_payments: bool = False) -> int:
        """Takes the person out of all bookings of an e-mail address, and leaves the figures; returns of how many.

        `with_payments` takes the references of payments out, too. Raises StillNeeded, with nothing done, while one of
        them is live for an event to come or has a refund due.
        """
        return personal_data.erase_customer(email, by=by, with_payments=with_payments)

    def record(self) -> dict[str, Any]:
        """All that is stored about it, with its items, tickets and history, as values that JSON has."""
        return personal_data.record(self)

    def settle_refund(self, *, amount: Decimal | None = None, by: Any = None) -> "Booking":
        """Notes that what is due was paid back, and how much it was. Settling twice is once.

        `amount` is what was paid; None takes what is due. Raises RefundChanged when another amount is due by now.
        """
        return refunds.settle(self, amount=amount, by=by)

    def status_at(self, at: dt.datetime) -> str:
        """Its state at `at`: a hold that ran out is expired, whether or not anything has swept it."""
        return status_at(self.status, self.expires_at, at)

    def seconds_left(self, at: dt.datetime) -> int | None:
        """How long its hold still lasts, in whole seconds; None when it holds nothing that could run out."""
        if self.status_at(at) != Status.PENDING:
            return None
        return int((self.expires_at - at).total_seconds())

    @property
    def is_free(self) -> bool:
        return self.total_price == 0

    @property
    def worth(self) -> Decimal:
        """What its places cost that are not cancelled. One query."""
        worth = Decimal()
        for item in self.known("items"):
            worth += item.unit_price * (item.quantity - item.cancelled_quantity)
        return worth

    @property
    def places(self) -> int:
        """How many places it holds while it lives."""
        return self.quantity - self.cancelled_quantity


class BookingItem(models.Model):
    """So many places of one ticket type, at the name and price that it had when they were booked."""

    booking = models.ForeignKey(Booking, on_delete=models.CASCADE, related_name="items", db_index=False)
    ticket_type = models.ForeignKey(TicketType, on_delete=models.PROTECT, related_name="booking_items")
    name = models.CharField(max_length=100)
    unit_price = money.MoneyField()
    quantity = models.PositiveSmallIntegerField()
    total_price = money.MoneyField()
    cancelled_quantity = models.PositiveSmallIntegerField(default=0)

    objects = BookingItemQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            # Its index also finds the items of a booking.
            models.UniqueConstraint(
                fields=["booking", "ticket_type"],
                name="booking_item_ticket_type_is_unique_in_its_booking",
                violation_error_message="A booking has each ticket type once.",
                violation_error_code="already-exists",
            ),
            models.CheckConstraint(
                condition=Q(quantity__range=(1, 100), cancelled_quantity__lte=F("quantity")),
                name="booking_item_quantity_is_1_to_100",
                violation_error_message="An item has 1 to 100 places, and not more of them cancelled.",
                violation_error_code="invalid-quantity",
            ),
            models.CheckConstraint(
                condition=Q(unit_price__gte=0),
                name="booking_item_unit_price_is_not_negative",
                violation_error_message="A price must not be negative.",
                violation_error_code="invalid-price",
            ),
            models.CheckConstraint(
                condition=Q(
                    total_price=ExpressionWrapper(
                        F("unit_price") * F("quantity"), output_field=models.BigIntegerField()
                    )
                ),
                name="booking_item_total_is_price_times_quantity",
                violation_error_message="An item's total is its price times its quantity.",
                violation_error_code="invalid-total",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.name}"

    @property
    def currency(self) -> str:
        return self.booking.currency
