import datetime as dt
import hashlib
import json
import re
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.codes import TICKET_CODE
from bookings.filters import BookingFilter, TicketFilter
from bookings.lifecycle.place import IdempotencyKey
from bookings.lifecycle.states import Status
from bookings.models import Booking, Ticket
from bookings.problems import (
    AlreadyCheckedIn,
    BookingCancelled,
    BookingNotConfirmed,
    BookingNotPending,
    CustomerLimit,
    HoldExpired,
    IdempotencyKeyReused,
    NotCheckedIn,
    NotOnSale,
    OtherEvent,
    RequestInProgress,
    SoldOut,
    TicketVoid,
)
from bookings.serializers import (
    BookingSerializer,
    CancelBookingSerializer,
    CheckInSerializer,
    ConfirmBookingSerializer,
    PlaceBookingSerializer,
    QuoteSerializer,
    TicketSerializer,
)
from config.access.permissions import ANYONE, Anyone, Unless, may
from config.api.pagination import CursorPagination
from config.api.serializers import Serializer
from config.api.viewsets import Viewset
from config.problems import InvalidInput
from events.inventory.views import ReleasesDueHolds

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
KEY = re.compile(r"[\x21-\x7e]{1,255}")


def idempotency_key(request: Request) -> IdempotencyKey | None:
    """What the `Idempotency-Key` header asks for. Raises InvalidInput when it is not 1 to 255 visible ASCII."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not KEY.fullmatch(key):
        detail = "Must be 1 to 255 visible ASCII characters."
        raise InvalidInput(errors=[{"header": "Idempotency-Key", "code": "invalid", "detail": detail}])
    canonical = json.dumps(request.data, sort_keys=True, separators=(",", ":"))
    caller = f"user:{request.user.pk}" if request.user.is_authenticated else ""
    return IdempotencyKey(caller, key, hashlib.sha256(canonical.encode()).hexdigest())


def asked(request: Request, facts: dict[str, Any]) -> dict[str, Any]:
    """What `Booking.place` and `Booking.quote` take."""
    minutes = facts.get("hold_minutes")
    return {
        "customer_name": facts["customer_name"],
        "customer_email": facts["customer_email"],
        "lines": facts["items"],
        "hold": None if minutes is None else dt.timedelta(minutes=minutes),
        "metadata": facts.get("metadata"),
        "key": idempotency_key(request),
        "by": request.user,
    }


class BookingViewSet(ReleasesDueHolds, mixins.ListModelMixin, mixins.RetrieveModelMixin, Viewset):
    """Customers' places. Whoever holds a booking's id may see it, and cancel it while it is pending."""

    queryset = Booking.objects.all()
    serializer_class = BookingSerializer
    filterset_class = BookingFilter
    pagination_class = CursorPagination
    ordering = ("-created_at",)
    ordering_fields = ("created_at", "customer_name", "total_price")
    lookup_schema = {"type": "string", "format": "uuid"}
    is_guessable = True
    access = {
        "list": "bookings.view_booking",
        "retrieve": ANYONE,
        "create": Anyone("bookings.add_booking"),
        "partial_update": "bookings.change_booking",
        "confirm": Unless("bookings.confirm_booking", lambda booking: booking.is_free, "the booking costs nothing"),
        "cancel": Unless(
            "bookings.cancel_booking",
            lambda booking: booking.status != Status.CONFIRMED,
            "the booking is not confirmed",
        ),
    }
    refusals = {
        "create": [SoldOut, NotOnSale, CustomerLimit, RequestInProgress, IdempotencyKeyReused],
        "confirm": [HoldExpired, BookingCancelled],
        "cancel": [HoldExpired, BookingNotPending, BookingNotConfirmed, AlreadyCheckedIn],
    }

    def get_queryset(self) -> QuerySet[Booking]:
        return Booking.objects.detailed()

    def query_parameters(self) -> set[str]:
        return super().query_parameters() | ({"dry_run"} if self.action == "create" else set())

    def get_serializer_class(self) -> type[BookingSerializer]:
        is_quote = self.action == "create" and self.switch("dry_run")
        return QuoteSerializer if is_quote else BookingSerializer

    @staticmethod
    def is_identifier(value: str) -> bool:
        return bool(UUID.fullmatch(value))

    @extend_schema(
        request=PlaceBookingSerializer,
        responses={
            201: OpenApiResponse(BookingSerializer, "The places are held."),
            200: OpenApiResponse(QuoteSerializer, "A dry run: what the booking would be."),
        },
        parameters=[
            OpenApiParameter(
                "dry_run",
                bool,
                default=False,
                description="true: answer what would be booked, or the refusal, with nothing done.",
            ),
            OpenApiParameter(
                "Idempotency-Key",
                str,
                OpenApiParameter.HEADER,
                pattern=f"^{KEY.pattern}$",
                description="Your own name for this request. Sent again with it, the request answers the same booking.",
            ),
            OpenApiParameter(
                "Idempotent-Replayed",
                {"const": "true"},
                OpenApiParameter.HEADER,
                response=[201],
                description="The booking was made by an earlier request with the same Idempotency-Key.",
            ),
        ],
    )
    def create(self, request: Request) -> Response:
        facts = asked(request, self.read(PlaceBookingSerializer))
        if self.switch("dry_run"):
            return self.respond(Booking.quote(**facts))
        booking = Booking.place(**facts)
        self.at = timezone.now()
        headers = {"Location": f"{request.path.rstrip('/')}/{booking.pk}"}
        if booking.is_replay:
            headers["Idempotent-Replayed"] = "true"
        return Response(self.get_serializer(booking).data, status=status.HTTP_201_CREATED, headers=headers)

    def partial_update(self, request: Request, pk: str) -> Response:
        booking = self.get_object()
        serializer = self.get_serializer(booking, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        return self.respond(booking.correct(by=request.user, check=self.refuse_stale, **serializer.validated_data))

    @extend_schema(request=ConfirmBookingSerializer, responses=BookingSerializer)
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> Response:
        """Confirm a booking that was paid, and issue its tickets."""
        facts = self.read(ConfirmBookingSerializer)
        booking = self.get_object()
        if facts["payment_reference"] and not may(request, "bookings.confirm_booking"):
            self.permission_denied(request)  # who takes no money cannot say that some has come
        return self.respond(booking.confirm(by=request.user, **facts))

    @extend_schema(request=CancelBookingSerializer, responses=BookingSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel a booking, or some of its tickets."""
        facts = self.read(CancelBookingSerializer)
        is_staff = may(request, "bookings.cancel_booking")
        return self.respond(self.get_object().cancel(by=request.user, pending_only=not is_staff, **facts))

    def respond(self, booking: Booking) -> Response:
        self.at = timezone.now()
        return Response(self.get_serializer(booking).data)


class TicketViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, Viewset):
    """Admissions, for the door."""

    queryset = Ticket.objects.all()
    serializer_class = TicketSerializer
    filterset_class = TicketFilter
    pagination_class = CursorPagination
    lookup_field = "code"
    lookup_schema = {"type": "string", "pattern": f"^{TICKET_CODE.pattern}$"}
    is_guessable = True
    ordering = ("-created_at",)
    access = {
        "list": "bookings.view_ticket",
        "retrieve": "bookings.view_ticket",
        "check_in": "bookings.check_in_ticket",
        "undo_check_in": "bookings.check_in_ticket",
    }
    refusals = {
        "check_in": [AlreadyCheckedIn, TicketVoid, OtherEvent, BookingNotConfirmed],
        "undo_check_in": [NotCheckedIn, TicketVoid],
    }

    @staticmethod
    def is_identifier(value: str) -> bool:
        return bool(TICKET_CODE.fullmatch(value))

    def get_queryset(self) -> QuerySet[Ticket]:
        return Ticket.objects.detailed()

    @extend_schema(request=CheckInSerializer, responses=TicketSerializer)
    @action(detail=True, methods=["post"], url_path="check-in")
    def check_in(self, request: Request, code: str) -> Response:
        """Let the holder in, once."""
        facts = self.read(CheckInSerializer)
        return self.respond(self.get_object().check_in(at=timezone.now(), by=request.user, **facts))

    @extend_schema(request=None, responses=TicketSerializer)
    @action(detail=True, methods=["post"], url_path="undo-check-in")
    def undo_check_in(self, request: Request, code: str) -> Response:
        """Take a check-in back."""
        self.read(Serializer)
        return self.respond(self.get_object().undo_check_in(by=request.user))

    def respond(self, ticket: Ticket) -> Response:
        return Response(self.get_serializer(ticket).data)
