"""Every URL of the project."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path

from bookings.door.viewsets import CheckInViewSet, DoorListViewSet
from bookings.messages.viewsets import BookingCalendarViewSet, PdfViewSet, PngViewSet, SvgViewSet
from bookings.pages import confirm_page
from bookings.payments.viewsets import PaymentViewSet
from bookings.reports.viewsets import ReportViewSet
from bookings.viewsets import BookingViewSet, TicketViewSet
from config.api import pages
from config.api.routers import OptionalSlashRouter
from config.metrics.viewsets import MetricsViewSet
from config.outbox.viewsets import ChangeViewSet
from config.webhooks.viewsets import WebhookDeliveryViewSet, WebhookEndpointViewSet
from events.viewsets import CalendarViewSet, EventViewSet
from ticket_types.viewsets import TicketTypeViewSet
from venues.viewsets import VenueViewSet

router = OptionalSlashRouter()
router.register("venues", VenueViewSet, basename="venue")
router.register("events", EventViewSet, basename="event")
router.register("ticket-types", TicketTypeViewSet, basename="ticket-type")
router.register("bookings", BookingViewSet, basename="booking")
router.register("payments", PaymentViewSet, basename="payment")
router.register("tickets", TicketViewSet, basename="ticket")
router.register("changes", ChangeViewSet, basename="change")
router.register("webhook-endpoints", WebhookEndpointViewSet, basename="webhook-endpoint")
router.register("webhook-deliveries", WebhookDeliveryViewSet, basename="webhook-delivery")
router.register("check-ins", CheckInViewSet, basename="check-in")
router.register("events/(?P<event>[^/]+)/door-list", DoorListViewSet, basename="door-list")
router.register("reports", ReportViewSet, basename="report")

v1 = settings.API_V1_STR.strip("/")

calendar = [
    re_path(r"^events\.ics/?$", CalendarViewSet.as_view({"get": "list"}, detail=False)),
    re_path(r"^events/(?P<pk>[^/]+)\.ics/?$", CalendarViewSet.as_view({"get": "retrieve"}, detail=True)),
]
BOOKING, TICKET = r"^bookings/(?P<pk>[^/]+)", r"/tickets/(?P<code>[^/]+)"
documents = [
    re_path(rf"{BOOKING}\.ics/?$", BookingCalendarViewSet.as_view({"get": "retrieve"}, detail=True)),
    re_path(
        rf"{BOOKING}/tickets\.pdf/?$", PdfViewSet.as_view({"get": "retrieve"}, detail=True), name="booking-tickets"
    ),
    re_path(rf"{BOOKING}{TICKET}\.svg/?$", SvgViewSet.as_view({"get": "retrieve"}, detail=True)),
    re_path(rf"{BOOKING}{TICKET}\.png/?$", PngViewSet.as_view({"get": "retrieve"}, detail=True)),
]
urlpatterns = [
    path(f"{v1}/", include([*calendar, *documents, *router.urls])),  # first: the others before it were 4 % of a read
    path("", pages.root),
    re_path(r"^health/?$", pages.health),
    re_path(r"^health/ready/?$", pages.ready),
    re_path(r"^metrics/?$", MetricsViewSet.as_view({"get": "list"})),
    re_path(r"^problems/?$", pages.problem_list),
    re_path(r"^problems/(?P<code>[^/]+)/?$", pages.problem_detail),
    re_path(r"^docs/?$", pages.docs, name="docs"),
    re_path(r"^redoc/?$", pages.redoc, name="redoc"),
    path("favicon.ico", pages.favicon),
    re_path(r"^bookings/confirm/?$", confirm_page, name="confirm-booking"),
    re_path(rf"^{v1}/openapi\.json/?$", pages.DocumentView.as_view(), name="schema"),
    re_path(rf"^{v1}$", router.get_api_root_view()),
    re_path(rf"^{v1}/(?P<rest>.*)$", pages.UnknownPath.as_view()),
    path("admin/password_reset/", include("config.backoffice.password_reset")),
    path("admin/", admin.site.urls),
]

handler400 = "config.api.errors.bad_request"
handler403 = "config.api.errors.permission_denied"
handler404 = "config.api.errors.page_not_found"
handler500 = "config.api.errors.server_error"
