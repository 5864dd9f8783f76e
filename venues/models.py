import datetime as dt
from typing import Any, Self

from django.db import models, transaction
from django.db.models import Count, Q

from config.history.models import record_changed, record_created, record_deleted
from config.problems import DomainError, InUse, InvalidInput, Precondition, no_precondition
from config.values import timezones
from config.values.text import validate_line, validate_timezone

LARGEST = 1_000_000


class CapacityBelowEvents(DomainError):
    """A venue cannot become smaller than an event that is planned in it."""

    code, title = "capacity-below-events", "An event needs more places"


class Venue(models.Model):
    """A place that holds events."""

    name = models.CharField(max_length=200, validators=[validate_line])
    address = models.CharField(max_length=500, validators=[validate_line])
    capacity = models.PositiveIntegerField(help_text="How many people it can hold.")
    timezone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[validate_timezone],
        help_text="IANA name, such as Europe/Vienna.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "id"]
        indexes = [
            # GET /venues: by name, page by page.
            models.Index(fields=["name", "id"], name="venue_by_name"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(name__length__range=(1, 200)),
                name="venue_name_has_1_to_200_characters",
                violation_error_message="A venue's name must have 1 to 200 characters.",
                violation_error_code="invalid-name",
            ),
            models.CheckConstraint(
                condition=Q(address__length__range=(1, 500)),
                name="venue_address_has_1_to_500_characters",
                violation_error_message="A venue's address must have 1 to 500 characters.",
                violation_error_code="invalid-address",
            ),
            models.CheckConstraint(
                condition=Q(capacity__range=(1, LARGEST)),
                name="venue_capacity_is_1_to_1000000",
                violation_error_message="A venue's capacity must be 1 to 1,000,000.",
                violation_error_code="invalid-capacity",
            ),
            models.CheckConstraint(
                condition=Q(timezone__length__range=(1, 64)),
                name="venue_timezone_has_1_to_64_characters",
                violation_error_message="A venue needs a time zone.",
                violation_error_code="unknown-timezone",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def open(cls, *, by: Any = None, **data: Any) -> Self:
        """Creates a venue."""
        with transaction.atomic():
            venue = cls.objects.create(**data)
            record_created(venue, data, by=by)
        return venue

    def revise(self, *, check: Precondition = no_precondition, by: Any = None, **changes: Any) -> Self:
        """Changes some of the venue's data. Raises CapacityBelowEvents, and what `check` does with the row locked."""
        with transaction.atomic():
            # Planning an event locks the same row: neither can pass the other's check.
            stored = Venue.objects.select_for_update(no_key=True).get(pk=self.pk)
            check()
            if "capacity" in changes:
                self.refuse_smaller_than_events(changes["capacity"])
            for name, value in changes.items():
                setattr(self, name, value)
            self.save(update_fields=[*changes, "updated_at"])
            record_changed(self, stored, changes, by=by)
        return self

    def keep_local_times(self, *, timezone: str, at: dt.datetime, by: Any = None, **changes: Any) -> int:
        """Changes the time zone, and moves the events that are not over at `at` to the same local times in it.

        With them goes when their ticket types are on sale. Returns how many events were moved. Raises what `revise`
        does, and InvalidInput for a local time that does not exist or occurs twice in the new zone.
        """
        count = 0
        with transaction.atomic():
            old = Venue.objects.select_for_update(no_key=True).get(pk=self.pk).timezone
            self.revise(timezone=timezone, **changes, by=by)
            for pk in list(self.events.upcoming(at).order_by("starts_at", "pk").values_list("pk", flat=True)):
                # First the types, then their event: the order in which bookings lock them.
                of_event = self.events.model(pk=pk).ticket_types
                types: Any = list(of_event.select_for_update(no_key=True).order_by("pk"))
                event = self.events.select_for_update(no_key=True).filter(pk=pk).first()
                if event is None:  # moved to another venue meanwhile
                    continue
                for it in types:
                    if moved := same_times(it, ("sales_start_at", "sales_end_at"), old, timezone, event.name):
                        it.revise(**moved, by=by)
                if moved := same_times(event, ("starts_at", "ends_at"), old, timezone, event.name):
                    event.revise(by=by, **moved)
                    count += 1
        return count

    def refuse_smaller_than_events(self, capacity: int) -> None:
        largest = self.events.order_by("-capacity").first()
        if largest is not None and largest.capacity > capacity:
            detail = f"The event “{largest.name}” has a capacity of {largest.capacity}."
            raise CapacityBelowEvents(
                detail, errors=[{"pointer": "/capacity", "code": "capacity-below-events", "detail": detail}]
            )

    def remove(self, *, check: Precondition = no_precondition, by: Any = None) -> None:
        """Deletes the venue with its events and their ticket types.

        Raises InUse when any was ever booked, and what `check` does with the row locked.
        """
        with transaction.atomic():
            Venue.objects.select_for_update(no_key=True).filter(pk=self.pk).first()
            check()
            bookings = self.events.aggregate(bookings=Count("bookings"))["bookings"]
            if bookings:
                raise InUse.by(bookings)
            events = list(self.events.prefetch_related("ticket_types"))
            types = [ticket_type for event in events for ticket_type in event.ticket_types.all()]
            record_deleted(*types, *events, self, by=by)
            self.delete()  # a booking made meanwhile stops it by its foreign key


def same_times(obj: Any, names: tuple[str, ...], old: str, new: str, event: str) -> dict[str, Any]:
    """The times of an object that move to keep their local time in another time zone, and where they move."""
    found = {}
    for name in names:
        if (at := getattr(obj, name)) is None:
            continue
        readings = timezones.moved(at, old, new)
        if len(readings) != 1:
            local_time = f"{at.astimezone(timezones.find_zone(old)):%a %d %b %Y, %H:%M}"
            why = "occurs twice" if readings else "does not exist"
            detail = f"“{event}” cannot stay at {local_time}: that time {why} in {new}. Change its times first."
            raise InvalidInput(errors=[{"pointer": "/timezone", "code": "no-such-time", "detail": detail}])
        if readings[0] != at:
            found[name] = readings[0].astimezone(dt.UTC)
    return found
