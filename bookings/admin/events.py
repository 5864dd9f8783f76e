"""The screens of events with what was sold of them: this app is the only one that knows both."""

# mypy: no-check-untyped-defs

from decimal import Decimal

from django.contrib import admin
from django.db.models import Count, OuterRef
from django.utils import timezone
from django.utils.translation import gettext_lazy

from bookings.admin.charting import sales_curve
from bookings.lifecycle.refunds import net_price
from bookings.models import Booking, Ticket
from bookings.reports.queries import sales, totals
from bookings.reports.rows import GroupBy
from config.backoffice import amount, badge, change_url, fill, list_url, local_span, on_the_wall
from config.values import money
from events.admin import EventAdmin
from events.inventory.sales import load_ticket_types
from events.models import Event
from ticket_types.admin import STATES
from ticket_types.models import TicketType
from venues.models import Venue

MAX_BOOKINGS = 8


def earned(revenue, currency):
    return money.plain(revenue or Decimal(0), currency)


@admin.register(Event)
class EventDesk(EventAdmin):
    exported = {
        **EventAdmin.exported,
        "sold": (int.__sub__, "reserved", "held"),
        "held": "held",
        "left": (int.__sub__, "capacity", "reserved"),
        "revenue": (earned, "revenue", "currency"),
    }

    def exported_to(self, request):
        is_shown = request.user.has_perm("bookings.view_reports")
        return {title: column for title, column in self.exported.items() if is_shown or title != "revenue"}

    def with_figures(self, queryset):
        # The currency is that of the event: it is fixed once there is a booking.
        bookings = Booking.objects.filter(event=OuterRef("pk")).sold().order_by().values("event")
        earned = bookings.annotate(earned=money.Total(net_price())).values("earned")
        return queryset.annotate(revenue=money.TotalOf(earned, output_field=money.MoneyField()))

    def get_list_display(self, request):
        shown = super().get_list_display(request)
        return [*shown, "revenue"] if request.user.has_perm("bookings.view_reports") else shown

    def prepare(self, request, changelist):
        super().prepare(request, changelist)
        if not request.user.has_perm("bookings.view_reports"):
            return
        ids = [event.pk for event in changelist.result_list]
        earned = {}
        for row in sales(GroupBy.EVENT, Booking.objects.filter(event__in=ids)):
            earned.setdefault(row.group, []).append(amount(row.revenue, row.currency))
        for event in changelist.result_list:
            event.earned = ", ".join(earned.get(event.pk, ["-"]))

    @admin.display(description=gettext_lazy("revenue"))
    def revenue(self, event):
        return event.earned

    # The page of one event

    def panels(self, request, event):
        at = timezone.now()
        load_ticket_types([event])
        may = {name: request.user.has_perm(f"bookings.{name}") for name in ("view_booking", "view_reports")}
        sold = event.reserved - event.held
        return {
            "event": event,
            "state": self.state(event),
            "when": local_span(event),
            "venue_url": change_url(Venue, event.venue_id),
            "fill": fill(sold, event.held, event.capacity),
            "sold": sold,
            "held": event.held,
            "left": event.available,
            "entered": self.entered(event),
            "bookings_url": f"{list_url(Booking)}?event__id__exact={event.pk}" if may["view_booking"] else None,
            "latest": self.latest(event) if may["view_booking"] else None,
            "revenue": self.earned(event) if may["view_reports"] else None,
            "curve": sales_curve(event) if may["view_reports"] else None,
            "types": self.types(event, at, with_revenue=may["view_reports"]),
            "add_type_url": self.add_type_url(request, event),
            "sell_url": self.sell_url(request, event, at),
        }

    def earned(self, event):
        return ", ".join(amount(row.revenue, row.currency) for row in totals(event.bookings.all())) or "-"

    def types(self, event, at, *, with_revenue):
        earned = {}
        if with_revenue:
            for row in sales(GroupBy.TICKET_TYPE, event.bookings.all()):
                earned[row.group] = amount(row.revenue, row.currency)
        zone = event.venue.timezone
        rows = []
        for kind in TicketType.objects.filter(event=event).select_related("event").with_held():
            state = kind.status_at(at)
            row = {
                "type": kind,
                "url": change_url(TicketType, kind.pk),
                "price": amount(kind.price, event.currency),
                "sold": kind.reserved - kind.held,
                "held": kind.held,
                "left": kind.available,
                "fill": fill(kind.reserved - kind.held, kind.held, kind.capacity),
                "revenue": earned.get(kind.pk, "-"),
                "from": kind.sales_start_at and on_the_wall(kind.sales_start_at, zone),
                "until": kind.sales_end_at and on_the_wall(kind.sales_end_at, zone),
                "state": badge(state, STATES[state]),
            }
            rows.append(row)
        return rows

    def latest(self, event):
        bookings = admin.site.get_model_admin(Booking)
        return [
            {
                "booking": booking,
                "url": change_url(Booking, booking.pk),
                "state": bookings.state(booking),
                "places": bookings.places(booking),
                "total": bookings.total(booking),
                "made": on_the_wall(booking.created_at, event.venue.timezone, "d M, H:i"),
            }
            for booking in event.bookings.with_net_price()
            .select_related("event__venue")
            .order_by("-created_at", "-id")[:MAX_BOOKINGS]
        ]

    def entered(self, event):
        """How many tickets are valid or used, and how many of them used; None before there is any."""
        counted = Ticket.objects.filter(booking__event=event).order_by().values_list("status").annotate(n=Count("pk"))
        numbers = dict(counted)
        inside, valid = numbers.get(Ticket.Status.CHECKED_IN, 0), numbers.get(Ticket.Status.VALID, 0)
        return {"inside": inside, "of": inside + valid} if inside else None

    def add_type_url(self, request, event):
        types = self.admin_site.get_model_admin(TicketType)
        if not types.has_add_permission(request) or event.status == Event.Status.CANCELLED:
            return None
        return f"{list_url(TicketType)}add/?event={event.pk}"

    def sell_url(self, request, event, at):
        counter = self.admin_site.get_model_admin(Booking)
        (page,) = counter.pages
        is_possible = event.sales_refusal(at) is None and request.user.has_perms(page.permissions)
        return f"{counter.page_url('sell')}?event={event.pk}" if is_possible else None
