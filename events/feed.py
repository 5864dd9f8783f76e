"""Events in the change feed."""

from collections.abc import Collection, Iterable
from typing import Any

from config.outbox.telling import Resource, register_resource
from events.inventory import sales
from events.models import Event
from events.serializers import EventSerializer


def load(ids: Collection[Any]) -> Iterable[Event]:
    events = list(Event.objects.filter(pk__in=ids).order_by("pk"))
    sales.load_ticket_types(events)
    return events


register_resource("event", Resource(EventSerializer, load), kind="events.event")
