"""Venues in the change feed."""

from collections.abc import Collection, Iterable
from typing import Any

from config.outbox.telling import Resource, register_resource
from venues.models import Venue
from venues.serializers import VenueSerializer


def load(ids: Collection[Any]) -> Iterable[Venue]:
    return Venue.objects.filter(pk__in=ids).order_by("pk")


register_resource("venue", Resource(VenueSerializer, load), kind="venues.venue")
