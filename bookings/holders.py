"""The holders of a booking's tickets: who is admitted."""

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.codes import TICKET_CODE, typed
from bookings.problems import AlreadyCheckedIn, TicketVoid, TransferClosed
from bookings.serializers import BookedTicketSerializer
from config.access.permissions import PermissionOrSecret, may
from config.api.fields import EmailField, LineField, SwitchField
from config.api.serializers import Serializer
from config.problems import NotFound, Problem

CHANGE = "bookings.change_booking"


class TransferSerializer(Serializer):
    holder_name = LineField(max_length=200, required=False, allow_blank=True, help_text="Empty: the customer's.")
    holder_email = EmailField(max_length=254, required=False, allow_blank=True)
    new_code = SwitchField(
        required=False, help_text="true: the ticket gets another code, and the old one is void from now on."
    )

    class Meta:
        example = {"holder_name": "Bea Moss", "holder_email": "bea@example.com", "new_code": True}


class BookingHolders:
    """Mixed into the viewset of bookings."""

    holder_access = {"transfer": PermissionOrSecret(CHANGE)}
    holder_refusals: ClassVar[dict[str, list[type[Problem]]]] = {
        "transfer": [AlreadyCheckedIn, TicketVoid, TransferClosed]
    }

    @extend_schema(
        request=TransferSerializer,
        responses=BookedTicketSerializer,
        parameters=[OpenApiParameter("code", str, OpenApiParameter.PATH, pattern=f"^{TICKET_CODE.pattern}$")],
    )
    @action(detail=True, methods=["patch"], url_path=r"tickets/(?P<code>[^/]+)")
    def transfer(self: Any, request: Request, pk: str, code: str) -> Response:
        """Give a ticket to another holder, perhaps with a new code."""
        changes = self.read_body(TransferSerializer)
        booking = self.get_object()
        code = typed(code)
        if not TICKET_CODE.fullmatch(code):
            raise NotFound("The booking has no such ticket.")
        at = None if may(request, CHANGE) else timezone.now()
        ticket = booking.transfer(code, at=at, check=self.check_preconditions, by=request.user, **changes)
        return Response(BookedTicketSerializer(ticket, context=self.get_serializer_context()).data)
