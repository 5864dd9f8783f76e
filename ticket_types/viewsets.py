from django.db.models import QuerySet

from config.access.permissions import ANYONE
from config.api.bulk import BulkCreateViewSet
from config.problems import AlreadyExists, InUse
from events.inventory import CapacityBelowReserved
from events.inventory.mixins import ReleaseMixin
from ticket_types.filters import TicketTypeFilter
from ticket_types.models import TicketType
from ticket_types.serializers import TicketTypeSerializer, visible_ticket_types


class TicketTypeViewSet(ReleaseMixin, BulkCreateViewSet):
    """What an event's tickets cost, and how many there are."""

    queryset = TicketType.objects.all()
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

    def get_queryset(self) -> QuerySet[TicketType]:
        return visible_ticket_types(self.request)
