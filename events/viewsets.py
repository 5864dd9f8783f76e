import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from config.access.permissions import ANYONE
from config.api.pagination import SkipLimitPagination
from config.api.viewsets import BaseViewSet, CatalogueViewSet
from config.idempotency.once import Created
from config.problems import InUse
from events.calendar import CalendarRenderer, calendar
from events.filters import EventFilter
from events.inventory import CapacityBelowReserved, sales
from events.inventory.mixins import ReleaseMixin
from events.models import (
    CapacityAboveVenue,
    CurrencyFixed,
    Event,
)
from events.serializers import EventSerializer, listed_events, visible_events
from events.verbs import REFUSALS, VERBS, EventVerbs

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


class EventViewSet(EventVerbs, ReleaseMixin, CatalogueViewSet):
    """What happens in the venues. Only staff see drafts, cancelled ones among them."""

    queryset = Event.objects.all()
    serializer_class = EventSerializer
    filterset_class = EventFilter
    ordering = ("starts_at",)
    ordering_fields = ("starts_at", "name", "created_at")
    public_for = 5
    narrowed_actions = frozenset({"list", "retrieve"})
    make = Event.plan
    old_start: dt.datetime | None = None  # of an event that is updated
    access = {
        "list": ANYONE,
        "retrieve": ANYONE,
        "create": "events.add_event",
        "update": "events.change_event",
        "partial_update": "events.change_event",
        "destroy": "events.delete_event",
        **VERBS,
    }
    refusals = {
        "create": [CapacityAboveVenue],
        "update": [CapacityAboveVenue, CapacityBelowReserved, CurrencyFixed],
        "partial_update": [CapacityAboveVenue, CapacityBelowReserved, CurrencyFixed],
        "destroy": [InUse],
        **REFUSALS,
    }

    def get_queryset(self) -> QuerySet[Event]:
        return listed_events(self.request) if self.action == "list" else visible_events(self.request)

    def event_id(self) -> int | None:
        pk = self.kwargs.get("pk", "")
        return int(pk) if self.is_identifier(pk) else None

    def load(self, objects: Sequence[Event]) -> None:
        sales.load_ticket_types(objects)
        super().load(objects)

    def perform_update(self, serializer: BaseSerializer) -> None:
        before: Any = serializer.instance
        self.old_start = before.starts_at
        super().perform_update(serializer)

    def find_created(self, created: Created) -> list[Event]:
        events = super().find_created(created)
        if self.action == "create":
            self.warn(events)
        return events

    def reload(self, serializer: BaseSerializer, instance: Event) -> None:
        super().reload(serializer, instance)
        event: Any = serializer.instance
        self.warn([event], has_new_start=self.old_start not in (None, event.starts_at))


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
        events = visible_events(self.request) if self.detail else listed_events(self.request)
        return events.select_related("venue")

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
