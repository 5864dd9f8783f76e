import datetime as dt
from collections.abc import Sequence
from typing import Any, Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import DateTimeField, Exists, F, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from config.history.models import record, record_changed, record_created, record_deleted
from config.problems import DomainError, InUse, Precondition, no_precondition
from config.statements import AnyOf, Parameter, Statement
from config.values import money
from config.values.text import validate_line, validate_paragraphs
from events.inventory.stock import Inventory
from venues.models import LARGEST, Venue

EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
LATEST = dt.datetime(2101, 1, 1, tzinfo=dt.UTC)


class CapacityAboveVenue(DomainError):
    """An event cannot have more places than its venue."""

    code, title = "capacity-above-venue", "The venue is smaller"


class CurrencyFixed(DomainError):
    """An event's currency cannot change once somebody has booked, or while its prices do not fit the new one."""

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
    def visible(self) -> Self:
        """What the public may see: everything but drafts."""
        return self.exclude(status=Event.Status.DRAFT)

    def shown(self, sees_all: bool) -> Self:
        return self if sees_all else self.visible()

    def seen_by(self, user: Any) -> Self:
        return self.shown(user.has_perm("events.view_event"))

    def upcoming(self, at: dt.datetime) -> Self:
        return self.filter(ends_at__gt=at)

    def with_availability(self, at: Any) -> Self:
        """Adds `overdue`: reserved places whose hold has run out by `at`, and which therefore no longer count."""
        bookings = reverse(Event, "bookings").overdue(at).filter(event=OuterRef("pk")).order_by()
        places = bookings.values("event").annotate(places=Sum("quantity")).values("places")
        return self.annotate(overdue=Coalesce(Subquery(places), Value(0)))

    def with_unpaid(self, at: Any) -> Self:
        """Adds `unpaid`: those of the held places whose bookings are not confirmed yet at `at`."""
        bookings = reverse(Event, "bookings").holds(at).filter(event=OuterRef("pk")).order_by()
        places = bookings.values("event").annotate(places=Sum("quantity")).values("places")
        return self.annotate(unpaid=Coalesce(Subquery(places), Value(0)))

    def with_sales(self, at: Any) -> Self:
        """Adds what `sales_refusal` needs to know of the event's ticket types."""
        types = reverse(Event, "ticket_types").filter(event=OuterRef("pk")).order_by()
        return self.with_availability(at).annotate(
            has_types=Exists(types),
            has_future_types=Exists(types.filter(sales_start_at__gt=at)),
            has_open_types=Exists(types.in_sales_window(at)),
            has_free_types=Exists(types.in_sales_window(at).not_sold_out(at)),
        )

    def available(self, at: Any) -> Self:
        """On sale and not sold out. Needs `with_sales`."""
        return self.filter(
            status=Event.Status.PUBLISHED,
            ends_at__gt=at,
            has_free_types=True,
            capacity__gt=F("reserved") - F("overdue"),
        )


def reverse(model: type[models.Model], name: str) -> Any:
    """The rows that refer to a model, by the relation's name: this app does not know theirs."""
    return model._meta.get_field(name).related_model._default_manager.all()  # type: ignore[union-attr]


AT = Parameter("at", DateTimeField())
OVERDUE = Statement(lambda: places_of(reverse(Event, "bookings").overdue(AT).filter(AnyOf(F("event"), "events"))))
SALES = Statement(lambda: reverse(Event, "ticket_types").filter(AnyOf(F("event"), "events")).sales(AT))
FREE = Statement(
    lambda: reverse(Event, "ticket_types").filter(AnyOf(F("pk"), "types")).not_sold_out(AT).values_list("pk")
)


def places_of(bookings: Any) -> Any:
    return bookings.order_by().values("event").annotate(places=Sum("quantity")).values_list("event", "places")


def ask_for_sales(ids: Sequence[int], at: dt.datetime, using: str) -> list[list[tuple[Any, ...]]]:
    """What `with_sales` would ask about each of many events, about all of them together.

    For 100 events that costs PostgreSQL 250 µs in two statements, where five questions about each of them cost 1,500. A
    third statement asks about the ticket types that are sold out by their counters alone.
    """
    if not ids:
        return []
    overdue = OVERDUE.rows(using=using, at=at, events=ids)
    sales = SALES.rows(using=using, at=at, events=ids)
    events = {event for event, _ in overdue}
    full = [pk for event, pk, _, is_open, has_room in sales if is_open and not has_room and event in events]
    return [overdue, sales, FREE.rows(using=using, at=at, types=full) if full else []]


def know_sales(events: "Sequence[Event]", asked: list[list[tuple[Any, ...]]]) -> None:
    """Gives events what `with_sales` would have given them."""
    overdue, sales, free = asked or ([], [], [])
    places, has_room_after_all = dict(overdue), {pk for (pk,) in free}
    of_events: dict[int, list[tuple[bool, bool, bool]]] = {event.pk: [] for event in events}
    for event_id, pk, is_future, is_open, has_room in sales:
        of_events[event_id].append((is_future, is_open, has_room or pk in has_room_after_all))
    for event in events:
        types = of_events[event.pk]
        data = vars(event)
        data["overdue"] = places.get(event.pk, 0)
        data["has_types"] = bool(types)
        data["has_future_types"] = any(is_future for is_future, _, _ in types)
        data["has_open_types"] = any(is_open for _, is_open, _ in types)
        data["has_free_types"] = any(is_open and has_room for _, is_open, has_room in types)


class Event(Inventory):
    """Something that happens in a venue at a time, with a number of places."""

    class Status(models.TextChoices):
        DRAFT = "draft"
        PUBLISHED = "published"
        CANCELLED = "cancelled"

    venue = models.ForeignKey(Venue, on_delete=models.CASCADE, related_name="events")
    name = models.CharField(max_length=200, validators=[validate_line])
    description = models.TextField(max_length=10_000, blank=True, default="", validators=[validate_paragraphs])
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    status = models.CharField(max_length=9, choices=Status, default=Status.DRAFT, editable=False)
    cancel_reason = models.CharField(max_length=500, blank=True, default="", editable=False)
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
    sequence = models.PositiveIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="How often it was changed; calendars take the highest (RFC 5545).",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = EventQuerySet.as_manager()

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
            *Inventory.Meta.constraints,
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
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def plan(cls, *, venue: Venue, capacity: int | None = None, by: Any = None, **data: Any) -> "Event":
        """Makes a draft; its capacity is the venue's unless given. Raises CapacityAboveVenue."""
        with transaction.atomic():
            venue = Venue.objects.select_for_update(no_key=True).get(pk=venue.pk)
            capacity = venue.capacity if capacity is None else capacity
            refuse_above_venue(capacity, venue)
            event = cls.objects.create(venue=venue, capacity=capacity, **data)
            record_created(event, ["venue", "capacity", *data], by=by)
        return event

    def revise(self, *, check: Precondition = no_precondition, by: Any = None, **changes: Any) -> Self:
        """Changes some of the event's data.

        Raises CapacityAboveVenue, CurrencyFixed, what `check` does with the row locked, and IntegrityError of the
        constraint that a change would break; CapacityBelowReserved is one of these.
        """
        if changes.get("capacity", self.capacity) < self.reserved:
            self.bookings.expire_overdue()
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
        return self

    def refuse_currency(self, currency: str) -> None:
        """Its caller holds the row's lock, which a booking needs too."""
        if self.bookings.exists():
            raise CurrencyFixed.because("Somebody has booked already.")
        prices: Any = self.ticket_types.values_list("price", flat=True)
        for price in prices:
            if not money.fits(price, currency):
                raise CurrencyFixed.because(f"The price {price.normalize():f} has more decimals than {currency}.")

    def publish(self, *, at: dt.datetime, by: Any = None) -> Self:
        """Puts the event before the public. Publishing twice is once. Raises EventCancelled, EventInThePast."""
        drafts = Event.objects.filter(pk=self.pk, status=Event.Status.DRAFT, starts_at__gt=at)
        with transaction.atomic():
            is_published = drafts.update(status=Event.Status.PUBLISHED, sequence=F("sequence") + 1, updated_at=at) == 1
            if is_published:
                record(self, "publish", {"status": [Event.Status.DRAFT, Event.Status.PUBLISHED]}, by=by)
        self.refresh_from_db()
        if not is_published and self.status == Event.Status.CANCELLED:
            raise EventCancelled
        if not is_published and self.status == Event.Status.DRAFT:
            raise EventInThePast("Only an event that starts in the future can be published.")
        return self

    def cancel(self, *, reason: str = "", at: dt.datetime, by: Any = None) -> Self:
        """Cancels the event and every live booking of it. Cancelling twice is once.

        From the first statement on nobody can book. The bookings follow in batches, each in a transaction of its own,
        so that no lock is held for long; if the process dies on the way, cancelling again does the rest.
        """
        with transaction.atomic():
            stored = Event.objects.select_for_update(no_key=True).get(pk=self.pk)
            if stored.status != Event.Status.CANCELLED:
                changes = {"status": Event.Status.CANCELLED, "cancel_reason": reason}
                rows = Event.objects.filter(pk=self.pk)
                rows.update(**changes, sequence=F("sequence") + 1, updated_at=at)
                record_changed(self, stored, changes, by=by, verb="cancel")
        self.refresh_from_db()
        self.bookings.cancel_live(reason=self.cancel_reason, by=by)
        self.refresh_from_db()
        return self

    def remove(self, *, check: Precondition = no_precondition, by: Any = None) -> None:
        """Deletes the event with its ticket types.

        Raises InUse when it was ever booked, and what `check` does with the row locked.
        """
        with transaction.atomic():
            # First the types, then the event: the order in which bookings lock them.
            types = list(self.ticket_types.select_for_update(no_key=True).order_by("pk"))
            Event.objects.select_for_update(no_key=True).filter(pk=self.pk).first()
            check()
            if bookings := self.bookings.count():
                raise InUse.by(bookings)
            record_deleted(*types, self, by=by)
            self.delete()  # a booking made meanwhile stops it by its foreign key

    def sales_refusal(self, at: dt.datetime) -> str | None:
        """Why nothing can be booked at `at`; None when something can. Needs `with_sales`."""
        if self.status != Event.Status.PUBLISHED:
            return "not_published" if self.status == Event.Status.DRAFT else "cancelled"
        if self.ends_at <= at:
            return "ended"
        if not self.has_types:  # type: ignore[attr-defined]
            return "no_ticket_types"
        if not self.has_open_types:  # type: ignore[attr-defined]
            return "not_started" if self.has_future_types else "ended"  # type: ignore[attr-defined]
        return None if self.has_free_types and self.available > 0 else "sold_out"  # type: ignore[attr-defined]

    @property
    def held(self) -> int:
        """Places that live bookings hold. Needs `with_availability`."""
        return self.reserved - self.overdue  # type: ignore[attr-defined]

    @property
    def available(self) -> int:
        """Places that can be booked. Needs `with_availability`."""
        return max(self.capacity - self.held, 0)


def refuse_above_venue(capacity: int, venue: Venue) -> None:
    """Its caller holds the lock on the venue's row."""
    if capacity > venue.capacity:
        detail = f"“{venue.name}” has a capacity of {venue.capacity}."
        raise CapacityAboveVenue(
            detail, errors=[{"pointer": "/capacity", "code": "capacity-above-venue", "detail": detail}]
        )
