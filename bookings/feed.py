"""Bookings and tickets in the change feed."""

from collections.abc import Collection, Iterable
from typing import Any

from bookings.models import Booking, Ticket
from bookings.serializers import BookingSerializer, TicketSerializer, represent_booking
from config.outbox.telling import Resource, register_resource


def load_bookings(ids: Collection[Any]) -> Iterable[Booking]:
    return Booking.objects.filter(pk__in=ids).detailed().order_by("pk")


def load_tickets(ids: Collection[Any]) -> Iterable[Ticket]:
    return Ticket.objects.filter(pk__in=ids).detailed().order_by("pk")


register_resource("booking", Resource(BookingSerializer, load_bookings, represent=represent_booking))
register_resource("ticket", Resource(TicketSerializer, load_tickets, identify=lambda ticket: ticket.code))
