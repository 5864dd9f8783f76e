import datetime as dt
from typing import Any, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Case, F, OuterRef, Q, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from config.history.models import record_changed, record_created, record_deleted
from config.problems import InUse, InvalidInput, Precondition, no_precondition
from config.values import money
from config.values.text import validate_line, validate_paragraphs
from events.inventory.stock import Inventory
from events.models import EARLIEST, LATEST, Event, reverse
from venues.models import LARGEST


def sales_window(at: Any) -> Q:
    """The condition that a ticket type's own sales window is open at `at`."""
    has_started = Q(sales_start_at=None) | Q(sales_start_at__lte=at)
    has_not_ended = Q(sales_end_at=None) | Q(sales_end_at__gt=at)
    return has_started & has_not_ended


def unless_room(path: str, wanted: Any, overdue: Any) -> Any:
    """`overdue`, but 0 when the counter alone says that there is room: then the holds need not be looked at."""
    if wanted is None:
        return overdue
    has_room = Q(**{f"{path}capacity": None}) | Q(**{f"{path}capacity__gte": F(f"{path}reserved") + wanted})
    return Case(When(has_room, then=Value(0)), default=overdue, output_field=models.IntegerField())


class TicketTypeQuerySet(models.QuerySet["TicketType"]):
    def visible(self) -> Self:
        """What the public may see: those of events that are not drafts."""
        return self.exclude(event__status=Event.Status.DRAFT)

    def shown(self, sees_all: bool) -> Self:
        return self if sees_all else self.visible()

    def seen_by(self, user: Any) -> Self:
        return self.shown(user.has_perm("ticket_types.view_tickettype"))

    def in_sales_window(self, at: Any) -> Self:
        """Whose own sales window is open at `at`."""
        return self.filter(sales_window(at))

    def with_overdue(self, at: Any, wanted: Any = None) -> Self:
        """Adds `overdue`: reserved places whose hold has run out by `at`, and which therefore no longer count.

        Whoever has `wanted` places in mind hears 0 when there is room for them anyway.
        """
        # That the bookings are of the same event follows from the type; saying it lets their index of holds serve.
        items = reverse(TicketType, "booking_items").overdue(at).order_by()
        items = items.filter(ticket_type=OuterRef("pk"), booking__event=OuterRef("event"))
        places = items.values("ticket_type").annotate(places=Sum("quantity")).values("places")
        return self.annotate(overdue=unless_room("", wanted, Coalesce(Subquery(places), Value(0))))

    def not_sold_out(self, at: Any) -> Self:
        """With places of their own left; whether the event has any is another question."""
        return self.with_overdue(at).filter(Q(capacity=None) | Q(capacity__gt=F("reserved") - F("overdue")))

    def sales(self, at: Any) -> Any:
        """Event, id, whether it will be sold later, whether its window is open, whether its own counter has room."""
        has_room = Q(capacity=None) | Q(capacity__gt=F("reserved"))
        truths = {"is_future": Q(sales_start_at__gt=at), "is_open": sales_window(at), "has_room": has_room}
        columns = {name: Case(When(truth, then=Value(True)), default=Value(False)) for name, truth in truths.items()}
        return self.order_by().annotate(**columns).values_list("event", "pk", *columns)

    def with_availability(self, at: Any, wanted: Any = None) -> Self:
        """Adds `overdue` and `event_overdue`, and loads the event. `wanted` is as for `with_overdue`."""
        bookings = reverse(Event, "bookings").overdue(at).filter(event=OuterRef("event")).order_by()
        places = bookings.values("event").annotate(places=Sum("quantity")).values("places")
        overdue = unless_room("event__", wanted, Coalesce(Subquery(places), Value(0)))
        return self.with_overdue(at, wanted).annotate(event_overdue=overdue).select_related("event")

    def with_unpaid(self, at: Any) -> Self:
        """Adds `unpaid`: those of the held places whose bookings are not confirmed yet at `at`."""
        items = reverse(TicketType, "booking_items").holds(at).order_by()
        items = items.filter(ticket_type=OuterRef("pk"), booking__event=OuterRef("event"))
        places = items.values("ticket_type").annotate(places=Sum("quantity")).values("places")
        return self.annotate(unpaid=Coalesce(Subquery(places), Value(0)))

    def on_sale(self, at: dt.datetime) -> Self:
        """What can be booked at `at`. Needs `with_availability`."""
        return self.in_sales_window(at).filter(
            Q(capacity=None) | Q(capacity__gt=F("reserved") - F("overdue")),
            event__capacity__gt=F("event__reserved") - F("event_overdue"),
            event__status=Event.Status.PUBLISHED,
            event__ends_at__gt=at,
        )


class TicketType(Inventory):
    """A kind of ticket for an event, with its price. Its `capacity` is what the API calls its quantity."""

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="ticket_types", db_index=False)
    name = models.CharField(max_length=100, validators=[validate_line])
    description = models.TextField(max_length=2_000, blank=True, default="", validators=[validate_paragraphs])
    price = money.MoneyField(help_text="In the event's currency.")
    capacity = models.PositiveIntegerField(
        "quantity",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(LARGEST)],
        help_text="How many can be sold; empty: only the event's capacity limits it.",
    )
    min_per_booking = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    max_per_booking = models.PositiveSmallIntegerField(
        default=10, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    sales_start_at = models.DateTimeField(null=True, blank=True, help_text="Empty: as soon as the event is published.")
    sales_end_at = models.DateTimeField(null=True, blank=True, help_text="Empty: until the event ends.")
    position = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(10_000)], help_text="Where it stands in the event's list."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = TicketTypeQuerySet.as_manager()

    class Meta:
        ordering = ["position", "id"]
        indexes = [
            # GET /ticket-types: event by event, in their order; and those of one event.
            models.Index(fields=["event", "position", "id"], name="ticket_type_in_order"),
        ]
        constraints = [
            *Inventory.Meta.constraints,
            # Its index also finds the ticket types of an event.
            models.UniqueConstraint(
                fields=["event", "name"],
                name="ticket_type_name_is_unique_in_its_event",
                violation_error_message="The event has a ticket type of that name already.",
                violation_error_code="already-exists",
            ),
            models.CheckConstraint(
                condition=Q(name__length__range=(1, 100)),
                name="ticket_type_name_has_1_to_100_characters",
                violation_error_message="A ticket type's name must have 1 to 100 characters.",
                violation_error_code="invalid-name",
            ),
            models.CheckConstraint(
                condition=Q(description__length__lte=2_000),
                name="ticket_type_description_has_up_to_2000_characters",
                violation_error_message="A ticket type's description must have at most 2,000 characters.",
                violation_error_code="invalid-description",
            ),
            models.CheckConstraint(
                condition=Q(price__range=(0, money.MAX_AMOUNT)),
                name="ticket_type_price_is_0_to_999999999",
                violation_error_message="A price must be 0 to 999,999,999.",
                violation_error_code="invalid-price",
            ),
            models.CheckConstraint(
                condition=Q(capacity=None) | Q(capacity__range=(1, LARGEST)),
                name="ticket_type_quantity_is_1_to_1000000",
                violation_error_message="A ticket type's quantity must be 1 to 1,000,000, or none.",
                violation_error_code="invalid-quantity",
            ),
            models.CheckConstraint(
                condition=Q(min_per_booking__gte=1, min_per_booking__lte=F("max_per_booking")),
                name="ticket_type_min_per_booking_is_1_to_its_max",
                violation_error_message="The fewest in one booking must be 1 or more, and not above the most.",
                violation_error_code="invalid-min-per-booking",
            ),
            models.CheckConstraint(
                condition=Q(max_per_booking__range=(1, 100)),
                name="ticket_type_max_per_booking_is_1_to_100",
                violation_error_message="The most in one booking must be 1 to 100.",
                violation_error_code="invalid-max-per-booking",
            ),
            models.CheckConstraint(
                condition=Q(sales_end_at=None) | Q(sales_start_at=None) | Q(sales_end_at__gt=F("sales_start_at")),
                name="ticket_type_sales_end_after_they_start",
                violation_error_message="Sales must end after they start.",
                violation_error_code="ends-too-early",
            ),
            models.CheckConstraint(
                condition=(Q(sales_start_at=None) | Q(sales_start_at__gte=EARLIEST, sales_start_at__lt=LATEST))
                & (Q(sales_end_at=None) | Q(sales_end_at__gte=EARLIEST, sales_end_at__lt=LATEST)),
                name="ticket_type_sales_are_in_the_years_2000_to_2100",
                violation_error_message="Sales must be in the years 2000 to 2100.",
                violation_error_code="out-of-range",
            ),
            models.CheckConstraint(
                condition=Q(position__lte=10_000),
                name="ticket_type_position_is_0_to_10000",
                violation_error_message="A position must be 0 to 10,000.",
                violation_error_code="invalid-position",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def offer(cls, *, event: Event, price: Any, by: Any = None, **data: Any) -> "TicketType":
        """Makes a ticket type. Raises InvalidInput when the price has more decimals than the event's currency."""
        with transaction.atomic():
            event = Event.objects.select_for_update(no_key=True).get(pk=event.pk)
            refuse_decimals(price, event.currency)
            ticket_type = cls.objects.create(event=event, price=price, **data)
            record_created(ticket_type, ["event", "price", *data], by=by)
        return ticket_type

    def revise(self, *, check: Precondition = no_precondition, by: Any = None, **changes: Any) -> Self:
        """Changes some of its data; bookings made before keep their prices and names.

        Raises InvalidInput, what `check` does with the row locked, and IntegrityError of the constraint that a change
        would break.
        """
        if changes.get("event", self.event).pk != self.event_id:
            raise refusal("event", "fixed", "A ticket type stays with its event.")
        capacity = changes.get("capacity", self.capacity)
        if capacity is not None and capacity < self.reserved:
            self.event.bookings.expire_overdue()
        with transaction.atomic():
            # First the type, then its event: the order in which bookings lock them.
            stored = TicketType.objects.select_for_update(no_key=True).get(pk=self.pk)
            check()
            if "price" in changes:
                # The event's currency cannot change between the look at it and the price that fits it.
                event = Event.objects.select_for_update(no_key=True).get(pk=self.event_id)
                refuse_decimals(changes["price"], event.currency)
            for name, value in changes.items():
                setattr(self, name, value)
            self.save(update_fields=[*changes, "updated_at"])
            record_changed(self, stored, changes, by=by)
        return self

    def remove(self, *, check: Precondition = no_precondition, by: Any = None) -> None:
        """Deletes the ticket type. Raises InUse when it was ever booked, and what `check` does with the row locked."""
        with transaction.atomic():
            TicketType.objects.select_for_update(no_key=True).filter(pk=self.pk).first()
            check()
            if bookings := self.booking_items.count():
                raise InUse.by(bookings)
            record_deleted(self, by=by)
            self.delete()  # a booking made meanwhile stops it by its foreign key

    def status_at(self, at: dt.datetime) -> str:
        """Whether it can be booked at `at`, in one word. Needs `with_availability`."""
        if self.event.status != Event.Status.PUBLISHED:
            return "not_published" if self.event.status == Event.Status.DRAFT else "cancelled"
        if self.event.ends_at <= at or (self.sales_end_at is not None and self.sales_end_at <= at):
            return "ended"
        if self.sales_start_at is not None and self.sales_start_at > at:
            return "not_started"
        return "on_sale" if self.available > 0 else "sold_out"

    @property
    def currency(self) -> str:
        return self.event.currency

    @property
    def held(self) -> int:
        """Places that live bookings hold. Needs `with_availability`."""
        return self.reserved - self.overdue  # type: ignore[attr-defined]

    @property
    def available(self) -> int:
        """Places that can be booked: its own, as far as the event has them. Needs `with_availability`."""
        of_event = self.event.capacity - (self.event.reserved - self.event_overdue)  # type: ignore[attr-defined]
        own = of_event if self.capacity is None else self.capacity - self.held
        return max(min(own, of_event), 0)


def refuse_decimals(price: Any, currency: str) -> None:
    if not money.fits(price, currency):
        raise refusal("price", "too-many-decimals", f"{currency} has {money.DECIMALS[currency]} decimals.")


def refusal(field: str, code: str, detail: str) -> InvalidInput:
    return InvalidInput(errors=[{"pointer": f"/{field}", "code": code, "detail": detail}])
