from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from config.access.permissions import may, narrowed
from config.api.bulk import MAX_OBJECTS, Objects
from config.api.expand import Expansion, register_expansion
from config.api.fields import WholeNumberField, format_instant
from config.api.serializers import ModelSerializer, Serializer
from config.values import money, percent
from events.inventory import sales
from events.serializers import EVENT, EventSerializer
from ticket_types.models import TicketType
from venues.models import LARGEST


class TicketAvailabilitySerializer(Serializer):
    status = serializers.ChoiceField(choices=sales.TICKET_TYPE_STATUSES)
    quantity = serializers.IntegerField(allow_null=True)
    reserved = serializers.IntegerField(help_text="Places that live bookings hold.")
    available = serializers.IntegerField(help_text="As far as the event has places too.")


class TicketTypeSerializer(ModelSerializer):
    quantity = WholeNumberField(
        source="capacity",
        required=False,
        allow_null=True,
        min_value=1,
        max_value=LARGEST,
        help_text="How many can be sold; null: only the event's capacity limits it.",
    )
    has_warnings = True
    expansions = {"event": EVENT}
    currency = serializers.CharField(read_only=True)
    availability = serializers.SerializerMethodField()

    class Meta:
        model = TicketType
        fields = [
            "id",
            "event",
            "name",
            "description",
            "price",
            "fee",
            "tax_rate",
            "currency",
            "quantity",
            "min_per_booking",
            "max_per_booking",
            "sales_start_at",
            "sales_end_at",
            "is_name_required",
            "position",
            "availability",
            "created_at",
            "updated_at",
        ]
        counted = ["availability", "warnings"]
        example = {
            "id": 1,
            "event": 1,
            "name": "Seat",
            "description": "Rows 1 to 12",
            "price": "49.90",
            "fee": "2.50",
            "tax_rate": "13",
            "currency": "EUR",
            "quantity": 300,
            "min_per_booking": 1,
            "max_per_booking": 10,
            "sales_start_at": None,
            "sales_end_at": "2027-06-12T16:00:00Z",
            "is_name_required": False,
            "position": 0,
            "availability": {"status": "on_sale", "quantity": 300, "reserved": 3, "available": 297},
            "created_at": "2026-11-23T09:01:00Z",
            "updated_at": "2026-11-23T09:01:00Z",
        }

    @extend_schema_field(TicketAvailabilitySerializer)
    def get_availability(self, ticket_type: TicketType) -> dict[str, Any]:
        return {
            "status": ticket_type.status_at(self.context["at"]),
            "quantity": ticket_type.capacity,
            "reserved": ticket_type.reserved,
            "available": ticket_type.available,
        }

    def to_representation(self, ticket_type: TicketType) -> dict[str, Any]:
        """Written out, because lists are hot."""
        data = {
            "id": ticket_type.pk,
            "event": ticket_type.event_id,
            "name": ticket_type.name,
            "description": ticket_type.description,
            "price": money.plain(ticket_type.price, ticket_type.currency),
            "fee": money.plain(ticket_type.fee, ticket_type.currency),
            "tax_rate": percent.plain(ticket_type.tax_rate),
            "currency": ticket_type.currency,
            "quantity": ticket_type.capacity,
            "min_per_booking": ticket_type.min_per_booking,
            "max_per_booking": ticket_type.max_per_booking,
            "sales_start_at": format_instant(ticket_type.sales_start_at),
            "sales_end_at": format_instant(ticket_type.sales_end_at),
            "is_name_required": ticket_type.is_name_required,
            "position": ticket_type.position,
            "availability": self.get_availability(ticket_type),
            "created_at": format_instant(ticket_type.created_at),
            "updated_at": format_instant(ticket_type.updated_at),
        }
        return self.with_expansions(data, ticket_type)


class TicketTypesSerializer(Serializer):
    ticket_types = Objects(child=TicketTypeSerializer(), allow_empty=False, max_length=MAX_OBJECTS)

    class Meta:
        example = {"ticket_types": [TicketTypeSerializer.Meta.example]}


def visible_ticket_types(request: Request) -> QuerySet[TicketType]:
    rows = TicketType.objects.visible(drafts=may(request, "ticket_types.view_tickettype"))
    return narrowed(request, rows, "event").select_related("event")


def listed_ticket_types(request: Request) -> QuerySet[TicketType]:
    """Those of unlisted events only for staff, and for who asks for the event by its id."""
    rows = visible_ticket_types(request)
    is_all = may(request, "ticket_types.view_tickettype") or "event" in request.query_params
    return rows if is_all else rows.filter(sales.is_listed("event__"))


register_expansion(
    EventSerializer, "ticket_types", Expansion(TicketTypeSerializer, visible_ticket_types, key="event_id", many=True)
)
