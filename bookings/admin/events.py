"""The admin of events with their sales."""

from decimal import Decimal

from django.contrib import admin
from django.db.models import OuterRef
from django.utils import timezone
from django.utils.translation import gettext_lazy

from bookings.admin.charts import sales_curve
from bookings.lifecycle.amounts import net_price
from bookings.models import Booking, Ticket
from bookings.reports.admissions import counts_of
from bookings.reports.queries import sales, totals
from bookings.reports.rows import GroupBy
from config.backoffice.formats import badge, change_url, event_times, format_amount, list_url, local_time, places_bar
from config.values import money
from events.admin import SALE_STATES, EventAdmin
from events.inventory.sales import load_ticket_types
from events.models import Event
from ticket_types.admin import price_cell
from ticket_types.models import TicketType
from venues.models import Venue

MAX_BOOKINGS = 8


def revenue_cell(revenue, currency):
    return money.plain(revenue or Decimal(0), currency)


@admin.register(Event)
class EventSalesAdmin(EventAdmin):
    exported = {
        **EventAdmin.exported,
        "sold": (int.__sub__, "reserved", "held"),
        "held": "held",
        "available": (int.__sub__, "capacity", "reserved"),
        "revenue": (revenue_cell, "revenue", "currency"),
    }

    def get_exported(self, request):
        is_shown = request.user.has_perm("bookings.view_reports")
        return {title: column for title, column in self.exported.items() if is_shown or title != "revenue"}

    def annotate_export(self, queryset):
        # One currency, because that of an event is fixed once it is booked.
        bookings = Booking.objects.filter(event=OuterRef("pk")).sold().order_by().values("event")
        revenue = bookings.annotate(amount=money.Total(net_price())).values("amount")
        return queryset.annotate(revenue=money.TotalOf(revenue, output_field=money.MoneyField()))

    def get_list_display(self, request):
        columns = super().get_list_display(request)
        return [*columns, "revenue"] if request.user.has_perm("bookings.view_reports") else columns

    def prepare_rows(self, request, changelist):
        super().prepare_rows(request, changelist)
        if not request.user.has_perm("bookings.view_reports"):
            return
        amounts = {}
        for row in sales(GroupBy.EVENT, Booking.objects.filter(event__in=[it.pk for it in changelist.result_list])):
            amounts.setdefault(row.group, []).append(format_amount(row.revenue, row.currency))
        for event in changelist.result_list:
            event.revenue_text = ", ".join(amounts.get(event.pk, ["-"]))

    @admin.display(description=gettext_lazy("revenue"))
    def revenue(self, event):
        return event.revenue_text

    # The page of one event

    def object_context(self, request, event):
        at = timezone.now()
        load_ticket_types([event])
        context = {
            "event": event,
            "state": self.state(event),
            "when": event_times(event),
            "venue_url": change_url(Venue, event.venue_id),
            "bar": self.places(event),
            "sold": event.reserved - event.held,
            "held": event.held,
            "available": event.available,
            "checked_in": self.check_ins(event),
            "latest": None,
            "revenue": None,
            "curve": None,
            "add_type_url": self.add_type_url(request, event),
            "sell_url": self.sell_url(request, event, at),
            "door_url": self.door_url(request, event),
        }
        revenues = {}
        if request.user.has_perm("bookings.view_booking"):
            context |= {"latest": self.latest(event), "bookings_url": list_url(Booking, event__id__exact=event.pk)}
        if request.user.has_perm("bookings.view_reports"):
            amounts = [format_amount(row.revenue, row.currency) for row in totals(event.bookings.all())]
            context |= {"revenue": ", ".join(amounts) or "-", "curve": sales_curve(event)}
            for row in sales(GroupBy.TICKET_TYPE, event.bookings.all()):
                revenues[row.group] = format_amount(row.revenue, row.currency)
        types = TicketType.objects.filter(event=event).select_related("event").with_held()
        return context | {"types": [self.type_context(it, event, at, revenues.get(it.pk, "-")) for it in types]}

    def type_context(self, ticket_type, event, at, revenue):
        zone = event.venue.timezone
        state = ticket_type.status_at(at)
        start, end = ticket_type.sales_start_at, ticket_type.sales_end_at
        return {
            "type": ticket_type,
            "url": change_url(TicketType, ticket_type.pk),
            "price": price_cell(ticket_type),
            "sold": ticket_type.reserved - ticket_type.held,
            "held": ticket_type.held,
            "available": ticket_type.available,
            "bar": places_bar(ticket_type),
            "revenue": revenue,
            "from": start and local_time(start, zone),
            "until": end and local_time(end, zone),
            "state": badge(state, SALE_STATES[state]),
        }

    def latest(self, event):
        booking_admin = self.admin_site.get_model_admin(Booking)
        latest = event.bookings.with_net_price().select_related("event__venue").order_by("-created_at", "-id")
        return [
            {
                "booking": booking,
                "url": change_url(Booking, booking.pk),
                "state": booking_admin.state(booking),
                "places": booking_admin.places(booking),
                "total": booking_admin.total(booking),
                "created": local_time(booking.created_at, event.venue.timezone, "%d %b, %H:%M"),
            }
            for booking in latest[:MAX_BOOKINGS]
        ]

    def check_ins(self, event):
        """The checked-in tickets, of all that are not void, and how many are inside; None while there are none."""
        counts = counts_of([event.pk]).get(event.pk)
        if not counts or not counts["admitted"]:
            return None
        return {"count": counts["admitted"], "of": counts["expected"], "inside": counts["inside"]}

    def door_url(self, request, event):
        """The page of the door, for a published event and those who may check in."""
        door = self.admin_site.get_model_admin(Ticket)
        (page,) = door.pages
        may_open = event.status == Event.Status.PUBLISHED and request.user.has_perms(page.permissions)
        return f"{door.page_url('door')}?event={event.pk}" if may_open else None

    def add_type_url(self, request, event):
        may_add = self.admin_site.get_model_admin(TicketType).has_add_permission(request)
        if not may_add or event.status == Event.Status.CANCELLED:
            return None
        return f"{list_url(TicketType)}add/?event={event.pk}"

    def sell_url(self, request, event, at):
        counter = self.admin_site.get_model_admin(Booking)
        (page,) = counter.pages
        is_possible = event.sales_refusal(at) is None and request.user.has_perms(page.permissions)
        return f"{counter.page_url('sell')}?event={event.pk}" if is_possible else None
