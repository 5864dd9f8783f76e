"""Mails that customers ask for: the tickets again, and the links to their bookings."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from bookings import mailing
from bookings.messages.queueing import queue_links
from bookings.problems import MailSwitchedOff, NothingToSend
from bookings.serializers import BookingSerializer
from config.access.permissions import ANYONE, PermissionOrSecret
from config.access.rate_limits import count_mail
from config.api.fields import EmailField, WholeNumberField
from config.api.serializers import Serializer
from config.problems import Problem
from config.values.text import fold


class LookupSerializer(Serializer):
    customer_email = EmailField(max_length=254)
    event = WholeNumberField(required=False, min_value=1, max_value=2**63 - 1, help_text="By default all events.")

    class Meta:
        example = {"customer_email": "ann@example.com"}


class BookingMails:
    """Mixed into the viewset of bookings."""

    mail_access = {"resend": PermissionOrSecret("bookings.change_booking"), "lookup": ANYONE}
    mail_refusals: ClassVar[dict[str, list[type[Problem]]]] = {"resend": [NothingToSend], "lookup": [MailSwitchedOff]}

    @extend_schema(request=None, responses=BookingSerializer)
    @action(detail=True, methods=["post"])
    def resend(self: Any, request: Request, pk: str) -> Response:
        """Send the mail with the tickets again, or the one with the link to confirm."""
        self.read_body(Serializer)
        booking = self.get_object()
        mailing.resend(booking, request)
        return self.respond(booking)

    @extend_schema(
        request=LookupSerializer,
        responses={202: OpenApiResponse(description="A mail is sent if there are bookings of this address.")},
    )
    @action(detail=False, methods=["post"])
    def lookup(self: Any, request: Request) -> Response:
        """Send the links to the bookings of an address to this address. The answer is the same without bookings."""
        data = self.read_body(LookupSerializer)
        mailing.refuse_switched_off()
        count_mail(fold(data["customer_email"]), "lookup")
        queue_links(data["customer_email"], data.get("event"))
        return Response(status=status.HTTP_202_ACCEPTED)
