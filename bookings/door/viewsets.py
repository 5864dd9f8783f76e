from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from bookings.door.entries import check_in_booking, check_in_scans
from bookings.door.filters import DoorListFilter
from bookings.door.problems import ScanIdReused
from bookings.door.serializers import (
    CheckedInBookingSerializer,
    CheckInBookingSerializer,
    DoorListSerializer,
    ScannedListSerializer,
    ScansSerializer,
)
from bookings.models import Ticket
from bookings.problems import AlreadyCheckedIn, BookingNotConfirmed, OtherEvent, TicketVoid
from config.access.permissions import events_of
from config.access.rate_limits import DOOR, count_guess, refuse_guesser
from config.api.pagination import CursorPagination
from config.api.viewsets import BaseViewSet
from config.problems import NotFound, Problem
from events.serializers import visible_events

CHECK_IN = "bookings.check_in_ticket"


class CheckInViewSet(BaseViewSet):
    """Scans of scanners that were offline."""

    queryset = Ticket.objects.all()
    access = {"create": CHECK_IN}
    narrowed_actions = frozenset({"create"})
    refusals = {"create": [ScanIdReused]}
    pagination_class = None
    filter_backends = []

    @extend_schema(
        operation_id="check_in_tickets",
        summary="Check in tickets",
        tags=["check-ins"],
        request=ScansSerializer,
        responses={200: ScannedListSerializer},
    )
    def create(self, request: Request) -> Response:
        """Upload scans that were made offline. Each scan counts once, by its `scan_id`, however often it is sent.

        Of several scans of one ticket the earliest counts; what the server knows already stays.
        """
        sent = self.read_body(ScansSerializer)["check_ins"]
        refuse_guesser(request, DOOR)
        answers, unknown = check_in_scans(
            sent, client=f"user:{request.user.pk}", at=timezone.now(), events=events_of(request), by=request.user
        )
        if unknown:
            count_guess(request, purpose=DOOR, amount=unknown)  # sent again, the same scans are not unknown any more
        results = list(zip(sent, answers, strict=True))
        return Response(ScannedListSerializer({"results": results}).data)


class DoorListViewSet(mixins.ListModelMixin, BaseViewSet):
    """The tickets of one event, to check them offline."""

    queryset = Ticket.objects.all()
    serializer_class = DoorListSerializer
    filterset_class = DoorListFilter
    pagination_class = CursorPagination
    ordering = ("updated_at",)
    access = {"list": "bookings.view_ticket"}
    refusals = {"list": [NotFound]}
    narrowed_actions = frozenset({"list"})

    def get_queryset(self) -> QuerySet[Ticket]:
        """By the event of the ticket type, which has an index."""
        event = self.kwargs["event"]
        if not self.is_identifier(event) or not visible_events(self.request).filter(pk=event).exists():
            raise NotFound("No event with this id.")
        return Ticket.objects.select_related("booking", "ticket_type").filter(ticket_type__event=event)

    @extend_schema(operation_id="list_door_list", summary="Show door list", tags=["events"])
    def list(self, request: Request, event: str) -> Response:
        """The tickets of an event, void ones among them, the longest unchanged first.

        For what has changed since, send the time of the request before, less a minute, as `updated_after`.
        """
        return super().list(request)


class BookingDoor(GenericViewSet):
    """What a booking's own address has for the door."""

    door_access: ClassVar[dict[str, Any]] = {"check_in": CHECK_IN}
    door_refusals: ClassVar[dict[str, list[type[Problem]]]] = {
        "check_in": [AlreadyCheckedIn, TicketVoid, OtherEvent, BookingNotConfirmed]
    }

    @extend_schema(request=CheckInBookingSerializer, responses=CheckedInBookingSerializer)
    @action(detail=True, methods=["post"], url_path="check-in")
    def check_in(self, request: Request, pk: str) -> Response:
        """Admit a group: all of a booking who are not in yet, or some of them."""
        view: Any = self
        data = view.read_body(CheckInBookingSerializer)
        answers = check_in_booking(self.get_object(), at=timezone.now(), by=request.user, **data)
        result = {"admitted": len(answers), "check_ins": answers}
        return Response(CheckedInBookingSerializer(result).data)
