import re
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from bookings.models import Booking, BookingItem, Line, Ticket
from bookings.models.placing import MOST_LINES
from bookings.states import Status
from config.api.expand import Expansion
from config.api.fields import EmailField, LineField, PriceField, WholeNumberField
from config.api.serializers import ModelSerializer, Serializer
from events.models import Event
from events.serializers import EventSerializer

MOST_NOTES = 20
NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")


@extend_schema_field(
    {
        "type": "object",
        "maxProperties": MOST_NOTES,
        "propertyNames": {"pattern": f"^{NAME.pattern}$"},
        "additionalProperties": {"type": "string", "maxLength": 500},
    }
)
class MetadataField(serializers.Field):
    """An object of up to 20 short texts, under names of 1 to 40 letters, digits, `_`, `.` or `-`."""

    default_error_messages = {
        "invalid": "Must be an object of texts.",
        "too_many": f"Must have at most {MOST_NOTES} entries.",
        "name": "{name!r} is not a name of 1 to 40 letters, digits, _, . or -.",
    }
    text = LineField(max_length=500, allow_blank=True)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        if not isinstance(data, dict):
            self.fail("invalid")
        if len(data) > MOST_NOTES:
            self.fail("too_many")
        faults = {}
        notes = {}
        for name, value in data.items():
            if not NAME.fullmatch(name):
                self.fail("name", name=name)
            try:
                notes[name] = self.text.run_validation(value)
            except serializers.ValidationError as error:
                faults[name] = error.detail
        if faults:
            raise serializers.ValidationError(faults)
        return notes

    def to_representation(self, value: dict[str, str]) -> dict[str, str]:
        return value


class BookingItemSerializer(ModelSerializer):
    unit_price = PriceField()
    total_price = PriceField()

    class Meta:
        model = BookingItem
        fields = ["ticket_type", "name", "unit_price", "quantity", "total_price", "cancelled_quantity"]


class BookedTicketSerializer(ModelSerializer):
    class Meta:
        model = Ticket
        fields = ["code", "ticket_type", "status", "checked_in_at"]


class BookingSerializer(ModelSerializer):
    status = serializers.SerializerMethodField()
    items = BookingItemSerializer(many=True, read_only=True)
    tickets = BookedTicketSerializer(many=True, read_only=True)
    metadata = MetadataField(required=False)
    expansions = {"event": Expansion(EventSerializer, lambda user, at: Event.objects.with_sales(at))}
    expires_in = serializers.SerializerMethodField(
        help_text="Seconds until the hold runs out; null when nothing is held."
    )

    class Meta:
        model = Booking
        fields = [
            "id",
            "confirmation_code",
            "event",
            "status",
            "customer_name",
            "customer_email",
            "items",
            "quantity",
            "cancelled_quantity",
            "total_price",
            "currency",
            "metadata",
            "payment_reference",
            "refund_due",
            "created_at",
            "expires_at",
            "expires_in",
            "confirmed_at",
            "cancelled_at",
            "cancel_reason",
            "is_late",
            "tickets",
        ]
        read_only_fields = ["event"]
        counted = ["expires_in"]

    @extend_schema_field(serializers.ChoiceField(choices=Status.choices))
    def get_status(self, booking: Booking) -> str:
        return booking.status_at(self.context["at"])

    @extend_schema_field({"type": ["integer", "null"], "minimum": 0})
    def get_expires_in(self, booking: Booking) -> int | None:
        return booking.seconds_left(self.context["at"])


class QuoteSerializer(BookingSerializer):
    """What a booking would be. It has no id, because nothing was booked."""

    class Meta(BookingSerializer.Meta):
        fields = [
            "event",
            "customer_name",
            "customer_email",
            "items",
            "quantity",
            "total_price",
            "currency",
            "metadata",
            "expires_at",
            "expires_in",
        ]


class LineSerializer(Serializer):
    ticket_type = WholeNumberField(min_value=1, max_value=2**63 - 1)
    quantity = WholeNumberField(min_value=1, max_value=100)

    class Meta:
        model = BookingItem


class PlaceBookingSerializer(Serializer):
    customer_name = LineField(max_length=200)
    customer_email = EmailField(max_length=254)
    items = LineSerializer(many=True, allow_empty=False, min_length=1, max_length=MOST_LINES)  # type: ignore[call-arg]
    metadata = MetadataField(required=False)
    hold_minutes = WholeNumberField(
        required=False,
        min_value=1,
        max_value=10_080,
        help_text=f"How long the places are held, up to {settings.BOOKING_HOLD_MINUTES_MAX}; "
        f"{settings.BOOKING_HOLD_MINUTES} when not given.",
    )

    class Meta:
        model = Booking

    def validate_items(self, items: list[dict[str, int]]) -> list[Line]:
        return [Line(**item) for item in items]


class ConfirmBookingSerializer(Serializer):
    payment_reference = LineField(max_length=200, required=False, default="", allow_blank=True)


class CancelBookingSerializer(Serializer):
    reason = LineField(max_length=500, required=False, default="", allow_blank=True)
    tickets = serializers.ListField(
        child=LineField(max_length=26), required=False, allow_empty=False, max_length=2_000,
        help_text="Codes of the tickets to cancel; without it the whole booking is cancelled.",
    )  # fmt: skip


class TicketSerializer(ModelSerializer):
    event = serializers.IntegerField(source="booking.event_id", read_only=True)
    booking = serializers.UUIDField(source="booking_id", read_only=True)
    holder_name = serializers.CharField(source="booking.customer_name", read_only=True)

    class Meta:
        model = Ticket
        fields = ["code", "status", "ticket_type", "event", "booking", "holder_name", "checked_in_at"]
        read_only_fields = ["ticket_type"]


class CheckInSerializer(Serializer):
    event = WholeNumberField(
        required=False, min_value=1, max_value=2**63 - 1, help_text="The event at whose door the ticket is shown."
    )
