from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.api.expand import Expansion
from config.api.fields import LineField
from config.api.serializers import ModelSerializer, Serializer
from events.models import Event
from venues.models import LARGEST, Venue
from venues.serializers import VenueSerializer

REASONS = ["not_published", "cancelled", "ended", "no_ticket_types", "not_started", "sold_out"]


class AvailabilitySerializer(Serializer):
    capacity = serializers.IntegerField()
    reserved = serializers.IntegerField(source="held", help_text="Places that live bookings hold.")
    available = serializers.IntegerField()


class OnSaleSerializer(Serializer):
    is_on_sale = serializers.BooleanField()
    reason = serializers.ChoiceField(choices=REASONS, allow_null=True)


class EventSerializer(ModelSerializer):
    expansions = {"venue": Expansion(VenueSerializer, lambda user, at: Venue.objects.all())}
    availability = AvailabilitySerializer(source="*", read_only=True)
    on_sale = serializers.SerializerMethodField()

    class Meta:
        model = Event
        fields = [
            "id",
            "venue",
            "name",
            "description",
            "starts_at",
            "ends_at",
            "status",
            "currency",
            "capacity",
            "max_per_customer",
            "availability",
            "on_sale",
            "created_at",
            "updated_at",
        ]
        counted = ["availability", "on_sale"]
        extra_kwargs = {"capacity": {"required": False, "min_value": 1, "max_value": LARGEST}}

    @extend_schema_field(OnSaleSerializer)
    def get_on_sale(self, event: Event) -> dict[str, Any]:
        reason = event.sales_refusal(self.context["at"])
        return {"is_on_sale": reason is None, "reason": reason}


class CancelEventSerializer(Serializer):
    reason = LineField(max_length=500, required=False, default="", allow_blank=True, help_text="For the customers.")
