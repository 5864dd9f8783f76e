from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from bookings.lifecycle.states import Status
from config.api.fields import InstantField, PriceField
from config.api.serializers import Serializer
from events.models import Event


def counts(choices: Any) -> Serializer:
    """An object with the number of each status."""
    fields = {status: serializers.IntegerField() for status in choices.values}
    return type(f"{choices.__qualname__.replace('.', '')}CountsSerializer", (Serializer,), fields)()


class SumField(PriceField):
    """A sum over any number of bookings."""

    answered_digits = 24


class SignedSumField(SumField):
    """A difference of two sums."""

    sign = "-?"


class RevenueSerializer(Serializer):
    """Of confirmed bookings in one currency."""

    currency = serializers.CharField()
    bookings = serializers.IntegerField()
    tickets = serializers.IntegerField()
    revenue = SumField()
    price = SumField(help_text="Of the revenue, without fees.")
    fees = SumField(help_text="Of the revenue.")
    tax = SumField(help_text="Contained in the revenue.")


class OverviewSerializer(Serializer):
    venues = serializers.IntegerField()
    events = counts(Event.Status)
    bookings = counts(Status)
    tickets_sold = serializers.IntegerField(help_text="Tickets of confirmed bookings, without cancelled ones.")
    places_available = serializers.IntegerField(help_text="Available places of published events that are not over.")
    revenue = RevenueSerializer(many=True)

    class Meta:
        example = {
            "venues": 2,
            "events": {"draft": 1, "published": 12, "cancelled": 1},
            "bookings": {"pending": 4, "confirmed": 310, "cancelled": 21, "expired": 65},
            "tickets_sold": 742,
            "places_available": 3258,
            "revenue": [
                {
                    "currency": "EUR",
                    "bookings": 310,
                    "tickets": 742,
                    "revenue": "31240.80",
                    "price": "29385.80",
                    "fees": "1855.00",
                    "tax": "3594.07",
                }
            ],
        }

    @staticmethod
    def table(overview: dict[str, Any]) -> list[tuple[str, str, str, Any]]:
        """As rows of figure, status, currency and value."""
        rows: list[tuple[str, str, str, Any]] = [("venues", "", "", overview["venues"])]
        rows += [("events", status, "", count) for status, count in overview["events"].items()]
        rows += [("bookings", status, "", count) for status, count in overview["bookings"].items()]
        rows += [(name, "", "", overview[name]) for name in ("tickets_sold", "places_available")]
        amounts = ("revenue", "price", "fees", "tax")
        return rows + [(name, "", row["currency"], row[name]) for name in amounts for row in overview["revenue"]]


@extend_schema_field(
    {
        "oneOf": [
            {"type": "integer", "minimum": 1},
            {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}(-[0-9]{2})?$"},
        ]
    }
)
class GroupField(serializers.ReadOnlyField):
    """An id, or a day or month."""


OF_GROUP = "The day, 2027-06-12, the month, 2027-06, or the id of the event."
OF_LABEL = "The group's name, with the event's start in its venue's local time."


class SalesSerializer(Serializer):
    """What was sold of one group in one currency."""

    group = GroupField(
        help_text="The id of the event, venue or ticket type; or the day, 2027-06-12, or month, 2027-06."
    )
    label = serializers.CharField(  # type: ignore[assignment]
        help_text="The group's name, with the event's start in its venue's local time."
    )
    currency = serializers.CharField()
    bookings = serializers.IntegerField(help_text="Confirmed bookings with a ticket in the group.")
    tickets = serializers.IntegerField(help_text="Tickets that are not cancelled.")
    revenue = SumField(help_text="What these tickets cost when they were booked, fees included.")
    price = SumField(help_text="Of the revenue, without fees.")
    fees = SumField(help_text="Of the revenue.")
    tax = SumField(help_text="Contained in the revenue, rounded once for each item.")
    average = PriceField(help_text="Average revenue of a booking, rounded to the currency's decimals.")


class SalesReportSerializer(Serializer):
    results = SalesSerializer(many=True)

    class Meta:
        example = {
            "results": [
                {
                    "group": 1,
                    "label": "Summer Concert, 12 Jun 2027, 19:30",
                    "currency": "EUR",
                    "bookings": 2,
                    "tickets": 3,
                    "revenue": "119.70",
                    "price": "112.20",
                    "fees": "7.50",
                    "tax": "13.77",
                    "average": "59.85",
                }
            ]
        }


class CancelledSerializer(Serializer):
    """What was cancelled in one group and currency."""

    group = GroupField(help_text=OF_GROUP)
    label = serializers.CharField(help_text=OF_LABEL)  # type: ignore[assignment]
    currency = serializers.CharField()
    bookings = serializers.IntegerField(help_text="Bookings that have lost all their places.")
    tickets = serializers.IntegerField(help_text="Their tickets, and tickets that were cancelled alone.")
    amount = SumField(help_text="What these tickets cost when they were booked.")
    tax = SumField(help_text="Contained in the amount.")
    fees = SumField(help_text="The part of it that is still owed as cancellation fees.")


class CancellationsReportSerializer(Serializer):
    results = CancelledSerializer(many=True)

    class Meta:
        example = {
            "results": [
                {
                    "group": "2026-11",
                    "label": "Nov 2026",
                    "currency": "EUR",
                    "bookings": 1,
                    "tickets": 3,
                    "amount": "119.70",
                    "tax": "19.11",
                    "fees": "10.00",
                }
            ]
        }


class RefundedSerializer(Serializer):
    """What was refunded in one group and currency, by provider and method of the payment."""

    group = GroupField(help_text=OF_GROUP)
    label = serializers.CharField(help_text=OF_LABEL)  # type: ignore[assignment]
    currency = serializers.CharField()
    provider = serializers.CharField()
    method = serializers.CharField()
    refunds = serializers.IntegerField(help_text="Refunds that were paid.")
    amount = SumField(help_text="Paid refunds.")
    returned = SumField(help_text="Refunds that a bank sent back after they had been paid.")


class RefundsReportSerializer(Serializer):
    results = RefundedSerializer(many=True)

    class Meta:
        example = {
            "results": [
                {
                    "group": "2026-11-23",
                    "label": "Mon 23 Nov 2026",
                    "currency": "EUR",
                    "provider": "stripe",
                    "method": "online",
                    "refunds": 2,
                    "amount": "99.80",
                    "returned": "0.00",
                }
            ]
        }


class TillRowSerializer(Serializer):
    """What one user took and gave back on a day, by method and currency."""

    user = serializers.CharField(help_text="User name; empty for customers who pay online, and for programs.")
    method = serializers.CharField(help_text="cash, card, transfer, online or other.")
    currency = serializers.CharField()
    payments = SumField()
    refunds = SignedSumField()
    net = SignedSumField(help_text="Payments less refunds.")
    count = serializers.IntegerField(help_text="Payments and refunds.")


class TillReportSerializer(Serializer):
    results = TillRowSerializer(many=True)

    class Meta:
        example = {
            "results": [
                {
                    "user": "box-office",
                    "method": "cash",
                    "currency": "EUR",
                    "payments": "299.40",
                    "refunds": "49.90",
                    "net": "249.50",
                    "count": 4,
                }
            ]
        }


class OccupancySerializer(Serializer):
    """How full an event is."""

    event = serializers.IntegerField()
    label = serializers.CharField(  # type: ignore[assignment]
        help_text="The event's name, and its start in its venue's local time."
    )
    starts_at = InstantField()
    status = serializers.ChoiceField(choices=Event.Status.choices)
    capacity = serializers.IntegerField()
    sold = serializers.IntegerField(help_text="Places of confirmed bookings.")
    held = serializers.IntegerField(help_text="Places of pending bookings.")
    available = serializers.IntegerField()
    rate = serializers.FloatField(min_value=0, max_value=1, help_text="Sold divided by capacity.")


class OccupancyReportSerializer(Serializer):
    results = OccupancySerializer(many=True)

    class Meta:
        example = {
            "results": [
                {
                    "event": 1,
                    "label": "Summer Concert, 12 Jun 2027, 19:30",
                    "starts_at": "2027-06-12T17:30:00Z",
                    "status": "published",
                    "capacity": 500,
                    "sold": 3,
                    "held": 2,
                    "available": 495,
                    "rate": 0.006,
                }
            ]
        }


ADMISSIONS = ("expected", "admitted", "inside")


class AdmittedSerializer(Serializer):
    """Of one ticket type."""

    ticket_type = serializers.IntegerField(source="group")
    name = serializers.CharField(source="label")
    expected = serializers.IntegerField(help_text="Tickets that are not void.")
    admitted = serializers.IntegerField(help_text="Of these, tickets that were checked in.")
    inside = serializers.IntegerField(help_text="Of these, people who have not left.")


class QuarterSerializer(Serializer):
    """People whose first entry was in this quarter of an hour."""

    starts_at = InstantField()
    label = serializers.CharField(help_text="Its start in the venue's local time.")  # type: ignore[assignment]
    admitted = serializers.IntegerField()


class AdmissionsSerializer(Serializer):
    event = serializers.IntegerField(source="group")
    event_name = serializers.CharField(source="label")
    expected = serializers.IntegerField(help_text="Tickets that are not void.")
    admitted = serializers.IntegerField(help_text="Of these, tickets that were checked in.")
    inside = serializers.IntegerField(help_text="Of these, people who have not left.")
    by_ticket_type = AdmittedSerializer(many=True)
    by_quarter = QuarterSerializer(many=True, help_text="From the first entry to the last one.")

    class Meta:
        example = {
            "event": 1,
            "event_name": "Summer Concert",
            "expected": 3,
            "admitted": 2,
            "inside": 1,
            "by_ticket_type": [{"ticket_type": 1, "name": "Adult", "expected": 3, "admitted": 2, "inside": 1}],
            "by_quarter": [{"starts_at": "2027-06-12T17:00:00Z", "label": "12 Jun 2027, 19:00", "admitted": 2}],
        }

    @staticmethod
    def table(report: dict[str, Any]) -> list[tuple[Any, ...]]:
        """As rows of the event, of its ticket types by id, and of quarters of an hour by their start."""
        rows: list[tuple[Any, ...]] = [
            (f"event {report['event']}", report["event_name"], *(report[name] for name in ADMISSIONS))
        ]
        rows += [
            (f"ticket type {row['ticket_type']}", row["name"], *(row[name] for name in ADMISSIONS))
            for row in report["by_ticket_type"]
        ]
        return rows + [(row["starts_at"], row["label"], None, row["admitted"], None) for row in report["by_quarter"]]
