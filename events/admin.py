# mypy: no-check-untyped-defs

from django.contrib import admin, messages
from django.utils import timezone
from django.utils.translation import gettext as _

from config.admin import (
    CatalogueAdmin,
    ReasonForm,
    VerbForm,
    in_one_line,
    local,
    local_span,
    on_the_clock,
    utc,
)
from events.models import Event


class EventForm(VerbForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance._state.adding and "capacity" in self.fields:
            self.fields["capacity"].required = False
            self.fields["capacity"].help_text = "How many places can be sold; empty: as many as the venue has."

    def place(self, facts):
        venue = facts.get("venue") or (None if self.instance._state.adding else self.instance.venue)
        return venue and venue.timezone


class WhyCancelForm(ReasonForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = True
        self.fields["reason"].help_text = "For the customers: every booking keeps it."


class WhenFilter(admin.SimpleListFilter):
    title = "time"
    parameter_name = "when"

    def lookups(self, request, model_admin):
        return [("upcoming", "Upcoming"), ("past", "Past")]

    def queryset(self, request, queryset):
        at = timezone.now()
        if self.value() == "upcoming":
            return queryset.upcoming(at)
        return queryset.filter(ends_at__lte=at) if self.value() == "past" else queryset


@admin.register(Event)
class EventAdmin(CatalogueAdmin):
    exported = {
        "id": "id",
        "venue": "venue__name",
        "name": "name",
        "starts at (venue)": (on_the_clock, "starts_at", "venue__timezone"),
        "ends at (venue)": (on_the_clock, "ends_at", "venue__timezone"),
        "time zone": "venue__timezone",
        "status": "status",
        "currency": "currency",
        "capacity": "capacity",
        "reserved": (int.__sub__, "reserved", "overdue"),
        "most per customer": "max_per_customer",
        "description": "description",
        "cancel reason": "cancel_reason",
        "created at (UTC)": "created_at",
        "updated at (UTC)": "updated_at",
    }
    form = EventForm
    list_display = ["name", "venue", "starts_there", "state", "places"]
    list_filter = [WhenFilter, "status", "venue"]
    list_select_related = ["venue"]
    search_fields = ["name", "venue__name"]
    search_help_text = "Event or venue"
    date_hierarchy = "starts_at"
    ordering = ["-starts_at", "-id"]
    autocomplete_fields = ["venue"]
    readonly_fields = [
        "starts_there",
        "ends_there",
        "state",
        "places",
        "cancel_reason",
        utc("created_at"),
        utc("updated_at"),
    ]
    actions = ["publish", "cancel", "delete_selected"]
    bookings = "bookings"
    related = ["ticket_types", "bookings"]

    def get_fieldsets(self, request, obj=None):
        facts = ["venue", "name", "description"]
        sale = ["currency", "capacity", "max_per_customer"]
        if obj is None:
            return [(None, {"fields": [*facts, "starts_at", "ends_at"]}), ("Sale", {"fields": sale})]
        may_change = self.has_change_permission(request, obj)
        times = ["starts_at", "ends_at"] if may_change else ["starts_there", "ends_there"]
        state = ["state", *(["cancel_reason"] if obj.cancel_reason else []), *self.readonly_fields[-2:]]
        return [
            (None, {"fields": [*facts, *times]}),
            ("Sale", {"fields": [*sale, "places"]}),
            ("State", {"fields": state}),
        ]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("venue").with_sales(timezone.now())

    def make(self, request, **facts):
        return Event.plan(**facts, by=request.user)

    def save_model(self, request, obj, form, change):
        is_moved = form.is_moved
        super().save_model(request, obj, form, change)
        if is_moved:
            text = _("The times are those of the new venue: %(times)s.") % {"times": local_span(obj)}
            self.message_user(request, text, messages.WARNING)

    def label(self, event):
        return in_one_line(event)

    @admin.display(description="starts, venue time", ordering="starts_at")
    def starts_there(self, event):
        return local(event.starts_at, event.venue.timezone)

    @admin.display(description="ends, venue time", ordering="ends_at")
    def ends_there(self, event):
        return local(event.ends_at, event.venue.timezone)

    @admin.display(description="reserved / capacity", ordering="reserved")
    def places(self, event):
        return f"{event.held} / {event.capacity}"

    @admin.display(ordering="status")
    def state(self, event):
        if event.status != Event.Status.PUBLISHED:
            return event.get_status_display()
        reason = event.sales_refusal(timezone.now()) or "on sale"
        return f"{event.get_status_display()}, {reason.replace('_', ' ')}"

    # Actions

    def has_publish_permission(self, request):
        return request.user.has_perm("events.publish_event")

    def has_cancel_permission(self, request):
        return request.user.has_perm("events.cancel_event")

    def is_offered(self, action, event):
        states = {"publish": [Event.Status.DRAFT], "cancel": [Event.Status.DRAFT, Event.Status.PUBLISHED]}
        return event.status in states[action]

    @admin.action(description="Publish", permissions=["publish"])
    def publish(self, request, queryset):
        return self.act(request, queryset, lambda event: event.publish(at=timezone.now(), by=request.user), "Published")

    @admin.action(description="Cancel…", permissions=["cancel"])
    def cancel(self, request, queryset):
        form = WhyCancelForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self.ask(request, queryset, self.consequence, title="Cancel events", form=form)

        def cancel(event):
            event.cancel(reason=form.cleaned_data["reason"], at=timezone.now(), by=request.user)

        return self.act(request, queryset, cancel, "Cancelled")

    def consequence(self, event):
        live = event.bookings.live(timezone.now()).count()
        bookings = "1 live booking" if live == 1 else f"{live} live bookings"
        return f"{self.label(event)}: {bookings} will be cancelled, {event.held} places given back."
