from collections.abc import Sequence

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from config.access.permissions import ANYONE
from config.api.bulk import BulkCreateViewSet
from config.problems import AlreadyExists, InUse
from events.inventory import CapacityBelowReserved
from events.inventory.mixins import ReleaseMixin
from events.warnings import warnings_of_ticket_type
from ticket_types.filters import TicketTypeFilter
from ticket_types.models import TicketType
from ticket_types.serializers import (
    TicketTypeSerializer,
    TicketTypesSerializer,
    listed_ticket_types,
    visible_ticket_types,
)


class TicketTypeViewSet(ReleaseMixin, BulkCreateViewSet):
    """What an event's tickets cost, and how many there are."""

    queryset = TicketType.objects.all()
    serializer_class = TicketTypeSerializer
    filterset_class = TicketTypeFilter
    ordering = ("event", "position")
    ordering_fields = ("position", "name", "price")
    public_for = 5
    bulk_by = "event"
    bulk_name = "ticket_types"
    bulk_serializer_class = TicketTypesSerializer
    make = TicketType.offer
    access = {
        "list": ANYONE,
        "retrieve": ANYONE,
        "create": "ticket_types.add_tickettype",
        "bulk": "ticket_types.add_tickettype",
        "update": "ticket_types.change_tickettype",
        "partial_update": "ticket_types.change_tickettype",
        "destroy": "ticket_types.delete_tickettype",
    }
    refusals = {
        "create": [AlreadyExists],
        "bulk": [AlreadyExists],
        "update": [AlreadyExists, CapacityBelowReserved],
        "partial_update": [AlreadyExists, CapacityBelowReserved],
        "destroy": [InUse],
    }

    def get_queryset(self) -> QuerySet[TicketType]:
        return listed_ticket_types(self.request) if self.action == "list" else visible_ticket_types(self.request)

    def load(self, objects: Sequence[TicketType]) -> None:
        super().load(objects)
        for ticket_type in objects if self.request.method in ("POST", "PUT", "PATCH") else ():
            ticket_type.warnings = warnings_of_ticket_type(ticket_type)

    @extend_schema(
        operation_id="create_ticket_types",
        summary="Create ticket types",
        request=TicketTypesSerializer,
        responses={201: TicketTypesSerializer},
    )
    @action(detail=False, methods=["post"])
    def bulk(self, request: Request) -> Response:
        """Create up to 100 ticket types, in the order of the answer: all of them, or none."""
        return self.create_all()
