from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from bookings.codes import typed
from bookings.door.answers import Result, ScanWarning, note_of
from bookings.door.entries import Sent
from bookings.door.models import MAX_SCAN_ID
from bookings.models import Ticket
from bookings.serializers import TicketSerializer
from config.api.fields import InstantField, ListField, WholeNumberField, format_instant
from config.api.serializers import Serializer

MAX_SCANS = 500
MAX_CODE = 200  # characters that a scanner may read
SCAN_ID = rf"[\x21-\x7e]{{1,{MAX_SCAN_ID}}}"
EVENT: dict[str, Any] = {
    "required": False,
    "min_value": 1,
    "max_value": 2**63 - 1,
    "help_text": "The event of the door; a ticket of another event is refused.",
}
ANSWER = {
    "result": "admitted",
    "warning": None,
    "message": "Let in.",
    "is_reentry": False,
    "holder_name": "Ann Lee",
    "ticket_type_name": "Adult",
    "event_name": "Summer Concert",
    "note": "",
    "checked_in_at": "2027-06-12T17:02:00Z",
    "checked_in_local": "Sat 12 Jun 2027, 19:02 CEST",
}


class AnswerSerializer(Serializer):
    """What a scanner shows."""

    result = serializers.ChoiceField(choices=Result.choices)
    warning = serializers.ChoiceField(
        choices=ScanWarning.choices, allow_null=True, help_text="not_yet: let in before the door opens."
    )
    message = serializers.CharField(help_text="A sentence for staff.")
    is_reentry = serializers.BooleanField(help_text="Whether the holder was let in again after a check-out.")
    holder_name = serializers.CharField()
    ticket_type_name = serializers.CharField()
    event_name = serializers.CharField()
    note = serializers.CharField(help_text="`note` of the booking's metadata.")
    checked_in_at = InstantField(allow_null=True, help_text="The first entry.")
    checked_in_local = serializers.CharField(help_text="The first entry in the venue's local time; empty without one.")

    class Meta:
        example = ANSWER


class AdmissionSerializer(TicketSerializer):
    """A ticket after its check-in, and what a scanner shows."""

    result = serializers.ChoiceField(choices=Result.choices, read_only=True)
    warning = serializers.ChoiceField(
        choices=ScanWarning.choices, allow_null=True, read_only=True, help_text="not_yet: let in before the door opens."
    )
    message = serializers.CharField(read_only=True, help_text="A sentence for staff.")
    is_reentry = serializers.BooleanField(read_only=True, help_text="Let in again after a check-out.")
    note = serializers.CharField(read_only=True, help_text="`note` of the booking's metadata.")
    checked_in_local = serializers.CharField(read_only=True, help_text="The first entry in the venue's local time.")
    expansions = {}

    class Meta(TicketSerializer.Meta):
        fields = [
            *TicketSerializer.Meta.fields,
            *("result", "warning", "message", "is_reentry", "note", "checked_in_local"),
        ]
        example = {**TicketSerializer.Meta.example, "status": "checked_in", **ANSWER}

    def to_representation(self, answer: Any) -> dict[str, Any]:
        return {**super().to_representation(answer.ticket), **answer.as_dict()}


class CheckInSerializer(Serializer):
    event = WholeNumberField(**EVENT)

    class Meta:
        example = {"event": 1}


class CheckInBookingSerializer(Serializer):
    count = WholeNumberField(
        required=False, min_value=1, max_value=2_000, help_text="How many people; by default all who are left."
    )
    event = WholeNumberField(**EVENT)

    class Meta:
        example = {"count": 2, "event": 1}


class CheckedInSerializer(AnswerSerializer):
    """The answer for one ticket."""

    code = serializers.CharField()

    class Meta:
        example = {"code": "7Q2MKZ4HAB9CDEFGHJKLMNPQRS", **ANSWER}

    def to_representation(self, answer: Any) -> dict[str, Any]:
        return {"code": answer.ticket.code, **answer.as_dict()}


class CheckedInBookingSerializer(Serializer):
    admitted = serializers.IntegerField(help_text="People that were let in now.")
    check_ins = CheckedInSerializer(many=True)

    class Meta:
        example = {"admitted": 1, "check_ins": [CheckedInSerializer.Meta.example]}


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": MAX_CODE})
class ScannedCodeField(serializers.Field):
    """Whatever a scanner read, folded: one bad scan must not keep the others from being uploaded."""

    default_error_messages = {"invalid": f"Must be a string of 1 to {MAX_CODE} characters."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or not 1 <= len(data) <= MAX_CODE:
            self.fail("invalid")
        return typed(data)


@extend_schema_field({"type": "string", "pattern": "^[!-~]{1,100}$"})
class ScanIdField(serializers.RegexField):
    def __init__(self, **options: Any) -> None:
        super().__init__(rf"\A{SCAN_ID}\Z", trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class ScanSerializer(Serializer):
    code = ScannedCodeField(help_text="As it was read.")
    at = InstantField(help_text="When, by the clock of the scanner.")
    scan_id = ScanIdField(help_text="The scanner's own id of this scan, such as a random UUID.")
    event = WholeNumberField(**EVENT)

    class Meta:
        example = {
            "code": "7Q2MKZ4HAB9CDEFGHJKLMNPQRS",
            "at": "2027-06-12T17:02:00Z",
            "scan_id": "4fae2c8e-5d0b-4b62-9d2f-0a8f8f6c2a11",
            "event": 1,
        }

    def to_internal_value(self, data: Any) -> Sent:
        return Sent(**super().to_internal_value(data))


class ScansSerializer(Serializer):
    check_ins = ListField(child=ScanSerializer(), allow_empty=False, max_length=MAX_SCANS)

    class Meta:
        example = {"check_ins": [ScanSerializer.Meta.example]}

    def validate_check_ins(self, sent: list[Sent]) -> list[Sent]:
        seen: set[str] = set()
        errors: dict[int, Any] = {}
        for index, scan in enumerate(sent):
            if scan.scan_id in seen:
                errors[index] = {
                    "scan_id": [serializers.ErrorDetail("Each scan has an id of its own.", code="given-twice")]
                }
            seen.add(scan.scan_id)
        if errors:
            raise serializers.ValidationError([errors.get(index, {}) for index in range(len(sent))])
        return sent


class ScannedSerializer(AnswerSerializer):
    """The answer for one scan."""

    scan_id = serializers.CharField()
    code = serializers.CharField(help_text="As it was read, folded.")

    class Meta:
        example = {"scan_id": ScanSerializer.Meta.example["scan_id"], **CheckedInSerializer.Meta.example}

    def to_representation(self, scanned: Any) -> dict[str, Any]:
        sent, answer = scanned
        return {"scan_id": sent.scan_id, "code": sent.code, **answer.as_dict()}


class ScannedListSerializer(Serializer):
    results = ScannedSerializer(many=True, help_text="In the order of the scans.")

    class Meta:
        example = {"results": [ScannedSerializer.Meta.example]}


class DoorListSerializer(Serializer):
    """A ticket, as a scanner needs it to check offline."""

    code = serializers.CharField()
    status = serializers.ChoiceField(choices=Ticket.Status.choices)
    holder_name = serializers.CharField()
    ticket_type = serializers.IntegerField(source="ticket_type_id")
    ticket_type_name = serializers.CharField(source="ticket_type.name")
    booking = serializers.UUIDField(source="booking_id")
    confirmation_code = serializers.CharField(source="booking.confirmation_code")
    note = serializers.CharField(help_text="`note` of the booking's metadata.")
    checked_in_at = InstantField(allow_null=True, help_text="The first entry.")
    checked_out_at = InstantField(allow_null=True, help_text="Since when the holder is outside again.")
    updated_at = InstantField()

    class Meta:
        example = {
            "code": "7Q2MKZ4HAB9CDEFGHJKLMNPQRS",
            "status": "valid",
            "holder_name": "Ann Lee",
            "ticket_type": 1,
            "ticket_type_name": "Adult",
            "booking": "0c9ab0c4-1f7c-4c8e-8d7e-1c2f3a4b5c6d",
            "confirmation_code": "K7QMZ2HA",
            "note": "",
            "checked_in_at": None,
            "checked_out_at": None,
            "updated_at": "2026-11-23T10:00:00Z",
        }

    def to_representation(self, ticket: Ticket) -> dict[str, Any]:
        """Written out, because a list may have ten thousand rows."""
        return {
            "code": ticket.code,
            "status": ticket.status,
            "holder_name": ticket.holder,
            "ticket_type": ticket.ticket_type_id,
            "ticket_type_name": ticket.ticket_type.name,
            "booking": str(ticket.booking_id),
            "confirmation_code": ticket.booking.confirmation_code,
            "note": note_of(ticket),
            "checked_in_at": format_instant(ticket.checked_in_at),
            "checked_out_at": format_instant(ticket.checked_out_at),
            "updated_at": format_instant(ticket.updated_at),
        }
