"""What a record may say: the API's own fields, except that times are those of the venue's clocks."""

import datetime as dt
import re
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from rest_framework import serializers

from config.values.timezones import readings
from events.models import Event
from events.serializers import EventSerializer
from ticket_types.imports.reading import FIELDS
from ticket_types.serializers import TicketTypeSerializer
from venues.serializers import VenueSerializer

CLOCK = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(Z|[+-]\d\d:\d\d)?", re.ASCII)
STATUSES = (Event.Status.DRAFT, Event.Status.PUBLISHED)


class ClockField(serializers.Field):
    """A time that the venue's clocks show, `2027-06-12 19:30`; or, with an offset behind it, an instant."""

    default_error_messages = {
        "invalid": "Must be a time such as 2027-06-12 19:30, as the venue's clocks show it.",
        "out_of_range": "Must be in the years 2000 to 2100.",
        "skipped": "There is no {clock} in {zone}: the clocks are put forward.",
        "repeated": "It is {clock} twice in {zone}, where the clocks are put back: write {first} or {second}.",
    }

    def to_internal_value(self, data: Any) -> dt.datetime:
        found = CLOCK.fullmatch(data) if isinstance(data, str) else None
        try:
            clock = dt.datetime.fromisoformat("{}T{}{}".format(*found.groups(default="")))  # type: ignore[union-attr]
        except (AttributeError, ValueError):
            self.fail("invalid")
        if not 2000 <= clock.year <= 2100:
            self.fail("out_of_range")
        return clock.astimezone(dt.UTC) if clock.tzinfo else self.on_the_clock(clock)

    def on_the_clock(self, clock: dt.datetime) -> dt.datetime:
        zone: ZoneInfo = self.context["zone"]
        found = readings(clock, zone)
        shown = {"clock": f"{clock:%H:%M on %d %b %Y}", "zone": zone.key}
        if not found:
            self.fail("skipped", **shown)
        if len(found) > 1:
            first, second = (reading.isoformat(sep=" ", timespec="minutes") for reading in found)
            self.fail("repeated", **shown, first=first, second=second)
        return found[0].astimezone(dt.UTC)


class VenueRecord(VenueSerializer):
    class Meta(VenueSerializer.Meta):
        fields = list(FIELDS["venue"])


class EventRecord(EventSerializer):
    starts_at = ClockField()
    ends_at = ClockField()
    status = serializers.ChoiceField(choices=STATUSES)

    class Meta(EventSerializer.Meta):
        fields = list(FIELDS["event"])


class TicketTypeRecord(TicketTypeSerializer):
    sales_start_at = ClockField(allow_null=True)
    sales_end_at = ClockField(allow_null=True)

    class Meta(TicketTypeSerializer.Meta):
        fields = list(FIELDS["ticket_type"])


@cache
def checker(kind: str, zone: ZoneInfo | None) -> serializers.Serializer:
    """Checks what is said of one kind of things, by `run_validation`. Its fields are made once, for many records."""
    return RECORDS[kind](partial=True, context={"zone": zone})


@cache
def names(kind: str) -> dict[str, str]:
    """How the API, and a file, calls the fields of the model."""
    return {str(field.source): name for name, field in RECORDS[kind]().fields.items()}


@cache
def sources(kind: str) -> dict[str, str]:
    """How the model calls the fields of the API."""
    return {name: source for source, name in names(kind).items()}


RECORDS: dict[str, type[serializers.Serializer]] = {
    "venue": VenueRecord,
    "event": EventRecord,
    "ticket_type": TicketTypeRecord,
}
