"""The documents of a booking, for whoever holds its secret, and for staff who may view bookings."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.codes import TICKET_CODE, typed
from bookings.messages.documents import qr
from bookings.messages.documents.calendar import booking_calendar
from bookings.messages.documents.pdf import tickets_pdf
from bookings.messages.documents.renderers import PdfRenderer, PngRenderer, SvgRenderer
from bookings.models import Booking, Ticket
from bookings.problems import BookingNotConfirmed, TicketVoid
from config.access.permissions import PermissionOrSecret
from config.api.viewsets import BaseViewSet
from config.problems import NotFound
from config.values import text
from events.calendar import CalendarRenderer

CODE = OpenApiParameter("code", str, OpenApiParameter.PATH, pattern=f"^{TICKET_CODE.pattern}$")


CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Ticket Booking System//0.1.0//EN
METHOD:PUBLISH
BEGIN:VEVENT
SUMMARY:Summer Concert
DTSTART:20270612T173000Z
DTEND:20270612T200000Z
DTSTAMP:20261123T090500Z
UID:9a060710-6e98-5622-b9df-def55defc933
SEQUENCE:1
DESCRIPTION:Booking K7QMZ2HA
LOCATION:Old Hall\\, 1 Main Street\\, 1010 Vienna
STATUS:CONFIRMED
END:VEVENT
END:VCALENDAR
"""


def document(renderer: Any) -> dict[Any, Any]:
    return {(200, renderer.media_type): OpenApiResponse(OpenApiTypes.BINARY)}


class DocumentViewSet(BaseViewSet):
    """The base of what a booking's links open."""

    queryset = Booking.objects.select_related("event__venue")
    lookup_schema = {"type": "string", "format": "uuid"}
    is_guessable = True
    access = {"retrieve": PermissionOrSecret("bookings.view_booking")}

    @staticmethod
    def is_identifier(value: str) -> bool:
        return bool(text.UUID.fullmatch(value))

    def answer(self, content: bytes, name: str) -> Response:
        response = Response(content)
        response["Content-Disposition"] = f'inline; filename="{name}"'
        return response


class PdfViewSet(DocumentViewSet):
    renderer_classes = [PdfRenderer]
    refusals = {"retrieve": [BookingNotConfirmed]}

    @extend_schema(
        operation_id="get_booking_tickets_pdf", summary="Show tickets as PDF", responses=document(PdfRenderer)
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        """The tickets of a booking that are not void, one page each."""
        booking = self.get_object()
        tickets = [it for it in booking.ticket_list if it.status != Ticket.Status.VOID]
        if not tickets:
            raise BookingNotConfirmed("The booking has no valid tickets.")
        return self.answer(tickets_pdf(booking, tickets), f"tickets-{booking.confirmation_code}.pdf")


class BookingCalendarViewSet(DocumentViewSet):
    renderer_classes = [CalendarRenderer]

    @extend_schema(
        operation_id="get_booking_calendar",
        summary="Show booking as a calendar",
        responses={
            (200, CalendarRenderer.media_type): OpenApiResponse(
                OpenApiTypes.STR, "iCalendar (RFC 5545)", [OpenApiExample("calendar", CALENDAR.replace("\n", "\r\n"))]
            )
        },
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        """The event of a booking as one calendar entry (iCalendar, RFC 5545)."""
        booking = self.get_object()
        return self.answer(booking_calendar(booking), f"booking-{booking.confirmation_code}.ics")


class QrViewSet(DocumentViewSet):
    refusals = {"retrieve": [TicketVoid]}

    def ticket_code(self, code: str) -> str:
        booking = self.get_object()
        ticket = next((it for it in booking.ticket_list if it.code == typed(code)), None)
        if ticket is None:
            raise NotFound("The booking has no such ticket.")
        if ticket.status == Ticket.Status.VOID:
            raise TicketVoid
        return ticket.code


class SvgViewSet(QrViewSet):
    renderer_classes = [SvgRenderer]

    @extend_schema(
        operation_id="get_ticket_svg", summary="Show ticket as SVG", parameters=[CODE], responses=document(SvgRenderer)
    )
    def retrieve(self, request: Request, pk: str, code: str) -> Response:
        """The QR code of a ticket, which holds its code alone."""
        return self.answer(qr.svg(self.ticket_code(code)), f"{code}.svg")


class PngViewSet(QrViewSet):
    renderer_classes = [PngRenderer]

    @extend_schema(
        operation_id="get_ticket_png", summary="Show ticket as PNG", parameters=[CODE], responses=document(PngRenderer)
    )
    def retrieve(self, request: Request, pk: str, code: str) -> Response:
        """The QR code of a ticket, which holds its code alone."""
        return self.answer(qr.png(self.ticket_code(code)), f"{code}.png")
