from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from config.backoffice.actions import ActionSkipped
from config.backoffice.base import CatalogueAdmin
from config.backoffice.filters import RelatedFilter
from config.backoffice.formats import badge, event_label, event_times, local_time_with_zone, places_bar, utc_column
from config.backoffice.forms import BaseAdminForm, ReasonForm
from config.backoffice.pages import Page
from config.backoffice.tables import local_cell
from config.backoffice.wording import Setting
from config.values.timezones import zone_label
from events.admin.calendar import CalendarAdmin
from events.admin.verbs import EventActions
from events.inventory import sales
from events.models import Event

SALE_STATES = {
    "cancelled": gettext_lazy("Cancelled"),
    "ended": gettext_lazy("Sale ended"),
    "paused": gettext_lazy("Sales paused"),
    "no_ticket_types": gettext_lazy("No ticket types"),
    "not_published": gettext_lazy("Draft"),
    "not_started": gettext_lazy("On sale later"),
    "sold_out": gettext_lazy("Sold out"),
    "on_sale": gettext_lazy("On sale"),
}


class EventForm(BaseAdminForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.is_new and "capacity" in self.fields:
            self.fields["capacity"].required = False
            self.fields["capacity"].help_text = _("How many places can be sold. Empty: the capacity of the venue.")

    def find_timezone(self, data):
        venue = data.get("venue") or (None if self.is_new else self.instance.venue)
        return venue and venue.timezone


class CancelEventForm(ReasonForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = True
        self.fields["reason"].error_messages["required"] = _("Enter a reason: customers see it on their bookings.")
        self.fields["reason"].help_text = _("Customers see it on their bookings.")


def publishing_warning(event, at):
    """Why a draft could not be booked after it is published; None when it could, or when `publish` does nothing.

    Needs `sales.load_ticket_types`.
    """
    if event.status != Event.Status.DRAFT or event.starts_at <= at:
        return None
    if not event.ticket_type_sales:
        return _("it has no ticket types, so it cannot be booked.")
    windows = {sales.window_at(ticket_type, at) for ticket_type in event.ticket_type_sales}
    if None in windows:
        return None
    if "not_started" in windows:
        return _("none of its ticket types is on sale yet.")
    return _("the sale of all its ticket types has ended.")


def count_cancelled(ids):
    """How many bookings of some events are cancelled, and how many refunds are due."""
    return Event.objects.filter(pk__in=ids).aggregate(
        cancelled=Count("bookings", filter=Q(bookings__status="cancelled")),
        refunds=Count("bookings", filter=Q(bookings__refund_due=True)),
    )


class TimeFilter(admin.SimpleListFilter):
    title = gettext_lazy("time")
    parameter_name = "when"

    def lookups(self, request, model_admin):
        return [("upcoming", _("Upcoming")), ("past", _("Past"))]

    def queryset(self, request, queryset):
        at = timezone.now()
        if self.value() == "upcoming":
            return queryset.upcoming(at)
        return queryset.filter(ends_at__lte=at) if self.value() == "past" else queryset


class EventAdmin(CalendarAdmin, EventActions, CatalogueAdmin):
    """Events without their sales: bookings.admin extends this class and registers it."""

    exported = {
        "id": "id",
        "venue": "venue__name",
        "name": "name",
        "starts at (venue)": (local_cell, "starts_at", "venue__timezone"),
        "ends at (venue)": (local_cell, "ends_at", "venue__timezone"),
        "time zone": (zone_label, "venue__timezone"),
        "status": "status",
        "published at (UTC)": "published_at",
        "currency": "currency",
        "capacity": "capacity",
        "reserved": "reserved",
        "most per customer": "max_per_customer",
        "free bookings are confirmed": "free_confirmation",
        "customers may cancel": "is_cancellable_by_customer",
        "visibility": "visibility",
        "sales paused": "is_sales_paused",
        "postponed": "is_postponed",
        "description": "description",
        "cancel reason": "cancel_reason",
        "created at (UTC)": "created_at",
        "updated at (UTC)": "updated_at",
    }
    form = EventForm
    pages = [Page("calendar", gettext_lazy("Calendar"), ("events.view_event",), position=10)]
    position = 30
    list_display = ["name", "venue", "starts_local", "state", "places"]
    list_filter = [TimeFilter, "status", "visibility", "is_sales_paused", ("venue", RelatedFilter)]
    search_fields = ["name", "venue__name"]
    search_help_text = gettext_lazy("Event or venue")
    date_hierarchy = "starts_at"
    ordering = ["-starts_at", "-id"]
    autocomplete_fields = ["venue"]
    readonly_fields = ["starts_local", "ends_local", utc_column("created_at"), utc_column("updated_at")]
    actions = ["publish", *EventActions.actions, "cancel", "delete_selected"]
    bookings = "bookings"
    related = ["ticket_types", "bookings"]

    def get_fieldsets(self, request, obj=None):
        may_change = obj is None or self.has_change_permission(request, obj)
        customers = ["free_confirmation", "is_cancellable_by_customer"]
        times = ["starts_at", "ends_at"] if may_change else ["starts_local", "ends_local"]
        return [
            (_("Event"), {"fields": ["venue", "name", "description", *times, "visibility"]}),
            (_("Sale"), {"fields": ["currency", "capacity", "max_per_customer", *customers]}),
        ]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("venue").with_held()

    def prepare_rows(self, request, changelist):
        sales.load_ticket_types(changelist.result_list)

    def get_ordering(self, request):
        """Upcoming events: the next one first; otherwise the latest first."""
        return ["starts_at", "id"] if request.GET.get("when") == "upcoming" else self.ordering

    def navigation(self, request):
        for position, title, url in super().navigation(request):
            yield position, title, f"{url}?when=upcoming" if position == self.position else url

    def settings_of(self, ids):
        rows = Event.objects.filter(pk__in=ids).values_list("pk", "venue__timezone", "currency")
        return {pk: Setting(timezone, currency) for pk, timezone, currency in rows}

    def create(self, request, **data):
        return Event.plan(**data, by=request.user)

    def save_model(self, request, obj, form, change):
        is_moved = form.is_timezone_changed
        super().save_model(request, obj, form, change)
        self.show_warnings(request, obj, has_new_start=change and "starts_at" in form.changed_data)
        if is_moved:
            text = _("The times are local times of the new venue: %(times)s.") % {"times": event_times(obj)}
            self.message_user(request, text, messages.WARNING)

    def label(self, event):
        return event_label(event)

    def timezone_of(self, event):
        return event.venue.timezone

    def label_with_venue(self, event):
        """A tour has the same name at the same time in several venues."""
        return f"{event_label(event)}, {event.venue}"

    # Columns

    @admin.display(description=gettext_lazy("starts, venue time"), ordering="starts_at")
    def starts_local(self, event):
        return local_time_with_zone(event.starts_at, event.venue.timezone)

    @admin.display(description=gettext_lazy("ends, venue time"), ordering="ends_at")
    def ends_local(self, event):
        return local_time_with_zone(event.ends_at, event.venue.timezone)

    @admin.display(description=gettext_lazy("places reserved"), ordering="reserved")
    def places(self, event):
        return places_bar(event)

    @admin.display(description=gettext_lazy("state"), ordering="status")
    def state(self, event):
        state = event.sales_refusal(timezone.now()) or "on_sale"
        return badge(state, _("Postponed") if event.is_postponed else SALE_STATES[state])

    # Actions

    def has_publish_permission(self, request):
        return request.user.has_perm("events.publish_event")

    def has_cancel_permission(self, request):
        return request.user.has_perm("events.cancel_event")

    def is_offered(self, action, event):
        states = {"publish": [Event.Status.DRAFT], "cancel": [Event.Status.DRAFT, Event.Status.PUBLISHED]}
        return event.status in states[action] if action in states else super().is_offered(action, event)

    @admin.action(description=gettext_lazy("Publish"), permissions=["publish"])
    def publish(self, request, queryset):
        at = timezone.now()
        events = list(queryset)
        sales.load_ticket_types(events)
        warnings = {event.pk: warning for event in events if (warning := publishing_warning(event, at))}
        if warnings and "confirmed" not in request.POST:
            return self.confirm_page(
                request,
                queryset.filter(pk__in=warnings),
                lambda event: f"{self.label_with_venue(event)}: {warnings[event.pk]}",
                title=_("Publish events"),
                form=forms.Form(),
                submit=_("Publish anyway"),
                is_reversible=True,
            )

        def publish(event):
            if event.status == Event.Status.PUBLISHED:
                raise ActionSkipped(_("skipped, because it is already published."))
            event.publish(at=timezone.now(), by=request.user)
            self.show_warnings(request, event)

        return self.run_action(request, queryset, publish, _("Published"))

    @admin.action(description=gettext_lazy("Cancel…"), permissions=["cancel"])
    def cancel(self, request, queryset):
        form = CancelEventForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self.confirm_page(request, queryset, self.cancellation, title=_("Cancel events"), form=form)

        def cancel(event):
            event.cancel(reason=form.cleaned_data["reason"], at=timezone.now(), by=request.user)

        ids = list(queryset.values_list("pk", flat=True))
        before = count_cancelled(ids)
        response = self.run_action(request, queryset, cancel, _("Cancelled"))
        count = {name: now - before[name] for name, now in count_cancelled(ids).items()}
        if count["cancelled"]:
            bookings = ngettext("%s booking was cancelled", "%s bookings were cancelled", count["cancelled"])
            refunds = ngettext("%s refund is due", "%s refunds are due", count["refunds"])
            text = f"{bookings % count['cancelled']}; {refunds % count['refunds']}."
            self.message_user(request, text, messages.WARNING)
        return response

    def cancellation(self, event):
        live = event.bookings.live()
        bookings, paid = live.count(), live.exclude(payment_reference="").count()
        text = _("%(event)s: %(bookings)s will be cancelled, %(places)s places become available.") % {
            "event": self.label_with_venue(event),
            "bookings": ngettext("%s live booking", "%s live bookings", bookings) % bookings,
            "places": event.reserved,
        }
        refunds = ngettext("%s refund will be due.", "%s refunds will be due.", paid) % paid
        return f"{text} {refunds}" if paid else text
