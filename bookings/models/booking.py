import datetime as dt
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import ExpressionWrapper, F, Q
from django.db.models.functions import Now
from django.utils.crypto import constant_time_compare
from django.utils.functional import cached_property

from bookings import personal_data, search
from bookings.codes import CONFIRMATION_LENGTH, SECRET_LENGTH, booking_secret, confirmation_code
from bookings.lifecycle import amounts, by_mail, cancel, confirm, correct, extend, place, renew, transfer
from bookings.lifecycle.states import LIVE, Status, status_at
from bookings.payments import refunding
from bookings.payments.balance import check_amount
from bookings.payments.ledger import Receipt
from bookings.search import KEY_LENGTH
from config.database.updates import UpdatedQuerySet
from config.problems import Precondition, no_precondition
from config.values import money
from config.values.text import MAX_EMAIL_KEY, fold, validate_line
from events.models import Event

if TYPE_CHECKING:
    from bookings.lifecycle.place import IdempotencyKey, Line
    from bookings.models.item import BookingItem
    from bookings.models.ticket import Ticket
    from bookings.payments.models import Refund


class BookingQuerySet(UpdatedQuerySet["Booking"]):
    def detailed(self) -> Self:
        """With the items and tickets that the API shows, as `item_list` and `ticket_list`; two more queries."""
        return self.prefetch_related(
            models.Prefetch("items", to_attr="item_list"), models.Prefetch("tickets", to_attr="ticket_list")
        )

    def with_free_confirmation(self) -> Self:
        return self.annotate(free_confirmation=F("event__free_confirmation"))

    def with_net_price(self) -> Self:
        """Adds `net_price`: the price of the places that are not cancelled, as reports count it."""
        return self.annotate(net_price=amounts.net_price())

    def pending(self) -> Self:
        return self.filter(status=Status.PENDING)

    def live(self) -> Self:
        """Pending and confirmed: the bookings that reserve places."""
        return self.filter(status__in=LIVE)

    def due(self) -> Self:
        """Pending, and the hold has ended: to be released before stock is read."""
        return self.filter(status=Status.PENDING, expires_at__lte=Now())

    def expiring(self, at: dt.datetime, within: dt.timedelta) -> Self:
        """Pending, with at most `within` left at `at`; the soonest first."""
        return self.filter(status=Status.PENDING, expires_at__gt=at, expires_at__lte=at + within).order_by(
            "expires_at", "pk"
        )

    def of_cancelled_events(self) -> Self:
        """Pending and confirmed, though their event is cancelled: its cancellation was interrupted."""
        return self.filter(event__status=Event.Status.CANCELLED, status__in=LIVE)

    def with_refund_due(self) -> Self:
        """With a refund that is due; the oldest first."""
        return self.filter(refund_due=True).order_by("created_at")  # the order of their index

    def with_amount_due(self) -> Self:
        """Sold, with an amount that is still to be paid."""
        return self.filter(amount_due__gt=0, status__in=[Status.CONFIRMED, Status.CANCELLED])  # as their index

    def sold(self, start: Any = None, end: Any = None, *, with_cancelled: bool = False) -> Self:
        """Confirmed, at `start` or later and before `end`; `with_cancelled` also those that were cancelled later."""
        bounds = {"confirmed_at__gte": start, "confirmed_at__lt": end}
        bounds = {name: at for name, at in bounds.items() if at is not None}
        # Once set, the time of confirmation stays.
        kind: Any = {"confirmed_at__isnull": False} if with_cancelled else {"status": Status.CONFIRMED}
        return self.filter(**kind, **bounds)

    def matching(self, words: str, *, is_shown: bool = True) -> Self:
        """Found by what a customer says: a confirmation code, an e-mail address, a payment reference, the beginning of
        a name or surname, an event or its venue.

        Without `is_shown` addresses and payment references find nothing.
        """
        return self.filter(search.condition(words, is_shown=is_shown))

    def of_customer(self, email: str) -> Self:
        """Placed with an e-mail address, without regard to case."""
        return self.filter(customer_key=fold(email))


class AmountField(money.MoneyField):
    """An amount that verbs keep up to date; 0 at first."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"default": Decimal(0), "db_default": 0, "editable": False, **options})


class Booking(models.Model):
    """A customer's places for an event: held for some minutes, then confirmed, cancelled or expired."""

    Status = Status
    is_replay = False  # whether `place` returned an earlier booking for its idempotency key
    is_extended = False  # whether `extend` moved the end of the hold

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    secret = models.CharField(
        max_length=SECRET_LENGTH,
        default=booking_secret,
        db_default="",
        editable=False,
        help_text="Opens the booking to anonymous clients; an empty one opens nothing.",
    )
    confirmation_code = models.CharField(max_length=CONFIRMATION_LENGTH, default=confirmation_code, editable=False)
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="bookings", db_index=False)
    status = models.CharField(max_length=9, choices=Status, default=Status.PENDING, editable=False)
    customer_name = models.CharField(max_length=200, validators=[validate_line])
    name_key = models.CharField(
        max_length=KEY_LENGTH, db_default="", editable=False, help_text="The name, folded for search."
    )
    surname_key = models.CharField(
        max_length=KEY_LENGTH, db_default="", editable=False, help_text="The same, with the last word first."
    )
    customer_email = models.EmailField(max_length=254)
    customer_key = models.CharField(
        max_length=MAX_EMAIL_KEY, editable=False, help_text="The e-mail address, folded to compare."
    )
    quantity = models.PositiveIntegerField(editable=False, help_text="Places booked.")
    cancelled_quantity = models.PositiveIntegerField(default=0, editable=False, help_text="Places cancelled by ticket.")
    total_price = money.MoneyField(editable=False)
    fees = money.MoneyField(default=Decimal(0), db_default=0, editable=False, help_text="As booked; part of the total.")
    tax = money.MoneyField(default=Decimal(0), db_default=0, editable=False, help_text="Contained in the total.")
    currency = models.CharField(max_length=3, editable=False)
    metadata = models.JSONField(default=dict, blank=True, help_text="Data of the client's own.")
    notify = models.BooleanField(default=True, db_default=True, help_text="Whether the customer gets mails.")
    payment_reference = models.CharField(max_length=200, blank=True, default="", editable=False)
    cancelled_amount = AmountField(help_text="What is not owed any more of `total_price`.")
    cancellation_fee = AmountField(help_text="What is owed of cancelled places.")
    goodwill_amount = AmountField(help_text="What was refunded though it was not due.")
    amount_paid = AmountField(help_text="Payments that have succeeded.")
    amount_refunded = AmountField(help_text="Refunds that have succeeded or are pending.")
    amount_due = AmountField(help_text="What is still to be paid.")
    refund_due = models.BooleanField(default=False, editable=False, help_text="Whether a refund is due.")
    refund_amount = AmountField(help_text="The refund that is due; above 0 exactly when `refund_due` is true.")
    created_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(editable=False)
    confirmed_at = models.DateTimeField(null=True, editable=False)
    cancelled_at = models.DateTimeField(null=True, editable=False)
    cancel_reason = models.CharField(max_length=500, blank=True, default="", editable=False)
    is_late = models.BooleanField(default=False, editable=False, help_text="Confirmed after its hold had expired.")
    idempotency_client = models.CharField(max_length=40, blank=True, default="", editable=False)
    idempotency_key = models.CharField(max_length=255, null=True, editable=False)
    request_fingerprint = models.CharField(max_length=64, blank=True, default="", editable=False)
    client_key = models.CharField(
        max_length=32,
        default="",
        db_default="",
        editable=False,
        help_text="Hash of an anonymous client's address, while the booking is pending.",
    )

    objects = BookingQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        permissions = [
            ("confirm_booking", "Can confirm booking"),
            ("confirm_unpaid", "Can confirm booking that is not paid"),
            ("cancel_booking", "Can cancel booking"),
            ("refund_booking", "Can refund booking"),
            ("refund_more", "Can refund more than what is due"),
            ("view_reports", "Can view reports"),
        ]
        indexes = [
            # GET /bookings: newest first, page by page.
            models.Index(fields=["-created_at", "-id"], name="booking_newest_first"),
            # GET /bookings?event=, and deleting an event.
            models.Index(fields=["event", "-created_at", "-id"], name="booking_of_event_newest_first"),
            # The holds of one event, for refusals with figures; due holds, for `release_due`.
            models.Index(fields=["event", "expires_at"], name="booking_holds_of_event", condition=Q(status="pending")),
            models.Index(fields=["expires_at"], name="booking_holds", condition=Q(status="pending")),
            # What an anonymous client holds.
            models.Index(
                fields=["client_key"], name="booking_holds_of_client", condition=Q(status="pending") & ~Q(client_key="")
            ),
            # max_per_customer, and GET /bookings?customer_email=.
            models.Index(fields=["customer_key", "event"], name="booking_of_customer"),
            # Sales by day and month, and those of the last days: GET /reports/sales, the admin's first page.
            models.Index(fields=["confirmed_at"], name="booking_by_sale", condition=Q(confirmed_at__isnull=False)),
            # The admin's search by name, from its beginning. The classes of operators let PostgreSQL use them for LIKE.
            models.Index(fields=["name_key"], name="booking_by_name", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["surname_key"], name="booking_by_surname", opclasses=["varchar_pattern_ops"]),
            # The admin's search by payment reference; bookings of free events have none.
            models.Index(fields=["payment_reference"], name="booking_by_payment", condition=~Q(payment_reference="")),
            # GET /bookings?updated_after=&ordering=updated_at.
            models.Index(fields=["updated_at", "id"], name="booking_by_update"),
            # The list of refunds that are due.
            models.Index(fields=["created_at"], name="booking_refunds", condition=Q(refund_due=True)),
            # The list of what was sold and is not paid.
            models.Index(
                fields=["created_at"],
                name="booking_unpaid",
                condition=Q(amount_due__gt=0, status__in=["confirmed", "cancelled"]),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["confirmation_code"],
                name="booking_confirmation_code_is_unique",
                violation_error_message="A booking has this confirmation code already.",
                violation_error_code="already-exists",
            ),
            models.UniqueConstraint(
                fields=["idempotency_client", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="booking_idempotency_key_is_unique_for_its_client",
                violation_error_message="A booking has this idempotency key already.",
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
                condition=Q(fees__gte=0, fees__lte=F("total_price"), tax__gte=0, tax__lte=F("total_price")),
                name="booking_total_price_is_with_fees_and_tax",
                violation_error_message="The fees and the tax of a booking are parts of its total.",
                violation_error_code="invalid-tax",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")),
                name="booking_expires_after_it_is_created",
                violation_error_message="A hold must end after it starts.",
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
                violation_error_message="A refund is due exactly when its amount is above 0.",
                violation_error_code="invalid-refund",
            ),
            models.CheckConstraint(
                condition=Q(
                    refund_amount=ExpressionWrapper(
                        F("amount_due")
                        + F("amount_paid")
                        - F("amount_refunded")
                        - F("total_price")
                        + F("cancelled_amount"),
                        output_field=models.BigIntegerField(),
                    )
                ),
                name="booking_balance_adds_up",
                violation_error_message="What was paid, less what was refunded, less what is owed, is the balance.",
                violation_error_code="invalid-balance",
            ),
            models.CheckConstraint(
                condition=Q(amount_due=0, refund_amount__gte=0) | Q(amount_due__gt=0, refund_amount=0),
                name="booking_balance_has_one_sign",
                violation_error_message="Either something is to be paid, or something is to be refunded.",
                violation_error_code="invalid-balance",
            ),
            models.CheckConstraint(
                condition=Q(amount_refunded__gte=0, amount_refunded__lte=F("amount_paid")),
                name="booking_is_not_refunded_beyond_what_was_paid",
                violation_error_message="No more can be refunded than was paid.",
                violation_error_code="invalid-refund",
            ),
            models.CheckConstraint(
                condition=Q(cancelled_amount__gte=0, cancelled_amount__lte=F("total_price")),
                name="booking_cancelled_amount_is_0_to_its_total_price",
                violation_error_message="No more can be cancelled than the total.",
                violation_error_code="invalid-price",
            ),
            models.CheckConstraint(
                condition=Q(cancellation_fee__gte=0, goodwill_amount__gte=0),
                name="booking_fee_and_goodwill_are_not_negative",
                violation_error_message="A cancellation fee and goodwill must not be negative.",
                violation_error_code="invalid-price",
            ),
            models.CheckConstraint(
                condition=Q(cancellation_fee=0) | Q(cancelled_amount__lte=F("total_price") - F("cancellation_fee")),
                name="booking_cancellation_fee_is_a_part_of_what_is_owed",
                violation_error_message="A cancellation fee must not exceed what is owed.",
                violation_error_code="invalid-price",
            ),
        ]

    def __str__(self) -> str:
        return self.confirmation_code

    @cached_property
    def item_list(self) -> "list[BookingItem]":
        """Its items, as `detailed` or a verb loaded them; otherwise one query."""
        return list(self.items.all())

    @cached_property
    def ticket_list(self) -> "list[Ticket]":
        """Its tickets, as `detailed` or a verb loaded them; otherwise one query."""
        return list(self.tickets.all())

    @cached_property
    def free_confirmation(self) -> str:
        """That of its event, as `place` or `with_free_confirmation` read it; otherwise one query."""
        return self.event.free_confirmation

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        for name in ("item_list", "ticket_list", "free_confirmation"):
            self.__dict__.pop(name, None)
        super().refresh_from_db(*args, **kwargs)

    @classmethod
    def place(
        cls,
        *,
        customer_name: str,
        customer_email: str,
        lines: "Sequence[Line]",
        hold: dt.timedelta | None = None,
        metadata: dict[str, str] | None = None,
        key: "IdempotencyKey | None" = None,
        client_key: str = "",
        by: Any = None,
        expected_total: Decimal | None = None,
        notify: bool = True,
    ) -> "Booking":
        """Books all lines or none, and holds the places for `hold` (by default and at most what the settings say).

        With a key that was used before it returns the earlier booking, with `is_replay` set. The holds of one
        `client_key` are limited.

        Raises InvalidInput (pointers as in the API's body), NotOnSale, SoldOut, CustomerLimit, TooManyPlaces,
        IdempotencyKeyReused, RequestInProgress, and PriceChanged when the total is not the expected one. A refusal
        writes nothing.
        """
        return place.BookingRequest(
            lines=tuple(lines),
            customer_name=customer_name,
            customer_email=customer_email,
            hold=hold,
            metadata=metadata or {},
            key=key,
            client_key=client_key,
            by=by,
            expected_total=expected_total,
            notify=notify,
        ).place()

    @classmethod
    def quote(cls, **data: Any) -> "Booking":
        """What `place` would return or raise now, with nothing written: it is placed, and rolled back."""
        with transaction.atomic():
            booking = cls.place(**data)
            transaction.set_rollback(True)
        return booking

    def confirm(
        self, *, payment_reference: str = "", amount: Decimal | None = None, may_be_unpaid: bool = True, by: Any = None
    ) -> "Booking":
        """Records the payment, then issues the tickets. Idempotent: a reference is one payment for ever.

        Without an amount the payment is taken for what is due. After the hold has expired it takes the places again, at
        the booking's own prices, and marks the booking late. Raises HoldExpired when they cannot be had,
        BookingCancelled, and PaymentIncomplete unless it `may_be_unpaid`: each with the payment recorded. Raises
        PaymentRefunded and PaymentReferenceUsed for a reference that buys nothing here.
        """
        return self.receive(Receipt(payment_reference, amount), may_be_unpaid=may_be_unpaid, by=by)

    def receive(self, receipt: Receipt, *, may_be_unpaid: bool = False, by: Any = None) -> "Booking":
        """The same for any payment."""
        check_amount("amount", receipt.amount, self.currency)
        return confirm.confirm(self, receipt, may_be_unpaid=may_be_unpaid, by=by)

    def confirm_free(self, *, mail_token: str = "", by: Any = None) -> "Booking":
        """Confirms, in time, a booking that costs nothing, as its event lets customers do it. Idempotent.

        Raises Forbidden, ConfirmByMail, InvalidInput (for `mail_token`), HoldExpired, BookingCancelled.
        """
        return by_mail.confirm_free(self, mail_token=mail_token, by=by)

    def cancel(
        self,
        *,
        reason: str = "",
        tickets: Sequence[str] | None = None,
        fee: Decimal = Decimal(0),
        by: Any = None,
        pending_only: bool = False,
    ) -> "Booking":
        """Gives the places back: all, or those of some tickets of a confirmed booking. Idempotent.

        What was paid for them becomes due for refund, less the fee.

        Raises HoldExpired, AlreadyCheckedIn, BookingNotConfirmed (for `tickets`), InvalidInput (for unknown codes, and
        a fee above the price or what is owed for places), and BookingNotPending for a confirmed booking with
        `pending_only`.
        """
        check_amount("fee", fee or None, self.currency)
        if tickets is not None:
            return cancel.cancel_tickets(self, tickets, reason=reason, by=by, fee=fee)
        return cancel.cancel(self, reason=reason, by=by, pending_only=pending_only, fee=fee)

    def refund(
        self,
        *,
        amount: Decimal | None = None,
        payment: Any = None,
        reason: str = "",
        by: Any = None,
        **options: Any,
    ) -> "list[Refund]":
        """Refunds what is due, or `amount`, from a payment or the oldest ones; see bookings.payments.refunding, also
        for the options `may_exceed`, `expected` and `key`.
        """
        check_amount("amount", amount, self.currency)
        return refunding.refund(self, amount=amount, payment=payment, reason=reason, by=by, **options)

    def extend(self, *, hold: dt.timedelta | None = None, by: Any = None) -> "Booking":
        """Lets the hold end `hold` from now (by default and at most what the settings say). For an anonymous client it
        ends at most that long after the booking was made.

        Changes nothing when it ends later already; sets `is_extended` when it moved the end. Raises HoldExpired,
        BookingNotPending, BookingCancelled.
        """
        return extend.extend(self, hold=hold, by=by)

    def renew_secret(self, *, by: Any = None) -> "Booking":
        """Replaces the secret. The old one opens nothing, and the idempotency key of an anonymous client expires."""
        return renew.renew_secret(self, by=by)

    def opens_with(self, secret: str) -> bool:
        """Whether it is the booking's secret; compared in constant time."""
        return bool(self.secret) and constant_time_compare(secret, self.secret)

    def correct(self, *, by: Any = None, check: Precondition = no_precondition, **changes: Any) -> "Booking":
        """Changes `customer_name`, `customer_email` or `metadata`. Raises what `check` raises with the row locked."""
        return correct.correct(self, by=by, check=check, **changes)

    def transfer(self, code: str, **changes: Any) -> "Ticket":
        """Changes `holder_name` or `holder_email` of one of its tickets; with `new_code` the old code becomes void.

        `at` is the time of a customer, who may do that until TICKET_TRANSFER_UNTIL; staff have none. Raises NotFound,
        TransferClosed, AlreadyCheckedIn, TicketVoid, InvalidInput, and what `check` raises with the row locked.
        """
        return transfer.transfer(self, code, **changes)

    @classmethod
    def erase_customer(cls, email: str, *, by: Any = None, with_payments: bool = False) -> int:
        """Erases the personal data in all bookings of an e-mail address; returns their number.

        `with_payments` erases payment references, too. Raises StillNeeded, with nothing changed, while one of the
        bookings is live for an event to come or has a refund due.
        """
        return personal_data.erase_customer(email, by=by, with_payments=with_payments)

    def record(self) -> dict[str, Any]:
        """All that is stored about it, with its items, tickets and history, as JSON values."""
        return personal_data.record(self)

    def status_at(self, at: dt.datetime) -> str:
        """Its status at `at`: a hold that is due has expired."""
        return status_at(self.status, self.expires_at, at)

    def seconds_left(self, at: dt.datetime) -> int | None:
        """Whole seconds until its hold ends; None when it has no hold."""
        if self.status_at(at) != Status.PENDING:
            return None
        return int((self.expires_at - at).total_seconds())

    @property
    def is_free(self) -> bool:
        return self.total_price == 0

    @property
    def is_left_to_customer(self) -> bool:
        return self.is_free and self.free_confirmation != Event.FreeConfirmation.STAFF

    @property
    def is_confirmed_by_mail(self) -> bool:
        return self.is_free and self.free_confirmation == Event.FreeConfirmation.BY_MAIL

    def is_left_to_cancel(self, at: dt.datetime) -> bool:
        """Whether the customer may cancel what is confirmed: the event allows it, and it is early enough."""
        end = self.event.starts_at - dt.timedelta(hours=settings.CUSTOMER_CANCEL_UNTIL)
        return self.event.is_cancellable_by_customer and at < end

    @property
    def subtotal(self) -> Decimal:
        """The price of its places when they were booked, without fees."""
        return self.total_price - self.fees

    @property
    def places(self) -> int:
        """Places that are not cancelled."""
        return self.quantity - self.cancelled_quantity

    @property
    def owed_for_places(self) -> Decimal:
        """What is owed apart from cancellation fees: the price of its places, less goodwill."""
        return self.total_price - self.cancelled_amount - self.cancellation_fee

    @property
    def price_of_places(self) -> Decimal:
        """The price of the places that are not cancelled. Reads `item_list`."""
        price = Decimal()
        for item in self.item_list:
            price += item.price_with_fee * (item.quantity - item.cancelled_quantity)
        return price
