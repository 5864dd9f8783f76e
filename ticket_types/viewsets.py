from typing import Any

from django.db.models import QuerySet

from config.access.permissions import ANYONE
from config.api.viewsets import CatalogueViewset
from config.problems import AlreadyExists, InUse
from events.inventory import CapacityBelowReserved
from events.inventory.views import ReleasesDueHolds
from ticket_types.filters import TicketTypeFilter
from ticket_types.models import TicketType
from ticket_types.serializers import TicketTypeSerializer


class TicketTypeViewSet(ReleasesDueHolds, CatalogueViewset):
    """What an event's tickets cost, and how many of them there are."""

    queryset = TicketType.objects.all()
    hidden = "ticket_types.view_tickettype"
    serializer_class = TicketTypeSerializer
    filterset_class = TicketTypeFilter
    ordering = ("event", "position")
    ordering_fields = ("position", "name", "price")
    public_for = 5
    bulk_by = "event"
    make = TicketType.offer
    access = {
        "list": ANYONE,
        "retrieve": ANYONE,
        "create": "ticket_types.add_tickettype",
        "update": "ticket_types.change_tickettype",
        "partial_update": "ticket_types.change_tickettype",
        "destroy": "ticket_types.delete_tickettype",
    }
    refusals = {
        "create": [AlreadyExists],
        "update": [AlreadyExists, CapacityBelowReserved],
        "partial_update": [AlreadyExists, CapacityBelowReserved],
        "destroy": [InUse],
    }

    @staticmethod
    def shown(sees_all: bool, at: Any) -> QuerySet[TicketType]:
        return TicketType.objects.visible(drafts=sees_all).select_related("event")

    listed = shown
