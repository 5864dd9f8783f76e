"""The fields of a record: those of the API, but with times in the venue's local time."""

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

LOCAL_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(Z|[+-]\d\d:\d\d)?", re.ASCII)
STATUSES = (Event.Status.DRAFT, Event.Status.PUBLISHED)


class LocalTimeField(serializers.Field):
    """A venue's local time, `2027-06-12 19:30`, or a time with an offset."""

    default_error_messages = {
        "invalid": "Must be a time such as 2027-06-12 19:30, in the venue's local time.",
        "out_of_range": "Must be in the years 2000 to 2100.",
        "skipped": "{time} does not exist in {zone}: the clocks go forward. Choose another time.",
        "repeated": "{time} occurs twice in {zone}: the clocks go back. Write {first} or {second}.",
    }

    def to_internal_value(self, data: Any) -> dt.datetime:
        found = LOCAL_TIME.fullmatch(data) if isinstance(data, str) else None
        try:
            time = dt.datetime.fromisoformat("{}T{}{}".format(*found.groups(default="")))  # type: ignore[union-attr]
        except (AttributeError, ValueError):
            self.fail("invalid")
        if not 2000 <= time.year <= 2100:
            self.fail("out_of_range")
        return time.astimezone(dt.UTC) if time.tzinfo else self.to_utc(time)

    def to_utc(self, time: dt.datetime) -> dt.datetime:
        zone: ZoneInfo = self.context["zone"]
        found = readings(time, zone)
        shown = {"time": f"{time:%H:%M on %d %b %Y}", "zone": zone.key}
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
    starts_at = LocalTimeField()
    ends_at = LocalTimeField()
    status = serializers.ChoiceField(choices=STATUSES)

    class Meta(EventSerializer.Meta):
        fields = list(FIELDS["event"])


class TicketTypeRecord(TicketTypeSerializer):
    sales_start_at = LocalTimeField(allow_null=True)
    sales_end_at = LocalTimeField(allow_null=True)

    class Meta(TicketTypeSerializer.Meta):
        fields = list(FIELDS["ticket_type"])


RECORDS: dict[str, type[serializers.Serializer]] = {
    "venue": VenueRecord,
    "event": EventRecord,
    "ticket_type": TicketTypeRecord,
}


@cache
def serializer_for(kind: str, zone: ZoneInfo | None) -> serializers.Serializer:
    """Made once for many records; only its `run_validation` is used."""
    return RECORDS[kind](partial=True, context={"zone": zone})


@cache
def api_names(kind: str) -> dict[str, str]:
    """API field names by model field names."""
    return {str(field.source): name for name, field in RECORDS[kind]().fields.items()}


@cache
def model_names(kind: str) -> dict[str, str]:
    """Model field names by API field names."""
    return {source: name for name, source in api_names(kind).items()}
