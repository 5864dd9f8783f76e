from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from bookings import reports
from bookings.models import Booking, Cancellation
from bookings.payments.models import Payment, Refund
from bookings.reports.filters import (
    AdmissionsFilter,
    CancellationsFilter,
    OccupancyFilter,
    RefundsFilter,
    SalesFilter,
    TillFilter,
)
from bookings.reports.queries import UTC
from bookings.reports.serializers import (
    ADMISSIONS,
    AdmissionsSerializer,
    CancellationsReportSerializer,
    CancelledSerializer,
    OccupancyReportSerializer,
    OccupancySerializer,
    OverviewSerializer,
    RefundedSerializer,
    RefundsReportSerializer,
    SalesReportSerializer,
    SalesSerializer,
    SignedSumField,
    TillReportSerializer,
    TillRowSerializer,
)
from config.access.permissions import may, narrowed
from config.api import tables
from config.api.filters import DeclaredFilterBackend
from config.api.viewsets import BaseViewSet
from config.problems import InvalidInput, NotFound
from events.inventory.mixins import ReleaseMixin
from events.models import Event

FORMATS = ("json", "csv")


class CsvRenderer(BaseRenderer):
    """For content negotiation; the views stream CSV themselves."""

    media_type = tables.CSV
    format = "csv"

    def render(self, data: Any, *args: Any) -> bytes:
        return b""  # for OPTIONS


def report(name: str, serializer: type, example: str, filterset: Any = None) -> Callable[[Any], Any]:
    """Declares a report: an action with its schema."""
    csv = OpenApiResponse(OpenApiTypes.STR, "The same rows as CSV (RFC 4180)", [OpenApiExample("table", example)])
    described = extend_schema(
        operation_id=f"get_{name}_report",
        summary=f"Show {name}",
        tags=["reports"],
        filters=filterset is not None,
        parameters=[OpenApiParameter("format", str, enum=FORMATS, default="json", description="csv streams a table.")],
        responses={(200, "application/json"): serializer, (200, tables.CSV): csv},
    )
    return lambda method: described(action(detail=False, filterset_class=filterset)(method))


def cells_of(serializer: Any) -> Callable[[dict[str, Any]], list[Any]]:
    """The function that makes cells of a row. A negative amount must be a number there: as a text it is a formula."""
    signed = {name for name, field in serializer.fields.items() if isinstance(field, SignedSumField)}
    return lambda row: [Decimal(value) if name in signed else value for name, value in row.items()]


class ReportViewSet(ReleaseMixin, BaseViewSet):
    """Sales, and what is available."""

    queryset = Booking.objects.all()
    filterset_class = None
    filter_backends = [DeclaredFilterBackend]
    pagination_class = None
    access = dict.fromkeys(
        ("overview", "sales", "occupancy", "cancellations", "refunds", "till"), "bookings.view_reports"
    ) | {"admissions": "bookings.view_admissions"}
    narrowed_actions = frozenset({"admissions"})
    refusals = {"admissions": [NotFound]}

    def query_parameters(self) -> set[str]:
        return super().query_parameters() | {"format"}

    def get_renderers(self) -> list[Any]:
        """By `?format=`, or else by the Accept header."""
        chosen = self.request.query_params.get("format") if self.request else None
        csv = CsvRenderer()
        return [csv] if chosen == "csv" else [*super().get_renderers(), *([] if chosen else [csv])]

    def check_query(self, request: Request) -> None:
        super().check_query(request)
        if request.query_params.get("format", "json") not in FORMATS:
            detail = f"Must be {' or '.join(FORMATS)}."
            raise InvalidInput(errors=[{"parameter": "format", "code": "invalid", "detail": detail}])

    @report(
        "overview",
        OverviewSerializer,
        "figure,status,currency,value\r\nvenues,,,2\r\nevents,draft,,1\r\nrevenue,,EUR,31240.80\r\n",
    )
    def overview(self, request: Request) -> HttpResponseBase:
        """Counts of venues, events and bookings, and revenue by currency."""
        overview = OverviewSerializer(reports.overview(self.at, self.visible_events())).data
        if self.is_csv:
            return tables.csv_response(
                "overview", ("figure", "status", "currency", "value"), OverviewSerializer.table(overview)
            )
        return Response(overview)

    @report(
        "sales",
        SalesReportSerializer,
        "group,label,currency,bookings,tickets,revenue,price,fees,tax,average\r\n"
        '1,"Summer Concert, 12 Jun 2027, 19:30",EUR,2,3,119.70,112.20,7.50,13.77,59.85\r\n',
        SalesFilter,
    )
    def sales(self, request: Request) -> HttpResponseBase:
        """Confirmed bookings and their tickets that are not cancelled: a row for each group and currency."""
        bookings = self.filter_queryset(Booking.objects.all())
        query = request.query_params
        rows = reports.sales(
            query["group_by"],
            bookings,
            timezone=query.get("timezone", UTC),
            with_cancelled=query.get("with_cancelled") == "true",
        )
        return self.respond_rows(SalesSerializer(), rows)

    @report(
        "cancellations",
        CancellationsReportSerializer,
        "group,label,currency,bookings,tickets,amount,tax,fees\r\n2026-11,Nov 2026,EUR,1,3,119.70,19.11,10.00\r\n",
        CancellationsFilter,
    )
    def cancellations(self, request: Request) -> HttpResponseBase:
        """What was cancelled after it had been sold, by the day of the cancellation."""
        query = request.query_params
        rows = self.filter_queryset(Cancellation.objects.all())
        found = reports.cancellations(query["group_by"], rows, timezone=query.get("timezone", UTC))
        return self.respond_rows(CancelledSerializer(), found)

    @report(
        "refunds",
        RefundsReportSerializer,
        "group,label,currency,provider,method,refunds,amount,returned\r\n"
        "2026-11-23,Mon 23 Nov 2026,EUR,stripe,online,2,99.80,0.00\r\n",
        RefundsFilter,
    )
    def refunds(self, request: Request) -> HttpResponseBase:
        """Refunds by the day on which they were paid."""
        query = request.query_params
        movements: Any = self.filter_queryset(Refund.objects.all())
        found = reports.refunds(query["group_by"], movements, timezone=query.get("timezone", UTC))
        return self.respond_rows(RefundedSerializer(), found)

    @report(
        "till",
        TillReportSerializer,
        "user,method,currency,payments,refunds,net,count\r\nbox-office,cash,EUR,299.40,49.90,249.50,4\r\n",
        TillFilter,
    )
    def till(self, request: Request) -> HttpResponseBase:
        """Payments and refunds of a day by user, method and currency."""
        movements: Any = self.filter_queryset(Payment.objects.all())
        return self.respond_rows(TillRowSerializer(), reports.till(*movements))

    @report(
        "admissions",
        AdmissionsSerializer,
        "group,label,expected,admitted,inside\r\nevent 1,Summer Concert,3,2,1\r\nticket type 1,Adult,3,2,1\r\n"
        '2027-06-12T17:00:00Z,"12 Jun 2027, 19:00",,2,\r\n',
        AdmissionsFilter,
    )
    def admissions(self, request: Request) -> HttpResponseBase:
        """How many are expected, were let in, and are inside: by ticket type, and by quarter of an hour."""
        events = narrowed(request, self.visible_events(), "pk").select_related("venue")
        event = self.filter_queryset(events).first()
        if event is None:
            raise NotFound("No event with this id.")
        shown = AdmissionsSerializer(reports.admissions(event)).data
        if self.is_csv:
            return tables.csv_response("admissions", ("group", "label", *ADMISSIONS), AdmissionsSerializer.table(shown))
        return Response(shown)

    @report(
        "occupancy",
        OccupancyReportSerializer,
        "event,label,starts_at,status,capacity,sold,held,available,rate\r\n"
        '1,"Summer Concert, 12 Jun 2027, 19:30",2027-06-12T17:30:00Z,published,500,3,2,495,0.006\r\n',
        OccupancyFilter,
    )
    def occupancy(self, request: Request) -> HttpResponseBase:
        """Places sold, held and available of each event, by start."""
        events = self.filter_queryset(self.visible_events())
        return self.respond_rows(OccupancySerializer(), reports.occupancy(events))

    def visible_events(self) -> QuerySet[Event]:
        return Event.objects.visible(drafts=may(self.request, "events.view_event"))

    @property
    def is_csv(self) -> bool:
        return self.request.accepted_renderer.format == "csv"

    def respond_rows(self, serializer: Any, rows: Iterable[Any]) -> HttpResponseBase:
        shown: Iterator[dict[str, Any]] = map(serializer.to_representation, rows)
        if self.is_csv:
            return tables.csv_response(self.action, list(serializer.fields), map(cells_of(serializer), shown))
        return Response({"results": list(shown)})
