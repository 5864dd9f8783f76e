import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import F, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from config.history.models import record_changed, record_created, record_deleted
from config.problems import InUse, InvalidInput, Precondition, no_precondition
from config.values import money, percent
from config.values.text import validate_line, validate_paragraphs
from events.inventory import Stock, count_bookings, release_due, sales
from events.models import EARLIEST, LATEST, Event
from venues.models import LARGEST

AMOUNTS = ("price", "fee")  # fields in the event's currency


class TicketTypeQuerySet(models.QuerySet["TicketType"]):
    def visible(self, *, drafts: bool) -> Self:
        """What a client may see: those of drafts only with the permission to view ticket types."""
        return self if drafts else self.filter(sales.is_public("event__"))

    def on_sale(self, at: dt.datetime) -> Self:
        """What can be booked at `at`; `status_at` is "on_sale" for the same ticket types."""
        return self.filter(sales.in_sales_window(at), sales.is_available(), sales.is_open(at, "event__"))

    def with_held(self) -> Self:
        """Adds `held`: the places of pending bookings."""
        pending = TicketType.objects.filter(
            # The event's pending bookings have an index.
            pk=OuterRef("pk"),
            event__bookings__status="pending",
            event__bookings__items__ticket_type=OuterRef("pk"),
        )
        places = pending.order_by().values("pk").annotate(places=Sum("event__bookings__items__quantity"))
        return self.annotate(held=Coalesce(Subquery(places.values("places")), Value(0)))


class TicketType(Stock):
    """A kind of ticket for an event, with its price. Its `capacity` is what the API calls its quantity."""

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="ticket_types", db_index=False)
    name = models.CharField(max_length=100, validators=[validate_line])
    description = models.TextField(max_length=2_000, blank=True, default="", validators=[validate_paragraphs])
    price = money.MoneyField(help_text="In the event's currency.")
    fee = money.MoneyField(
        default=Decimal(0), db_default=0, help_text="Per ticket, added to the price; in the event's currency."
    )
    tax_rate = percent.PercentField(
        default=Decimal(0), db_default=0, help_text="Percent; the tax is contained in the price and the fee."
    )
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
    is_name_required = models.BooleanField(
        "names of holders are required",
        default=False,
        db_default=False,
        help_text="Each ticket is booked with the name of its holder.",
    )
    position = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(10_000)], help_text="Where it stands in the event's list."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = TicketTypeQuerySet.as_manager()

    warnings: Sequence[dict[str, Any]] = ()  # see `events.warnings`

    class Meta:
        ordering = ["position", "id"]
        indexes = [
            # GET /ticket-types: event by event, in their order; and those of one event.
            models.Index(fields=["event", "position", "id"], name="ticket_type_in_order"),
        ]
        constraints = [
            *Stock.Meta.constraints,
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
                condition=Q(fee__range=(0, money.MAX_AMOUNT)),
                name="ticket_type_fee_is_0_to_999999999",
                violation_error_message="A fee must be 0 to 999,999,999.",
                violation_error_code="invalid-fee",
            ),
            models.CheckConstraint(
                condition=Q(tax_rate__range=(0, percent.MAX_PERCENT)),
                name="ticket_type_tax_rate_is_0_to_100",
                violation_error_message="A tax rate must be 0 to 100 percent.",
                violation_error_code="invalid-tax-rate",
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
        """Creates a ticket type. Raises InvalidInput for more decimals than the event's currency has."""
        with transaction.atomic():
            event = Event.objects.select_for_update(no_key=True).get(pk=event.pk)
            refuse_decimals({"price": price, **data}, event.currency)
            ticket_type = cls.objects.create(event=event, price=price, **data)
            record_created(ticket_type, ["event", "price", *data], by=by)
        return ticket_type

    def revise(self, *, check: Precondition = no_precondition, by: Any = None, **changes: Any) -> Self:
        """Changes some fields; existing bookings keep their prices, fees, tax rates and names.

        Raises InvalidInput, what `check` raises with the row locked, and IntegrityError for a broken constraint.
        """
        if changes.get("event", self.event).pk != self.event_id:
            raise refusal("event", "fixed", "A ticket type cannot move to another event.")
        capacity = changes.get("capacity", self.capacity)
        if capacity is not None and capacity < self.reserved:
            release_due(self.event_id, wait=True)
        with transaction.atomic():
            # First the ticket type, then its event: the order in which bookings lock them.
            stored = TicketType.objects.select_for_update(no_key=True).get(pk=self.pk)
            check()
            shown = {name: money.plain(getattr(stored, name), self.currency) for name in AMOUNTS}
            amounts = {name: changes[name] for name in AMOUNTS if str(changes.get(name, shown[name])) != shown[name]}
            if amounts:
                # The lock keeps the event's currency while the amounts are compared with it.
                event = Event.objects.select_for_update(no_key=True).get(pk=self.event_id)
                refuse_decimals(amounts, event.currency)
            for name, value in changes.items():
                setattr(self, name, value)
            self.save(update_fields=[*changes, "updated_at"])
            record_changed(self, stored, changes, by=by)
        return self

    def remove(self, *, check: Precondition = no_precondition, by: Any = None) -> None:
        """Deletes the ticket type. Raises InUse when it has bookings, and what `check` raises with the row locked."""
        with transaction.atomic():
            TicketType.objects.select_for_update(no_key=True).filter(pk=self.pk).first()
            check()
            if bookings := count_bookings(ticket_type=self.pk):
                raise InUse.by(bookings)
            record_deleted(self, by=by)
            self.delete()  # the foreign key of a concurrent booking stops this

    def status_at(self, at: dt.datetime) -> str:
        """One of `sales.TICKET_TYPE_STATUSES`. Needs the event."""
        return sales.status_of_ticket_type(self, self.event, at)

    @property
    def currency(self) -> str:
        return self.event.currency

    @property
    def price_with_fee(self) -> Decimal:
        """What a customer pays for one ticket."""
        return self.price + self.fee

    @property
    def available(self) -> int:
        """Places that can be booked: its own, as far as the event has them. Needs the event."""
        return sales.available_of(self, self.event)


def refuse_decimals(data: dict[str, Any], currency: str) -> None:
    detail = f"{currency} has {money.DECIMALS[currency]} decimals."
    wrong = [name for name in AMOUNTS if name in data and not money.fits(data[name], currency)]
    if wrong:
        raise InvalidInput(
            errors=[{"pointer": f"/{name}", "code": "too-many-decimals", "detail": detail} for name in wrong]
        )


def refusal(field: str, code: str, detail: str) -> InvalidInput:
    return InvalidInput(errors=[{"pointer": f"/{field}", "code": code, "detail": detail}])
