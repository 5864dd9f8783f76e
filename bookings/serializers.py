import datetime as dt
import re
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from bookings.codes import PREFIX, TICKET_CODE, typed
from bookings.lifecycle.place import MAX_LINES, Line
from bookings.lifecycle.states import Status
from bookings.models import Booking, BookingItem, Ticket
from bookings.payments.models import Payment
from config.api.expand import Expansion
from config.api.fields import (
    AmountField,
    EmailField,
    LineField,
    ListField,
    PriceField,
    StoredIsValid,
    SwitchField,
    TotalField,
    WholeNumberField,
    format_instant,
)
from config.api.serializers import ModelSerializer, Serializer
from config.values import money, percent, text
from events.serializers import EVENT
from ticket_types.serializers import TicketTypeSerializer, visible_ticket_types

MAX_ENTRIES = 20
NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")


@extend_schema_field(
    {
        "type": "object",
        "maxProperties": MAX_ENTRIES,
        "propertyNames": {"pattern": f"^{NAME.pattern}$"},
        "additionalProperties": {"type": "string", "maxLength": 500, "pattern": text.pattern(blank=True)},
    }
)
class MetadataField(StoredIsValid):
    """An object of up to 20 short texts, under names of 1 to 40 letters, digits, `_`, `.` or `-`."""

    default_error_messages = {
        "invalid": "Must be an object with text values.",
        "too_many": f"Must have at most {MAX_ENTRIES} entries.",
        "name": "The name {name!r} must have 1 to 40 letters, digits, _, . or -.",
    }
    value = LineField(max_length=500, allow_blank=True)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        if not isinstance(data, dict):
            self.fail("invalid")
        if len(data) > MAX_ENTRIES:
            self.fail("too_many")
        errors = {}
        entries = {}
        for name, value in data.items():
            if not NAME.fullmatch(name):
                self.fail("name", name=name[:100])
            try:
                entries[name] = self.value.run_validation(value)
            except serializers.ValidationError as error:
                errors[name] = error.detail
        if errors:
            raise serializers.ValidationError(errors)
        return entries

    def to_representation(self, value: dict[str, str]) -> dict[str, str]:
        return value


AMOUNTS = ["cancelled_amount", "cancellation_fee", "amount_paid", "amount_refunded", "amount_due"]
EXAMPLE = {
    "id": "0c9ab0c4-1f7c-4c8e-8d7e-1c2f3a4b5c6d",
    "confirmation_code": "K7QMZ2HA",
    "event": 1,
    "status": "pending",
    "customer_name": "Ann Lee",
    "customer_email": "ann@example.com",
    "items": [
        {
            "ticket_type": 1,
            "name": "Seat",
            "unit_price": "49.90",
            "unit_fee": "2.50",
            "tax_rate": "13",
            "quantity": 2,
            "total_price": "104.80",
            "tax": "12.06",
            "cancelled_quantity": 0,
            "attendees": [],
        }
    ],
    "quantity": 2,
    "cancelled_quantity": 0,
    "subtotal": "99.80",
    "fees": "5.00",
    "tax": "12.06",
    "total_price": "104.80",
    "currency": "EUR",
    "metadata": {"basket": "7"},
    "notify": True,
    "cancelled_amount": "0.00",
    "cancellation_fee": "0.00",
    "amount_paid": "0.00",
    "amount_refunded": "0.00",
    "amount_due": "104.80",
    "payment_reference": "",
    "refund_due": False,
    "refund_amount": "0.00",
    "created_at": "2026-11-23T10:00:00Z",
    "updated_at": "2026-11-23T10:00:00Z",
    "expires_at": "2026-11-23T10:15:00Z",
    "expires_in": 900,
    "confirmed_at": None,
    "cancelled_at": None,
    "cancel_reason": "",
    "is_late": False,
    "tickets": [],
}


class AttendeeSerializer(Serializer):
    """Who is admitted with one ticket."""

    name = LineField(max_length=200, required=False, allow_blank=True)
    email = EmailField(max_length=254, required=False, allow_blank=True)


class BookedAttendeeSerializer(Serializer):
    name = serializers.CharField()
    email = serializers.CharField()


class BookingItemSerializer(ModelSerializer):
    unit_price = PriceField()
    unit_fee = PriceField(help_text="Per ticket, added to the price.")
    total_price = PriceField(help_text="Price and fee, times the quantity.")
    tax = PriceField(help_text="Contained in the total; rounded half up.")
    attendees = BookedAttendeeSerializer(many=True, read_only=True, help_text="Until the tickets are issued.")

    class Meta:
        model = BookingItem
        fields = [
            "ticket_type",
            "name",
            "unit_price",
            "unit_fee",
            "tax_rate",
            "quantity",
            "total_price",
            "tax",
            "cancelled_quantity",
            "attendees",
        ]
        # Otherwise the schema would have the range of the column, which depends on the database.
        read_only_fields = ["quantity", "cancelled_quantity"]


class BookedTicketSerializer(ModelSerializer):
    holder_name = serializers.CharField(source="holder", read_only=True, help_text="The customer's, unless it is set.")
    holder_email = serializers.CharField(read_only=True, help_text="Empty, unless it is set.")

    class Meta:
        model = Ticket
        fields = ["code", "ticket_type", "status", "holder_name", "holder_email", "checked_in_at"]
        read_only_fields = ["ticket_type", "holder_email"]
        example = {
            "code": "7Q2MKZ4HAB9CDEFGHJKLMNPQRS",
            "ticket_type": 1,
            "status": "valid",
            "holder_name": "Bea Moss",
            "holder_email": "bea@example.com",
            "checked_in_at": None,
        }

    def to_representation(self, ticket: Ticket) -> dict[str, Any]:
        return represent_ticket(ticket)


class BookingSerializer(ModelSerializer):
    status = serializers.SerializerMethodField()
    items = BookingItemSerializer(source="item_list", many=True, read_only=True)
    tickets = BookedTicketSerializer(source="ticket_list", many=True, read_only=True)
    metadata = MetadataField(required=False)
    subtotal = PriceField(read_only=True, help_text="The price without fees, as booked.")
    expansions = {"event": EVENT}
    expires_in = serializers.SerializerMethodField(help_text="Seconds until the hold ends; null without a hold.")

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
            "subtotal",
            "fees",
            "tax",
            "total_price",
            "currency",
            "metadata",
            "notify",
            *AMOUNTS,
            "payment_reference",
            "refund_due",
            "refund_amount",
            "created_at",
            "updated_at",
            "expires_at",
            "expires_in",
            "confirmed_at",
            "cancelled_at",
            "cancel_reason",
            "is_late",
            "tickets",
        ]
        read_only_fields = ["event", "notify"]
        counted = ["expires_in"]
        example = EXAMPLE

    @extend_schema_field(serializers.ChoiceField(choices=Status.choices))
    def get_status(self, booking: Booking) -> str:
        return booking.status_at(self.context["at"])

    @extend_schema_field({"type": ["integer", "null"], "minimum": 0})
    def get_expires_in(self, booking: Booking) -> int | None:
        return booking.seconds_left(self.context["at"])

    def to_representation(self, booking: Booking) -> dict[str, Any]:
        return self.with_expansions(represent_booking(booking, self.context["at"]), booking)


def represent_booking(booking: Booking, at: dt.datetime) -> dict[str, Any]:
    """As BookingSerializer does; written out, because lists and sales are hot."""
    return {
        "id": str(booking.pk),
        "confirmation_code": booking.confirmation_code,
        "event": booking.event_id,
        "status": booking.status_at(at),
        "customer_name": booking.customer_name,
        "customer_email": booking.customer_email,
        "items": [represent_item(item, booking.currency) for item in booking.item_list],
        "quantity": booking.quantity,
        "cancelled_quantity": booking.cancelled_quantity,
        "subtotal": money.plain(booking.subtotal, booking.currency),
        "fees": money.plain(booking.fees, booking.currency),
        "tax": money.plain(booking.tax, booking.currency),
        "total_price": money.plain(booking.total_price, booking.currency),
        "currency": booking.currency,
        "metadata": booking.metadata,
        "notify": booking.notify,
        **{name: money.plain(getattr(booking, name), booking.currency) for name in AMOUNTS},
        "payment_reference": booking.payment_reference,
        "refund_due": booking.refund_due,
        "refund_amount": money.plain(booking.refund_amount, booking.currency),
        "created_at": format_instant(booking.created_at),
        "updated_at": format_instant(booking.updated_at),
        "expires_at": format_instant(booking.expires_at),
        "expires_in": booking.seconds_left(at),
        "confirmed_at": format_instant(booking.confirmed_at),
        "cancelled_at": format_instant(booking.cancelled_at),
        "cancel_reason": booking.cancel_reason,
        "is_late": booking.is_late,
        "tickets": [represent_ticket(ticket) for ticket in booking.ticket_list],
    }


def represent_item(item: BookingItem, currency: str) -> dict[str, Any]:
    """As BookingItemSerializer does."""
    return {
        "ticket_type": item.ticket_type_id,
        "name": item.name,
        "unit_price": money.plain(item.unit_price, currency),
        "unit_fee": money.plain(item.unit_fee, currency),
        "tax_rate": percent.plain(item.tax_rate),
        "quantity": item.quantity,
        "total_price": money.plain(item.total_price, currency),
        "tax": money.plain(item.tax, currency),
        "cancelled_quantity": item.cancelled_quantity,
        "attendees": [{"name": it.get("name", ""), "email": it.get("email", "")} for it in item.attendees],
    }


def represent_ticket(ticket: Ticket) -> dict[str, Any]:
    """As BookedTicketSerializer does."""
    return {
        "code": ticket.code,
        "ticket_type": ticket.ticket_type_id,
        "status": ticket.status,
        "holder_name": ticket.holder,
        "holder_email": ticket.holder_email,
        "checked_in_at": format_instant(ticket.checked_in_at),
    }


class PlacedBookingSerializer(BookingSerializer):
    """A booking with its secret. No other answer has it."""

    secret = serializers.CharField(read_only=True, help_text="Opens the booking without a token. Keep it.")

    class Meta(BookingSerializer.Meta):
        fields = ["id", "secret", *BookingSerializer.Meta.fields[1:]]
        counted = ["expires_in", "secret"]
        example = {**EXAMPLE, "secret": f"{PREFIX}{'Zb4-_x7K' * 4}"}

    def to_representation(self, booking: Booking) -> dict[str, Any]:
        return {**super().to_representation(booking), "secret": booking.secret}


class QuoteSerializer(BookingSerializer):
    """What a booking would be. It has no id, because nothing was booked."""

    class Meta(BookingSerializer.Meta):
        fields = [
            "event",
            "customer_name",
            "customer_email",
            "items",
            "quantity",
            "subtotal",
            "fees",
            "tax",
            "total_price",
            "currency",
            "metadata",
            "notify",
            "expires_at",
            "expires_in",
        ]

    def to_representation(self, booking: Booking) -> dict[str, Any]:
        data = super().to_representation(booking)
        return {name: data[name] for name in self.Meta.fields}


class LineSerializer(Serializer):
    ticket_type = WholeNumberField(min_value=1, max_value=2**63 - 1)
    quantity = WholeNumberField(min_value=1, max_value=100)
    attendees = AttendeeSerializer(  # type: ignore[call-arg]
        many=True, required=False, max_length=100, help_text="Who is admitted: at most `quantity`, others later."
    )

    class Meta:
        model = BookingItem


class PlaceBookingSerializer(Serializer):
    customer_name = LineField(max_length=200)
    customer_email = EmailField(max_length=254)
    items = LineSerializer(many=True, allow_empty=False, min_length=1, max_length=MAX_LINES)  # type: ignore[call-arg]
    metadata = MetadataField(required=False)
    notify = SwitchField(required=False, help_text="false: the customer gets no mails, for a shop that sends its own.")
    hold_minutes = WholeNumberField(
        required=False,
        min_value=1,
        max_value=10_080,
        help_text=f"Duration of the hold in minutes: {settings.BOOKING_HOLD_MINUTES} by default, which is "
        f"also the maximum without a token, and {settings.BOOKING_HOLD_MINUTES_MAX} with one; `expires_at` is its end.",
    )

    expected_total = TotalField(
        required=False,
        help_text="The total that the customer was shown; another one is refused with `price-changed`.",
    )

    class Meta:
        model = Booking
        example = {
            "customer_name": "Ann Lee",
            "customer_email": "ann@example.com",
            "items": [{"ticket_type": 1, "quantity": 2}],
            "metadata": {"basket": "7"},
            "expected_total": "104.80",
        }

    def validate_items(self, items: list[dict[str, Any]]) -> list[Line]:
        return [Line(**item) for item in items]


@extend_schema_field({"type": "string", "pattern": f"^{TICKET_CODE.pattern}$"})
class TicketCodeField(LineField):
    default_error_messages = {"invalid": "Must be a ticket code."}

    def validate_new(self, data: Any) -> Any:
        return super().validate_new(typed(data) if isinstance(data, str) else data)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or not TICKET_CODE.fullmatch(data):
            self.fail("invalid")
        return data


class ConfirmBookingSerializer(Serializer):
    payment_reference = LineField(
        max_length=200,
        required=False,
        default="",
        allow_blank=True,
        help_text="The payment's reference: the same one is the same payment for ever.",
    )
    amount = AmountField(
        required=False,
        help_text="What was paid; by default what is due. Less than what is due needs the permission `confirm_unpaid`.",
    )
    method = serializers.ChoiceField(
        choices=[(it.value, it.label) for it in Payment.Method.elsewhere()],
        required=False,
        help_text="How it was paid; by default `other`. Like an amount, it needs a payment reference.",
    )
    mail_token = LineField(
        max_length=100,
        required=False,
        default="",
        allow_blank=True,
        help_text="From the link in the mail, for a free booking of an event whose `free_confirmation` is `by_mail`.",
    )

    class Meta:
        example = {"payment_reference": "pay_1"}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Without a reference, a request that is sent again would be another payment."""
        if {"amount", "method"} & attrs.keys() and not attrs["payment_reference"]:
            detail = "A payment needs a reference, so that it is recorded once."
            raise serializers.ValidationError({"payment_reference": [detail]}, code="required")
        return attrs


class CancelBookingSerializer(Serializer):
    reason = LineField(max_length=500, required=False, default="", allow_blank=True)
    fee = PriceField(required=False, help_text="What stays owed of the price of the cancelled places.")
    tickets = ListField(
        child=TicketCodeField(), required=False, allow_empty=False, max_length=2_000,
        help_text="Codes of the tickets to cancel; by default the whole booking is cancelled.",
    )  # fmt: skip

    class Meta:
        example = {"reason": "The customer is ill."}


class TicketSerializer(ModelSerializer):
    event = serializers.IntegerField(source="booking.event_id", read_only=True)
    event_name = serializers.CharField(source="booking.event.name", read_only=True)
    ticket_type_name = serializers.CharField(source="ticket_type.name", read_only=True)
    booking = serializers.UUIDField(source="booking_id", read_only=True)
    holder_name = serializers.CharField(source="holder", read_only=True)
    expansions = {
        "event": EVENT,
        "ticket_type": Expansion(TicketTypeSerializer, visible_ticket_types, key="ticket_type_id"),
    }

    class Meta:
        model = Ticket
        fields = [
            "code",
            "status",
            "ticket_type",
            "ticket_type_name",
            "event",
            "event_name",
            "booking",
            "holder_name",
            "checked_in_at",
            "checked_out_at",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["ticket_type"]
        example = {
            "code": "7Q2MKZ4HAB9CDEFGHJKLMNPQRS",
            "status": "valid",
            "ticket_type": 1,
            "ticket_type_name": "Adult",
            "event": 1,
            "event_name": "Summer Concert",
            "booking": "0c9ab0c4-1f7c-4c8e-8d7e-1c2f3a4b5c6d",
            "holder_name": "Ann Lee",
            "checked_in_at": None,
            "checked_out_at": None,
            "created_at": "2026-11-23T10:00:00Z",
            "updated_at": "2026-11-23T10:00:00Z",
        }

    def to_representation(self, ticket: Ticket) -> dict[str, Any]:
        """Written out, because lists are hot."""
        data = {
            "code": ticket.code,
            "status": ticket.status,
            "ticket_type": ticket.ticket_type_id,
            "ticket_type_name": ticket.ticket_type.name,
            "event": ticket.booking.event_id,
            "event_name": ticket.booking.event.name,
            "booking": str(ticket.booking_id),
            "holder_name": ticket.holder,
            "checked_in_at": format_instant(ticket.checked_in_at),
            "checked_out_at": format_instant(ticket.checked_out_at),
            "created_at": format_instant(ticket.created_at),
            "updated_at": format_instant(ticket.updated_at),
        }
        return self.with_expansions(data, ticket)
