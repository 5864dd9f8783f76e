from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from config.access.permissions import ANYONE
from config.api.pagination import SkipLimitPagination
from config.api.serializers import Serializer
from config.api.viewsets import BaseViewSet, CatalogueViewSet
from config.problems import InUse
from events.calendar import CalendarRenderer, calendar
from events.filters import EventFilter
from events.inventory import CapacityBelowReserved, sales
from events.inventory.mixins import ReleaseMixin
from events.models import (
    CapacityAboveVenue,
    CurrencyFixed,
    Event,
    EventCancelled,
    EventInThePast,
)
from events.serializers import CancelEventSerializer, EventSerializer, visible_events

EXAMPLE = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Ticket Booking System//0.1.0//EN
BEGIN:VEVENT
SUMMARY:Summer Concert
DTSTART:20270612T173000Z
DTEND:20270612T200000Z
DTSTAMP:20261123T090500Z
UID:164986b4-288a-5396-a757-4c25468c11d8
SEQUENCE:1
LOCATION:Old Hall\\, 1 Main Street\\, 1010 Vienna
STATUS:CONFIRMED
END:VEVENT
END:VCALENDAR
"""
CALENDAR = {
    (200, CalendarRenderer.media_type): OpenApiResponse(
        OpenApiTypes.STR, "iCalendar (RFC 5545)", [OpenApiExample("calendar", EXAMPLE.replace("\n", "\r\n"))]
    )
}


class EventViewSet(ReleaseMixin, CatalogueViewSet):
    """What happens in the venues. Only staff see drafts, cancelled ones among them."""

    queryset = Event.objects.all()
    serializer_class = EventSerializer
    filterset_class = EventFilter
    ordering = ("starts_at",)
    ordering_fields = ("starts_at", "name", "created_at")
    public_for = 5
    narrowed_actions = frozenset({"list", "retrieve"})
    make = Event.plan
    access = {
        "list": ANYONE,
        "retrieve": ANYONE,
        "create": "events.add_event",
        "update": "events.change_event",
        "partial_update": "events.change_event",
        "destroy": "events.delete_event",
        "publish": "events.publish_event",
        "cancel": "events.cancel_event",
    }
    refusals = {
        "create": [CapacityAboveVenue],
        "update": [CapacityAboveVenue, CapacityBelowReserved, CurrencyFixed],
        "partial_update": [CapacityAboveVenue, CapacityBelowReserved, CurrencyFixed],
        "destroy": [InUse],
        "publish": [EventInThePast, EventCancelled],
    }

    def get_queryset(self) -> QuerySet[Event]:
        return visible_events(self.request)

    def event_id(self) -> int | None:
        pk = self.kwargs.get("pk", "")
        return int(pk) if self.is_identifier(pk) else None

    def load(self, objects: Sequence[Event]) -> None:
        sales.load_ticket_types(objects)
        super().load(objects)

    @extend_schema(request=None, responses=EventSerializer)
    @action(detail=True, methods=["post"])
    def publish(self, request: Request, pk: str) -> Response:
        """Publish a draft. Its start must be in the future."""
        self.read_body(Serializer)
        return self.respond(self.get_object().publish(at=timezone.now(), by=request.user))

    @extend_schema(request=CancelEventSerializer, responses=EventSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel an event and every live booking of it."""
        data = self.read_body(CancelEventSerializer)
        return self.respond(self.get_object().cancel(reason=data["reason"], at=timezone.now(), by=request.user))


class FeedPagination(SkipLimitPagination):
    rows = most = 10_000  # a calendar does not turn pages


PERIODS = {"upcoming", "starts_after", "starts_before"}


class CalendarViewSet(BaseViewSet):
    """Events for calendars to subscribe to (iCalendar, RFC 5545)."""

    queryset = Event.objects.select_related("venue")
    renderer_classes = [CalendarRenderer]
    pagination_class = FeedPagination
    filterset_class = EventFilter
    ordering = EventViewSet.ordering
    ordering_fields = EventViewSet.ordering_fields
    public_for = EventViewSet.public_for
    access = {"list": ANYONE, "retrieve": ANYONE}
    is_link = True

    def get_queryset(self) -> QuerySet[Event]:
        return visible_events(self.request).select_related("venue")

    def filter_queryset(self, queryset: Any) -> Any:
        """Past events only on request: with `upcoming=false`, or a period."""
        if not self.detail and not PERIODS & set(self.request.query_params):
            queryset = queryset.upcoming(self.at)
        return super().filter_queryset(queryset)

    @extend_schema(
        operation_id="get_events_calendar", summary="Show events as a calendar", responses=CALENDAR, filters=True
    )
    def list(self, request: Request) -> Response:
        """Events as one calendar (iCalendar, RFC 5545): those that are not over, unless a period is given."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.paginator.with_links(Response(calendar(page)))  # type: ignore[union-attr]

    @extend_schema(operation_id="get_event_calendar", summary="Show event as a calendar", responses=CALENDAR)
    def retrieve(self, request: Request, pk: str) -> Response:
        """One event as a calendar (iCalendar, RFC 5545)."""
        return Response(calendar([self.get_object()]))
