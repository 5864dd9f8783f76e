import datetime as dt
from collections.abc import Sequence
from itertools import chain
from typing import Any, Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import F, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from config.backoffice.formats import event_times
from config.history.models import record, record_changed, record_created, record_deleted
from config.problems import DomainError, InUse, Precondition, no_precondition
from config.values import money
from config.values.text import validate_line, validate_paragraphs
from events.inventory import Stock, cancel_bookings, count_bookings, release_due, sales, tell_moved
from events.lifecycle import cloning, pausing, publishing, rescheduling
from venues.models import LARGEST, Venue

EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
PLACE_AND_TIME = ("starts_at", "ends_at", "venue_id")
LATEST = dt.datetime(2101, 1, 1, tzinfo=dt.UTC)


class CapacityAboveVenue(DomainError):
    """An event cannot have more places than its venue."""

    code, title = "capacity-above-venue", "The venue is smaller"


class CurrencyFixed(DomainError):
    """An event's currency cannot change once there is a booking, or while its prices do not fit the new one."""

    code, title = "currency-fixed", "The currency cannot change"

    @classmethod
    def because(cls, detail: str) -> "CurrencyFixed":
        return cls(detail, errors=[{"pointer": "/currency", "code": cls.code, "detail": detail}])


class EventCancelled(DomainError):
    """The event is cancelled, and stays so."""

    code, title = "event-cancelled", "The event is cancelled"


class EventInThePast(DomainError):
    """An event can be published until it starts."""

    code, title = "event-in-the-past", "The event has started"


def current_currency() -> str:
    return settings.DEFAULT_CURRENCY


class EventQuerySet(models.QuerySet["Event"]):
    def visible(self, *, drafts: bool) -> Self:
        """What a client may see: drafts, cancelled ones among them, only with the permission to view events."""
        return self if drafts else self.filter(sales.is_public())

    def upcoming(self, at: dt.datetime) -> Self:
        """Not over at `at`."""
        return self.filter(ends_at__gt=at)

    def on_sale(self, at: dt.datetime) -> Self:
        """Of which something can be booked at `at`; `sales_refusal` is None for the same events."""
        sold = Event.objects.filter(
            sales.in_sales_window(at, "ticket_types__"),
            sales.is_available("ticket_types__", event=""),
            ticket_types__isnull=False,
        )
        return self.filter(sales.is_open(at), pk__in=sold.values("pk"))

    def with_held(self) -> Self:
        """Adds `held`: the places of pending bookings."""
        pending = Event.objects.filter(pk=OuterRef("pk"), bookings__status="pending").order_by().values("pk")
        places = pending.annotate(places=Sum("bookings__quantity")).values("places")
        return self.annotate(held=Coalesce(Subquery(places), Value(0)))


class Event(Stock):
    """Something that happens in a venue at a time, with a number of places."""

    class Status(models.TextChoices):
        DRAFT = "draft"
        PUBLISHED = "published"
        CANCELLED = "cancelled"

    class Visibility(models.TextChoices):
        PUBLIC = "public", "in lists, calendars and searches"
        UNLISTED = "unlisted", "only with its address"

    class FreeConfirmation(models.TextChoices):
        IMMEDIATE = "immediate", "by the customer, at once"
        BY_MAIL = "by_mail", "by the customer, with a link in a mail"
        STAFF = "staff", "by staff"

    venue = models.ForeignKey(Venue, on_delete=models.CASCADE, related_name="events")
    name = models.CharField(max_length=200, validators=[validate_line])
    description = models.TextField(max_length=10_000, blank=True, default="", validators=[validate_paragraphs])
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    status = models.CharField(max_length=9, choices=Status, default=Status.DRAFT, editable=False)
    published_at = models.DateTimeField(
        null=True, editable=False, help_text="Null for a draft, and for one that was cancelled before it was published."
    )
    cancel_reason = models.CharField(max_length=500, blank=True, default="", editable=False)
    visibility = models.CharField(
        max_length=8,
        choices=Visibility,
        default=Visibility.PUBLIC,
        db_default=Visibility.PUBLIC,
        help_text="Where everybody finds it, once it is published. An unlisted event is read and booked by its id.",
    )
    is_sales_paused = models.BooleanField(
        "sales paused",
        default=False,
        db_default=False,
        editable=False,
        help_text="While true, nothing can be booked. Bookings that hold places can be confirmed.",
    )
    is_postponed = models.BooleanField(
        "postponed",
        default=False,
        db_default=False,
        editable=False,
        help_text="Whether it takes place at another time, which is not known yet. Its times are the old ones.",
    )
    currency = models.CharField(
        max_length=3, default=current_currency, validators=[money.validate_currency], help_text="ISO 4217 code."
    )
    capacity = models.PositiveIntegerField(
        help_text="How many places can be sold; at most the venue's capacity, which is also the default."
    )
    max_per_customer = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text="How many places one e-mail address may hold; empty: any number.",
    )
    free_confirmation = models.CharField(
        "confirmation of free bookings",
        max_length=9,
        choices=FreeConfirmation,
        default=FreeConfirmation.IMMEDIATE,
        db_default=FreeConfirmation.IMMEDIATE,
        help_text="How bookings that cost nothing are confirmed, until their hold ends; afterwards by staff alone.",
    )
    is_cancellable_by_customer = models.BooleanField(
        "customers may cancel",
        default=False,
        db_default=False,
        help_text="Confirmed bookings too, until some hours before the start, which the server's settings say.",
    )
    sequence = models.PositiveIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="How often it was changed; calendars take the highest (RFC 5545).",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = EventQuerySet.as_manager()

    ticket_type_sales: list[sales.TicketTypeSales]  # set by `sales.load_ticket_types`
    warnings: Sequence[dict[str, Any]] = ()  # set by `warnings.find_warnings`

    class Meta:
        ordering = ["starts_at", "id"]
        permissions = [("publish_event", "Can publish event"), ("cancel_event", "Can cancel event")]
        indexes = [
            # GET /events?status=, by time.
            models.Index(fields=["status", "starts_at", "id"], name="event_by_status_and_start"),
            # GET /events: by time, page by page; the few drafts are passed over.
            models.Index(fields=["starts_at", "id"], name="event_by_start"),
        ]
        constraints = [
            *Stock.Meta.constraints,
            models.CheckConstraint(
                condition=Q(name__length__range=(1, 200)),
                name="event_name_has_1_to_200_characters",
                violation_error_message="An event's name must have 1 to 200 characters.",
                violation_error_code="invalid-name",
            ),
            models.CheckConstraint(
                condition=Q(description__length__lte=10_000),
                name="event_description_has_up_to_10000_characters",
                violation_error_message="An event's description must have at most 10,000 characters.",
                violation_error_code="invalid-description",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="event_ends_after_it_starts",
                violation_error_message="An event must end after it starts.",
                violation_error_code="ends-too-early",
            ),
            models.CheckConstraint(
                condition=Q(starts_at__gte=EARLIEST, starts_at__lt=LATEST)
                & Q(ends_at__gte=EARLIEST, ends_at__lt=LATEST),
                name="event_happens_in_the_years_2000_to_2100",
                violation_error_message="An event must happen in the years 2000 to 2100.",
                violation_error_code="out-of-range",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "published", "cancelled"]),
                name="event_status_is_known",
                violation_error_message="An event is draft, published or cancelled.",
                violation_error_code="unknown-status",
            ),
            models.CheckConstraint(
                condition=~Q(status="draft") | Q(published_at=None),
                name="event_draft_was_never_published",
                violation_error_message="A draft has no time of publication.",
                violation_error_code="invalid-status",
            ),
            models.CheckConstraint(
                condition=Q(currency__length=3),
                name="event_currency_has_3_letters",
                violation_error_message="An event needs an ISO 4217 currency code, such as EUR.",
                violation_error_code="unknown-currency",
            ),
            models.CheckConstraint(
                condition=Q(capacity__range=(1, LARGEST)),
                name="event_capacity_is_1_to_1000000",
                violation_error_message="An event's capacity must be 1 to 1,000,000.",
                violation_error_code="invalid-capacity",
            ),
            models.CheckConstraint(
                condition=Q(max_per_customer=None) | Q(max_per_customer__range=(1, 1000)),
                name="event_max_per_customer_is_1_to_1000",
                violation_error_message="The most places for one customer must be 1 to 1,000.",
                violation_error_code="invalid-max-per-customer",
            ),
            models.CheckConstraint(
                condition=Q(visibility__in=["public", "unlisted"]),
                name="event_visibility_is_known",
                violation_error_message="An event is public or unlisted.",
                violation_error_code="unknown-visibility",
            ),
            models.CheckConstraint(
                condition=Q(is_postponed=False) | Q(is_sales_paused=True),
                name="event_postponed_has_paused_sales",
                violation_error_message="The sales of a postponed event are paused.",
                violation_error_code="invalid-status",
            ),
            models.CheckConstraint(
                condition=Q(free_confirmation__in=["immediate", "by_mail", "staff"]),
                name="event_free_confirmation_is_known",
                violation_error_message="Free bookings are confirmed immediate, by_mail or staff.",
                violation_error_code="unknown-free-confirmation",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def plan(cls, *, venue: Venue, capacity: int | None = None, by: Any = None, **data: Any) -> "Event":
        """Creates a draft; its capacity is the venue's unless given. Raises CapacityAboveVenue."""
        with transaction.atomic():
            venue = Venue.objects.select_for_update(no_key=True).get(pk=venue.pk)
            capacity = venue.capacity if capacity is None else capacity
            refuse_above_venue(capacity, venue)
            event = cls.objects.create(venue=venue, capacity=capacity, **data)
            record_created(event, ["venue", "capacity", *data], by=by)
        return event

    def revise(self, *, check: Precondition = no_precondition, by: Any = None, **changes: Any) -> Self:
        """Changes some fields of the event.

        Raises CapacityAboveVenue, CurrencyFixed, what `check` raises with the row locked, and IntegrityError for a
        broken constraint, CapacityBelowReserved among them.
        """
        if changes.get("capacity", self.capacity) < self.reserved:
            release_due(self.pk, wait=True)
        with transaction.atomic():
            venue = Venue.objects.select_for_update(no_key=True).get(pk=changes.get("venue", self.venue).pk)
            stored = Event.objects.select_for_update(no_key=True).get(pk=self.pk)
            check()
            refuse_above_venue(changes.get("capacity", stored.capacity), venue)
            if changes.get("currency", stored.currency) != stored.currency:
                stored.refuse_currency(changes["currency"])
            for name, value in changes.items():
                setattr(self, name, value)
            self.sequence = stored.sequence + 1
            self.save(update_fields=[*changes, "sequence", "updated_at"])
            record_changed(self, stored, changes, by=by)
            if any(getattr(self, name) != getattr(stored, name) for name in PLACE_AND_TIME):
                tell_moved(self.pk, f"{event_times(stored)}, {stored.venue}")
        return self

    def refuse_currency(self, currency: str) -> None:
        """Raises CurrencyFixed. The caller holds the row's lock, which a booking needs too."""
        if count_bookings(event=self.pk):
            raise CurrencyFixed.because("The event has bookings.")
        amounts: Any = self.ticket_types.values_list("price", "fee")
        for amount in chain.from_iterable(amounts):
            if not money.fits(amount, currency):
                raise CurrencyFixed.because(f"The amount {amount.normalize():f} has more decimals than {currency}.")

    def publish(self, *, at: dt.datetime, by: Any = None) -> Self:
        """Makes the event visible to the public. Idempotent. Raises EventCancelled, EventInThePast."""
        drafts = Event.objects.filter(pk=self.pk, status=Event.Status.DRAFT, starts_at__gt=at)
        with transaction.atomic():
            changes = {"status": Event.Status.PUBLISHED, "published_at": at, "updated_at": at}
            is_published = drafts.update(**changes, sequence=F("sequence") + 1) == 1
            if is_published:
                record(self, "publish", {"status": [Event.Status.DRAFT, Event.Status.PUBLISHED]}, by=by)
        self.refresh_from_db()
        if not is_published and self.status == Event.Status.CANCELLED:
            raise EventCancelled
        if not is_published and self.status == Event.Status.DRAFT:
            raise EventInThePast("Only an event that starts in the future can be published.")
        return self

    def cancel(self, *, reason: str = "", at: dt.datetime, by: Any = None) -> Self:
        """Cancels the event and each of its pending and confirmed bookings. Idempotent. A draft stays hidden.

        The first statement ends the sale. The bookings follow in batches, each in its own transaction, so that locks
        are short. If the process dies on the way, cancelling again completes the work.
        """
        with transaction.atomic():
            stored = Event.objects.select_for_update(no_key=True).get(pk=self.pk)
            if stored.status != Event.Status.CANCELLED:
                changes = {"status": Event.Status.CANCELLED, "cancel_reason": reason, "is_postponed": False}
                rows = Event.objects.filter(pk=self.pk)
                rows.update(**changes, sequence=F("sequence") + 1, updated_at=at)
                record_changed(self, stored, changes, by=by, verb="cancel")
        self.refresh_from_db()
        cancel_bookings(self.pk, reason=self.cancel_reason, by=by)
        self.refresh_from_db()
        return self

    def unpublish(self, *, at: dt.datetime, by: Any = None) -> Self:
        """Makes a draft of it again. Idempotent. Raises InUse once anybody has booked it, and EventCancelled."""
        publishing.unpublish(self, at=at, by=by)
        return self

    def pause_sales(self, *, at: dt.datetime, by: Any = None) -> Self:
        """Stops the sale of everything, also to staff. Idempotent. Raises EventCancelled.

        What is held can be confirmed, in time and late, because it was placed while the sale was open.
        """
        pausing.pause_sales(self, at=at, by=by)
        return self

    def resume_sales(self, *, at: dt.datetime, by: Any = None) -> Self:
        """Ends a pause. Idempotent. Raises EventCancelled, and EventPostponed until it is rescheduled."""
        pausing.resume_sales(self, at=at, by=by)
        return self

    def postpone(self, *, reason: str = "", at: dt.datetime, by: Any = None) -> Self:
        """Says that it takes place later, pauses its sales, and tells its customers. Bookings stay. Idempotent.

        Raises EventCancelled, and EventNotPublished for a draft.
        """
        rescheduling.postpone(self, reason=reason, at=at, by=by)
        return self

    def reschedule(
        self, *, starts_at: dt.datetime, ends_at: dt.datetime, reason: str = "", at: dt.datetime, by: Any = None
    ) -> Self:
        """Moves it, with the sales periods of its ticket types, and tells its customers. Idempotent for the same times.

        It is not postponed any more; sales that are paused stay paused until they are resumed. Raises EventCancelled,
        EventInThePast for a published event, TimesOutOfRange, and IntegrityError for a broken constraint.
        """
        rescheduling.reschedule(self, starts_at=starts_at, ends_at=ends_at, reason=reason, at=at, by=by)
        return self

    def clone(self, starts: Sequence[dt.datetime], *, name: str | None = None, by: Any = None) -> "list[Event]":
        """Drafts like it, one for each start, with its ticket types; their times move along in the venue's local time.

        All or none, in a constant number of queries. Raises TimesOutOfRange, and ValidationError for a currency that
        new events cannot have.
        """
        return cloning.clone(self, starts, name=name, by=by)

    def remove(self, *, check: Precondition = no_precondition, by: Any = None) -> None:
        """Deletes the event with its ticket types.

        Raises InUse when it has bookings, and what `check` raises with the row locked.
        """
        with transaction.atomic():
            # First the ticket types, then the event: the order in which bookings lock them.
            ticket_types = list(self.ticket_types.select_for_update(no_key=True).order_by("pk"))
            Event.objects.select_for_update(no_key=True).filter(pk=self.pk).first()
            check()
            if bookings := count_bookings(event=self.pk):
                raise InUse.by(bookings)
            record_deleted(*ticket_types, self, by=by)
            self.delete()  # the foreign key of a concurrent booking stops this

    def sales_refusal(self, at: dt.datetime) -> str | None:
        """One of `sales.EVENT_REASONS` why nothing can be booked at `at`; None when something can.

        Needs `sales.load_ticket_types`.
        """
        return sales.refusal_of_event(self, self.ticket_type_sales, at)

    @property
    def available(self) -> int:
        """Places that can be reserved."""
        return max(self.capacity - self.reserved, 0)


def refuse_above_venue(capacity: int, venue: Venue) -> None:
    """Raises CapacityAboveVenue. The caller holds the lock on the venue's row."""
    if capacity > venue.capacity:
        detail = f"“{venue.name}” has a capacity of {venue.capacity}."
        raise CapacityAboveVenue(
            detail, errors=[{"pointer": "/capacity", "code": "capacity-above-venue", "detail": detail}]
        )
