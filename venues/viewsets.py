from config.access.permissions import ANYONE
from config.api.viewsets import CatalogueViewSet
from config.problems import InUse
from venues.filters import VenueFilter
from venues.models import CapacityBelowEvents, Venue
from venues.serializers import VenueSerializer


class VenueViewSet(CatalogueViewSet):
    """Places that hold events."""

    queryset = Venue.objects.all()
    serializer_class = VenueSerializer
    filterset_class = VenueFilter
    ordering = ("name",)
    ordering_fields = ("name", "capacity", "created_at")
    public_for = 60
    make = Venue.open
    access = {
        "list": ANYONE,
        "retrieve": ANYONE,
        "create": "venues.add_venue",
        "update": "venues.change_venue",
        "partial_update": "venues.change_venue",
        "destroy": "venues.delete_venue",
    }
    refusals = {
        "update": [CapacityBelowEvents],
        "partial_update": [CapacityBelowEvents],
        "destroy": [InUse],
    }
