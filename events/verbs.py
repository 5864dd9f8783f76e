"""The verbs of events in the API."""

import datetime as dt
from collections.abc import Sequence

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from config.access.permissions import may
from config.api.serializers import Serializer
from config.api.viewsets import BaseViewSet
from config.idempotency.keys import mark_replay
from config.idempotency.once import create_once
from config.problems import InUse, Problem
from events.inventory import sales
from events.models import CapacityAboveVenue, Event, EventCancelled, EventInThePast
from events.problems import EventNotPublished, EventPostponed, TimesOutOfRange
from events.serializers import (
    CancelEventSerializer,
    CloneAllSerializer,
    CloneSerializer,
    EventSerializer,
    EventsSerializer,
    PostponeEventSerializer,
    RescheduleEventSerializer,
    visible_events,
)
from events.warnings import find_warnings

VERBS = {
    "publish": "events.publish_event",
    "unpublish": "events.publish_event",
    "cancel": "events.cancel_event",
    "pause_sales": "events.change_event",
    "resume_sales": "events.change_event",
    "postpone": "events.change_event",
    "reschedule": "events.change_event",
    "clone": "events.add_event",
    "clone_all": "events.add_event",
}
REFUSALS: dict[str, list[type[Problem]]] = {
    "publish": [EventInThePast, EventCancelled],
    "unpublish": [InUse, EventCancelled],
    "pause_sales": [EventCancelled],
    "resume_sales": [EventPostponed, EventCancelled],
    "postpone": [EventNotPublished, EventCancelled],
    "reschedule": [EventInThePast, EventCancelled, TimesOutOfRange],
    "clone": [CapacityAboveVenue, TimesOutOfRange],
    "clone_all": [CapacityAboveVenue, TimesOutOfRange],
}


class EventVerbs(BaseViewSet):
    def warn(self, events: Sequence[Event], **options: bool) -> None:
        """Sets the warnings of events, without what the client may not see."""
        has_types = self.action != "create"
        shows_types = has_types and may(self.request, "ticket_types.view_tickettype")
        find_warnings(events, others=visible_events(self.request), shows_types=shows_types, **options)

    @extend_schema(request=None, responses=EventSerializer)
    @action(detail=True, methods=["post"])
    def publish(self, request: Request, pk: str) -> Response:
        """Publish a draft. Its start must be in the future."""
        self.read_body(Serializer)
        event = self.get_object().publish(at=timezone.now(), by=request.user)
        self.warn([event])
        return self.respond(event)

    @extend_schema(request=None, responses=EventSerializer)
    @action(detail=True, methods=["post"])
    def unpublish(self, request: Request, pk: str) -> Response:
        """Make a draft of a published event again, if nobody has ever booked it."""
        self.read_body(Serializer)
        return self.respond(self.get_object().unpublish(at=timezone.now(), by=request.user))

    @extend_schema(request=CancelEventSerializer, responses=EventSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel an event and every live booking of it."""
        data = self.read_body(CancelEventSerializer)
        return self.respond(self.get_object().cancel(reason=data["reason"], at=timezone.now(), by=request.user))

    @extend_schema(request=None, responses=EventSerializer)
    @action(detail=True, methods=["post"], url_path="pause-sales")
    def pause_sales(self, request: Request, pk: str) -> Response:
        """Stop the sale of all tickets of an event. What is held can still be confirmed."""
        self.read_body(Serializer)
        return self.respond(self.get_object().pause_sales(at=timezone.now(), by=request.user))

    @extend_schema(request=None, responses=EventSerializer)
    @action(detail=True, methods=["post"], url_path="resume-sales")
    def resume_sales(self, request: Request, pk: str) -> Response:
        """Sell again after a pause."""
        self.read_body(Serializer)
        return self.respond(self.get_object().resume_sales(at=timezone.now(), by=request.user))

    @extend_schema(request=PostponeEventSerializer, responses=EventSerializer)
    @action(detail=True, methods=["post"])
    def postpone(self, request: Request, pk: str) -> Response:
        """Say that an event takes place later. Its sales are paused, its bookings stay, its customers get a mail."""
        data = self.read_body(PostponeEventSerializer)
        return self.respond(self.get_object().postpone(**data, at=timezone.now(), by=request.user))

    @extend_schema(request=RescheduleEventSerializer, responses=EventSerializer)
    @action(detail=True, methods=["post"])
    def reschedule(self, request: Request, pk: str) -> Response:
        """Move an event, and the sales periods of its ticket types by the same distance. Its customers get a mail.

        The distance is that of the venue's local times. Paused sales stay paused until they are resumed.
        """
        data = self.read_body(RescheduleEventSerializer)
        event = self.get_object().reschedule(**data, at=timezone.now(), by=request.user)
        self.load([event])  # the sales that moved along
        self.warn([event])
        return self.respond(event)

    @extend_schema(request=CloneSerializer, responses={201: EventSerializer})
    @action(detail=True, methods=["post"])
    def clone(self, request: Request, pk: str) -> Response:
        """Make a draft like this event, with its ticket types. Their times move along in the venue's local time."""
        data = self.read_body(CloneSerializer)
        (copy,), is_replay = self.make_clones([data["starts_at"]], data.get("name"))
        address = f"{request.path.rstrip('/').removesuffix(f'/{pk}/clone')}/{copy.pk}"
        shown = self.get_serializer(copy).data
        response = Response(shown, status=status.HTTP_201_CREATED, headers={"Location": address})
        return mark_replay(response, is_replay=is_replay)

    @extend_schema(operation_id="clone_event_bulk", request=CloneAllSerializer, responses={201: EventsSerializer})
    @action(detail=True, methods=["post"], url_path="clone/bulk")
    def clone_all(self, request: Request, pk: str) -> Response:
        """Make up to 100 drafts like this event, such as those of a season: all of them, or none."""
        data = self.read_body(CloneAllSerializer)
        events, is_replay = self.make_clones(data["starts_at"], data.get("name"))
        shown = EventsSerializer({"events": events}, context=self.get_serializer_context())
        return mark_replay(Response(shown.data, status=status.HTTP_201_CREATED), is_replay=is_replay)

    def make_clones(self, starts: Sequence[dt.datetime], name: str | None) -> tuple[list[Event], bool]:
        """The copies, and whether an earlier request with the same key made them."""
        source = self.get_object()
        created = create_once(self.idempotency_key(), lambda: source.clone(starts, name=name, by=self.request.user))
        copies = created.found_in(self.get_queryset())
        self.at = timezone.now()
        sales.load_ticket_types(copies)
        self.warn(copies)
        return copies, created.is_replay
