import datetime as dt
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request

from config.access.permissions import may, narrowed
from config.api.bulk import MAX_OBJECTS
from config.api.expand import Expansion
from config.api.fields import INSTANT_SCHEMA, InstantField, LineField, ListField, format_instant
from config.api.serializers import ModelSerializer, Serializer
from events.inventory import sales
from events.models import Event
from venues.models import LARGEST, Venue
from venues.serializers import VenueSerializer


class AvailabilitySerializer(Serializer):
    capacity = serializers.IntegerField()
    reserved = serializers.IntegerField(help_text="Places of pending and confirmed bookings.")
    available = serializers.IntegerField()


class OnSaleSerializer(Serializer):
    is_on_sale = serializers.BooleanField()
    reason = serializers.ChoiceField(choices=sales.EVENT_REASONS, allow_null=True)


class EventSerializer(ModelSerializer):
    has_warnings = True
    expansions = {"venue": Expansion(VenueSerializer, lambda request: Venue.objects.all(), key="venue_id")}
    availability = AvailabilitySerializer(source="*", read_only=True)
    on_sale = serializers.SerializerMethodField()

    class Meta:
        model = Event
        fields = [
            "id",
            "venue",
            "name",
            "description",
            "starts_at",
            "ends_at",
            "status",
            "published_at",
            "currency",
            "capacity",
            "max_per_customer",
            "free_confirmation",
            "is_cancellable_by_customer",
            "visibility",
            "is_sales_paused",
            "is_postponed",
            "availability",
            "on_sale",
            "created_at",
            "updated_at",
        ]
        counted = ["availability", "on_sale", "warnings"]
        example = {
            "id": 1,
            "venue": 1,
            "name": "Summer Concert",
            "description": "Doors open at seven.",
            "starts_at": "2027-06-12T17:30:00Z",
            "ends_at": "2027-06-12T20:00:00Z",
            "status": "published",
            "published_at": "2026-11-23T09:05:00Z",
            "currency": "EUR",
            "capacity": 500,
            "max_per_customer": 6,
            "free_confirmation": "immediate",
            "is_cancellable_by_customer": False,
            "visibility": "public",
            "is_sales_paused": False,
            "is_postponed": False,
            "availability": {"capacity": 500, "reserved": 3, "available": 497},
            "on_sale": {"is_on_sale": True, "reason": None},
            "created_at": "2026-11-23T09:00:00Z",
            "updated_at": "2026-11-23T09:05:00Z",
        }
        extra_kwargs = {"capacity": {"required": False, "min_value": 1, "max_value": LARGEST}}

    @extend_schema_field(OnSaleSerializer)
    def get_on_sale(self, event: Event) -> dict[str, Any]:
        reason = event.sales_refusal(self.context["at"])
        return {"is_on_sale": reason is None, "reason": reason}

    def to_representation(self, event: Event) -> dict[str, Any]:
        """Written out, because lists are hot."""
        data = {
            "id": event.pk,
            "venue": event.venue_id,
            "name": event.name,
            "description": event.description,
            "starts_at": format_instant(event.starts_at),
            "ends_at": format_instant(event.ends_at),
            "status": event.status,
            "published_at": format_instant(event.published_at),
            "currency": event.currency,
            "capacity": event.capacity,
            "max_per_customer": event.max_per_customer,
            "free_confirmation": event.free_confirmation,
            "is_cancellable_by_customer": event.is_cancellable_by_customer,
            "visibility": event.visibility,
            "is_sales_paused": event.is_sales_paused,
            "is_postponed": event.is_postponed,
            "availability": {"capacity": event.capacity, "reserved": event.reserved, "available": event.available},
            "on_sale": self.get_on_sale(event),
            "created_at": format_instant(event.created_at),
            "updated_at": format_instant(event.updated_at),
        }
        return self.with_expansions(data, event)


def visible_events(request: Request) -> QuerySet[Event]:
    """By its id; `listed_events` are those that lists show."""
    return narrowed(request, Event.objects.visible(drafts=may(request, "events.view_event")), "pk")


def listed_events(request: Request) -> QuerySet[Event]:
    events = visible_events(request)
    return events if may(request, "events.view_event") else events.filter(sales.is_listed())


# In the place of an event's id; null when the user may not see the event.
EVENT = Expansion(EventSerializer, visible_events, key="event_id", load=sales.load_ticket_types)


class CancelEventSerializer(Serializer):
    reason = LineField(max_length=500, required=False, default="", allow_blank=True, help_text="For the customers.")

    class Meta:
        example = {"reason": "The singer is ill."}


class PostponeEventSerializer(CancelEventSerializer):
    pass


class RescheduleEventSerializer(CancelEventSerializer):
    starts_at = InstantField()
    ends_at = InstantField()

    class Meta:
        example = {
            "starts_at": "2027-09-11T17:30:00Z",
            "ends_at": "2027-09-11T20:00:00Z",
            "reason": "The singer was ill.",
        }


class CloneSerializer(Serializer):
    starts_at = InstantField(help_text="Its end and its sales periods move along in the venue's local time.")
    name = LineField(max_length=200, required=False, help_text="By default that of the event.")

    class Meta:
        example = {"starts_at": "2027-06-19T17:30:00Z", "name": "Summer Concert"}


@extend_schema_field({"type": "array", "items": INSTANT_SCHEMA, "uniqueItems": True})
class StartsField(ListField):
    pass  # schema.bounds_of adds the bounds


class CloneAllSerializer(Serializer):
    starts_at = StartsField(
        child=InstantField(), min_length=1, max_length=MAX_OBJECTS, help_text="One for each event, none twice."
    )
    name = LineField(max_length=200, required=False, help_text="By default that of the event.")

    class Meta:
        example = {"starts_at": ["2027-06-19T17:30:00Z", "2027-06-26T17:30:00Z"], "name": "Summer Concert"}

    def validate_starts_at(self, starts: list[dt.datetime]) -> list[dt.datetime]:
        twice: Any = {
            index: [ErrorDetail("Each start must be given once.", code="given-twice")]
            for index, start in enumerate(starts)
            if start in starts[:index]
        }
        if twice:
            raise serializers.ValidationError(twice)
        return starts


class EventsSerializer(Serializer):
    events = EventSerializer(many=True)

    class Meta:
        example = {"events": [EventSerializer.Meta.example]}
