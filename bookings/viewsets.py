import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from bookings import mailing
from bookings.codes import TICKET_CODE, typed
from bookings.door.answers import Answer, Result, answer_of
from bookings.door.filters import TicketFilter
from bookings.door.serializers import AdmissionSerializer, CheckInSerializer
from bookings.door.viewsets import BookingDoor
from bookings.filters import BookingFilter
from bookings.holders import CHANGE, BookingHolders
from bookings.lifecycle.by_mail import is_valid
from bookings.lifecycle.place import IdempotencyKey
from bookings.lifecycle.states import Status
from bookings.limits import client_key_of, place_within_rate
from bookings.messages.api import BookingMails
from bookings.models import Booking, BookingItem, Ticket
from bookings.payments.ledger import Receipt
from bookings.payments.models import Payment
from bookings.payments.viewsets import BookingPayments
from bookings.problems import (
    AlreadyCheckedIn,
    AlreadyCheckedOut,
    BookingCancelled,
    BookingNotConfirmed,
    BookingNotPending,
    ConfirmByMail,
    CustomerLimit,
    HoldExpired,
    NotCheckedIn,
    NotOnSale,
    OtherEvent,
    PaymentIncomplete,
    PaymentReferenceUsed,
    PaymentRefunded,
    PriceChanged,
    SoldOut,
    TicketVoid,
    TooManyPlaces,
)
from bookings.serializers import (
    BookingSerializer,
    CancelBookingSerializer,
    ConfirmBookingSerializer,
    PlaceBookingSerializer,
    PlacedBookingSerializer,
    QuoteSerializer,
    TicketSerializer,
)
from config.access.permissions import PermissionOrAnonymous, PermissionOrSecret, may, narrowed
from config.access.rate_limits import DOOR
from config.api.pagination import CursorPagination
from config.api.serializers import Serializer
from config.api.viewsets import BaseViewSet
from config.idempotency.keys import mark_replay
from config.problems import DomainError, NotFound, Problem
from config.values import text
from events.inventory.bookings import release_due
from events.inventory.mixins import ReleaseMixin


def order(request: Request, data: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `Booking.place` and `Booking.quote`."""
    minutes = data.get("hold_minutes")
    return {
        "customer_name": data["customer_name"],
        "customer_email": data["customer_email"],
        "lines": data["items"],
        "hold": None if minutes is None else dt.timedelta(minutes=minutes),
        "metadata": data.get("metadata"),
        "expected_total": data.get("expected_total"),
        "notify": data.get("notify", True),
        "key": IdempotencyKey.read(request),
        "client_key": client_key_of(request),
        "by": request.user,
    }


# One placeholder for all ids: binding a hundred one by one takes longer than the query.
ITEMS = "SELECT * FROM bookings_bookingitem WHERE booking_id = ANY(%s) ORDER BY id"
TICKETS = "SELECT * FROM bookings_ticket WHERE booking_id = ANY(%s) ORDER BY id"


def load_details(bookings: Sequence[Booking]) -> None:
    """Sets `item_list` and `ticket_list`, in less time than prefetch_related takes for a hundred bookings."""
    by_id = {booking.pk: booking for booking in bookings}
    for booking in bookings:
        booking.item_list, booking.ticket_list = [], []
    for item in of_bookings(BookingItem, ITEMS, list(by_id)):
        by_id[item.booking_id].item_list.append(item)
    for ticket in of_bookings(Ticket, TICKETS, list(by_id)):
        ticket.booking = by_id[ticket.booking_id]  # its name may stand on the ticket
        ticket.booking.ticket_list.append(ticket)


def of_bookings(model: Any, statement: str, ids: list[Any]) -> Iterable[Any]:
    if not ids:
        return []
    if connection.vendor == "postgresql":
        return model.objects.raw(statement, [ids])
    return model.objects.filter(booking__in=ids).order_by("pk")


class BookingViewSet(
    BookingDoor,
    BookingPayments,
    BookingHolders,
    BookingMails,
    ReleaseMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    BaseViewSet,
):
    """Customers' bookings. Their secret opens them to anonymous clients."""

    queryset = Booking.objects.all()
    serializer_class = BookingSerializer
    filterset_class = BookingFilter
    pagination_class = CursorPagination
    ordering = ("-created_at",)
    ordering_fields = ("created_at", "updated_at", "customer_name", "total_price")
    lookup_schema = {"type": "string", "format": "uuid"}
    is_guessable = True
    mail_token = ""  # nosec B105
    access = {
        "list": "bookings.view_booking",
        "retrieve": PermissionOrSecret("bookings.view_booking"),
        "create": PermissionOrAnonymous("bookings.add_booking"),
        "partial_update": CHANGE,
        "confirm": PermissionOrSecret(
            "bookings.confirm_booking",
            lambda booking: booking.is_left_to_customer,
            "the booking costs nothing and its event does not leave it to staff",
        ),
        "cancel": PermissionOrSecret(
            "bookings.cancel_booking",
            lambda booking: booking.status != Status.CONFIRMED or booking.is_left_to_cancel(timezone.now()),
            "the booking is not confirmed, or its event allows that (`is_cancellable_by_customer`) and it is early",
        ),
        "renew_secret": CHANGE,
        **BookingPayments.payment_access,
        **BookingDoor.door_access,
        **BookingHolders.holder_access,
        **BookingMails.mail_access,
    }
    refusals = {
        "create": [
            SoldOut,
            NotOnSale,
            CustomerLimit,
            PriceChanged,
            TooManyPlaces,
        ],
        "confirm": [
            HoldExpired,
            BookingCancelled,
            ConfirmByMail,
            PaymentIncomplete,
            PaymentRefunded,
            PaymentReferenceUsed,
        ],
        "cancel": [HoldExpired, BookingNotPending, BookingNotConfirmed, AlreadyCheckedIn],
        **BookingPayments.payment_refusals,
        **BookingDoor.door_refusals,
        **BookingHolders.holder_refusals,
        **BookingMails.mail_refusals,
    }
    narrowed_actions = frozenset(BookingDoor.door_access)

    def check_object_permissions(self, request: Request, obj: Booking) -> None:
        """The token of a mail stands in the place of the secret, which the mail does not have."""
        by_mail = self.mail_token and obj.is_left_to_customer and is_valid(self.mail_token, obj)
        if request.user.is_authenticated or not by_mail:
            super().check_object_permissions(request, obj)

    def get_queryset(self) -> QuerySet[Booking]:
        rows = Booking.objects.with_free_confirmation() if self.action == "confirm" else Booking.objects.all()
        return narrowed(self.request, rows, "event")

    def load(self, objects: Sequence[Booking]) -> None:
        if self.action == "list":
            load_details(objects)
        super().load(objects)

    def query_parameters(self) -> set[str]:
        return super().query_parameters() | ({"dry_run"} if self.action == "create" else set())

    def get_serializer_class(self) -> type[BookingSerializer]:
        if self.action == "create":
            return QuoteSerializer if self.read_flag("dry_run") else PlacedBookingSerializer
        return PlacedBookingSerializer if self.action == "renew_secret" else BookingSerializer

    @staticmethod
    def fold_identifier(value: str) -> str:
        return value.lower()

    @staticmethod
    def is_identifier(value: str) -> bool:
        return bool(text.UUID.fullmatch(value))

    @extend_schema(
        request=PlaceBookingSerializer,
        responses={
            201: OpenApiResponse(PlacedBookingSerializer, "The booking, pending."),
            200: OpenApiResponse(QuoteSerializer, "A dry run: what the booking would be."),
        },
        parameters=[
            OpenApiParameter(
                "dry_run",
                bool,
                default=False,
                description="true: answer what would be booked, or why not, and change nothing.",
            ),
        ],
    )
    def create(self, request: Request) -> Response:
        arguments = order(request, self.read_body(PlaceBookingSerializer))
        is_dry_run = self.read_flag("dry_run")
        booking = place_within_rate(request, is_dry_run=is_dry_run, **arguments)
        if is_dry_run:
            return self.respond(booking)
        mailing.send_link_of_new(booking, request)
        response = self.respond(booking)
        response.status_code = status.HTTP_201_CREATED
        response["Location"] = f"{request.path.rstrip('/')}/{booking.pk}"
        return mark_replay(response, is_replay=booking.is_replay)

    def partial_update(self, request: Request, pk: str) -> Response:
        booking = self.get_object()
        serializer = self.get_serializer(booking, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        changes = serializer.validated_data
        return self.respond(booking.correct(by=request.user, check=self.check_preconditions, **changes))

    @extend_schema(request=ConfirmBookingSerializer, responses=BookingSerializer)
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> Response:
        """Confirm a paid or free booking and issue its tickets."""
        data = self.read_body(ConfirmBookingSerializer)
        self.mail_token = data["mail_token"]
        booking = self.get_object()
        if may(request, "bookings.confirm_booking"):
            may_be_unpaid = may(request, "bookings.confirm_unpaid")
            method = data.get("method", Payment.Method.OTHER)
            receipt = Receipt(data["payment_reference"], data.get("amount"), method=method)
            return self.respond(booking.receive(receipt, may_be_unpaid=may_be_unpaid, by=request.user))
        if data["payment_reference"]:
            self.permission_denied(request)  # an anonymous client cannot claim a payment
        return self.respond(booking.confirm_free(mail_token=self.mail_token, by=request.user))

    @extend_schema(request=CancelBookingSerializer, responses=BookingSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel a booking, or some of its tickets."""
        data = self.read_body(CancelBookingSerializer)
        is_staff = may(request, "bookings.cancel_booking")
        if "fee" in data and not is_staff:
            self.permission_denied(request)
        booking = self.get_object()
        pending_only = not (is_staff or booking.is_left_to_cancel(timezone.now()))
        return self.respond(booking.cancel(by=request.user, pending_only=pending_only, **data))

    @extend_schema(request=None, responses=PlacedBookingSerializer)
    @action(detail=True, methods=["post"], url_path="renew-secret")
    def renew_secret(self, request: Request, pk: str) -> Response:
        """Replace the secret of a booking. The old one, links with it and replays stop working."""
        self.read_body(Serializer)
        return self.respond(self.get_object().renew_secret(by=request.user))


class TicketViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, BaseViewSet):
    """Admissions, for the door."""

    queryset = Ticket.objects.all()
    serializer_class = TicketSerializer
    filterset_class = TicketFilter
    pagination_class = CursorPagination
    lookup_field = "code"
    lookup_schema = {"type": "string", "pattern": f"^{TICKET_CODE.pattern}$"}
    is_guessable = True
    guess_limit = DOOR
    ordering = ("-created_at",)
    ordering_fields = ("created_at", "updated_at", "holder_name", "holder_surname")
    ordering_columns = {"holder_name": "holder_name_key", "holder_surname": "holder_surname_key"}
    access = {
        "list": "bookings.view_ticket",
        "retrieve": "bookings.view_ticket",
        "check_in": "bookings.check_in_ticket",
        "check_out": "bookings.check_in_ticket",
        "undo_check_in": "bookings.check_in_ticket",
    }
    narrowed_actions = frozenset(access)
    refusals = {
        "check_in": [AlreadyCheckedIn, TicketVoid, OtherEvent, BookingNotConfirmed],
        "check_out": [NotCheckedIn, AlreadyCheckedOut, TicketVoid, OtherEvent],
        "undo_check_in": [NotCheckedIn, TicketVoid],
    }

    @staticmethod
    def fold_identifier(value: str) -> str:
        return typed(value)

    @staticmethod
    def is_identifier(value: str) -> bool:
        return bool(TICKET_CODE.fullmatch(value))

    def read_expand(self, request: Request) -> None:
        super().read_expand(request)
        if self.expand:
            release_due()  # an event and a ticket type show their stock

    def get_queryset(self) -> QuerySet[Ticket]:
        rows = Ticket.objects.for_answers() if self.action == "check_in" else Ticket.objects.detailed()
        return narrowed(self.request, rows.with_holder_keys() if self.action == "list" else rows, "booking__event")

    @extend_schema(request=CheckInSerializer, responses=AdmissionSerializer)
    @action(detail=True, methods=["post"], url_path="check-in")
    def check_in(self, request: Request, code: str) -> Response:
        """Admit the holder, once, and again after each check-out. A refusal has the same fields in `errors`."""
        data, at = self.read_body(CheckInSerializer), timezone.now()
        try:
            ticket = self.get_object()
        except NotFound as error:
            raise with_answer(error, Answer(Result.UNKNOWN, None, at)) from None
        try:
            ticket.check_in(at=at, by=request.user, **data)
        except DomainError as error:
            raise with_answer(error, answer_of(error, ticket, at)) from None
        return Response(AdmissionSerializer(Answer(Result.ADMITTED, ticket, at, ticket.is_reentry)).data)

    @extend_schema(request=CheckInSerializer, responses=TicketSerializer)
    @action(detail=True, methods=["post"], url_path="check-out")
    def check_out(self, request: Request, code: str) -> Response:
        """Note that the holder has left, and may come in again."""
        data = self.read_body(CheckInSerializer)
        return self.respond(self.get_object().check_out(at=timezone.now(), by=request.user, **data))

    @extend_schema(request=None, responses=TicketSerializer)
    @action(detail=True, methods=["post"], url_path="undo-check-in")
    def undo_check_in(self, request: Request, code: str) -> Response:
        """Undo a check-in."""
        self.read_body(Serializer)
        return self.respond(self.get_object().undo_check_in(by=request.user))


def with_answer(problem: Problem, answer: Answer) -> Problem:
    """Adds what a scanner shows."""
    problem.errors = [{"pointer": "", "code": problem.code, "detail": problem.detail, **answer.as_dict()}]
    return problem
