from typing import Any, ClassVar

from django.conf import settings
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from bookings.payments import online
from bookings.payments.filters import PaymentFilter
from bookings.payments.ledger import MANUAL
from bookings.payments.models import Payment
from bookings.payments.providers.base import UnverifiedEvent
from bookings.payments.serializers import (
    PaymentSerializer,
    RefundBookingSerializer,
    RefundedPaymentsSerializer,
    StartedPaymentSerializer,
    StartPaymentSerializer,
)
from bookings.problems import (
    BookingCancelled,
    EventUnverified,
    HoldExpired,
    NothingToPay,
    NothingToRefund,
    PaymentUnavailable,
    ProviderNotSetUp,
    RefundTooHigh,
)
from config.access.clients import address_key
from config.access.permissions import ANYONE, PermissionOrSecret, may
from config.access.rate_limits import count_guess
from config.api.pagination import CursorPagination
from config.api.viewsets import BaseViewSet
from config.idempotency.keys import mark_replay
from config.problems import InvalidInput, NotFound, Problem


class PaymentViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, BaseViewSet):
    """Money that was paid for bookings, and paid back."""

    queryset = Payment.objects.all()
    serializer_class = PaymentSerializer
    filterset_class = PaymentFilter
    pagination_class = CursorPagination
    ordering = ("-created_at",)
    access = {"list": "payments.view_payment", "retrieve": "payments.view_payment", "receive_event": ANYONE}

    def get_queryset(self) -> QuerySet[Payment]:
        return Payment.objects.with_refunds()

    @extend_schema(exclude=True)  # for providers, each of which has its own form
    @action(detail=False, methods=["post"], url_path=r"(?P<provider>[a-z]{1,20})/events", throttle_classes=[])
    def receive_event(self, request: Request, provider: str) -> Response:
        """Receive a provider's event, which its signature proves. It is handled once, however often it is sent."""
        if provider not in settings.PAYMENT_PROVIDERS or provider == MANUAL:
            raise NotFound("No payment provider with this name.")
        try:
            online.receive_event(provider, request.body, request.headers)
        except UnverifiedEvent as error:
            count_guess(request, address_key(request))
            raise EventUnverified(str(error)) from None
        return Response({"received": True})


class BookingPayments(GenericViewSet):
    """What a booking's own address has of payments."""

    payment_access = {
        "payments": PermissionOrSecret("bookings.confirm_booking"),
        "refunds": "bookings.refund_booking",
    }
    payment_refusals: ClassVar[dict[str, list[type[Problem]]]] = {
        "payments": [ProviderNotSetUp, NothingToPay, HoldExpired, BookingCancelled, PaymentUnavailable],
        "refunds": [NothingToRefund, RefundTooHigh],
    }

    @extend_schema(request=StartPaymentSerializer, responses={201: StartedPaymentSerializer})
    @action(detail=True, methods=["post"])
    def payments(self, request: Request, pk: str) -> Response:
        """Start an online payment of what is due. While one is pending, the same one is answered."""
        view: Any = self
        booking = self.get_object()  # first: without its secret nothing is said of it, nor of the body
        data = view.read_body(StartPaymentSerializer)
        key = view.idempotency_key()
        payment, started = online.start_payment(booking, data["provider"], key=key, by=request.user)
        context = {**self.get_serializer_context(), "client_secret": started.client_secret}
        response = Response(StartedPaymentSerializer(payment, context=context).data, status=status.HTTP_201_CREATED)
        return mark_replay(response, is_replay=payment.is_replay)

    @extend_schema(request=RefundBookingSerializer, responses={201: RefundedPaymentsSerializer})
    @action(detail=True, methods=["post"])
    def refunds(self, request: Request, pk: str) -> Response:
        """Refund what is due, or another amount. Answers the payments from which it comes."""
        view: Any = self
        data = view.read_body(RefundBookingSerializer)
        booking = self.get_object()
        if "payment" in data:
            data["payment"] = booking.payments.filter(pk=data["payment"]).first()
            if data["payment"] is None:
                detail = "The booking has no payment with this id."
                raise InvalidInput(errors=[{"pointer": "/payment", "code": "does-not-exist", "detail": detail}])
        may_exceed = may(request, "bookings.refund_more")
        key = view.idempotency_key()
        refunds = booking.refund(by=request.user, may_exceed=may_exceed, key=key, **data)
        payments = Payment.objects.filter(refunds__in=refunds).with_refunds().order_by("pk")
        serializer = RefundedPaymentsSerializer({"payments": payments}, context=self.get_serializer_context())
        response = Response(serializer.data, status=status.HTTP_201_CREATED)
        return mark_replay(response, is_replay=any(it.is_replay for it in refunds))
