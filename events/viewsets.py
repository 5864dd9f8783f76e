from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from config.access.permissions import ANYONE
from config.api.serializers import Serializer
from config.api.viewsets import CatalogueViewset
from events.filters import EventFilter
from events.models import Event
from events.serializers import CancelEventSerializer, EventSerializer


class EventViewSet(CatalogueViewset):
    """What happens in the venues. A draft is seen by staff alone."""

    queryset = Event.objects.all()
    serializer_class = EventSerializer
    filterset_class = EventFilter
    ordering = ("starts_at",)
    ordering_fields = ("starts_at", "name", "created_at")
    make = Event.plan
    access = {
        "list": ANYONE,
        "retrieve": ANYONE,
        "create": "events.add_event",
        "update": "events.change_event",
        "partial_update": "events.change_event",
        "destroy": "events.delete_event",
        "publish": "events.publish_event",
        "cancel": "events.cancel_event",
    }

    def get_queryset(self) -> QuerySet[Event]:
        events = Event.objects.with_sales(self.at)
        return events if self.request.user.has_perm("events.view_event") else events.visible()

    @extend_schema(request=None, responses=EventSerializer)
    @action(detail=True, methods=["post"])
    def publish(self, request: Request, pk: str) -> Response:
        """Put a draft before the public. Its start must be in the future."""
        self.read(Serializer)
        self.get_object().publish(at=timezone.now())
        return self.answer()

    @extend_schema(request=CancelEventSerializer, responses=EventSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel an event, and with it every live booking of it."""
        facts = self.read(CancelEventSerializer)
        self.get_object().cancel(reason=facts["reason"], at=timezone.now(), by=request.user)
        return self.answer()
