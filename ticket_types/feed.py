"""Ticket types in the change feed."""

from collections.abc import Collection, Iterable
from typing import Any

from config.outbox.telling import Resource, register_resource
from ticket_types.models import TicketType
from ticket_types.serializers import TicketTypeSerializer


def load(ids: Collection[Any]) -> Iterable[TicketType]:
    return TicketType.objects.filter(pk__in=ids).select_related("event").order_by("pk")


register_resource("ticket_type", Resource(TicketTypeSerializer, load), kind="ticket_types.tickettype")
