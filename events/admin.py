# mypy: no-check-untyped-defs

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from config.backoffice import (
    CatalogueAdmin,
    ChosenFilter,
    Page,
    ReasonForm,
    Setting,
    VerbForm,
    badge,
    fill,
    in_one_line,
    local,
    local_span,
    number,
    on_the_clock,
    utc,
)
from events.inventory import sales
from events.models import Event
from events.month import MonthPage

REFUSALS = {
    "cancelled": gettext_lazy("Cancelled"),
    "ended": gettext_lazy("Sale over"),
    "no_ticket_types": gettext_lazy("No ticket types"),
    "not_published": gettext_lazy("Draft"),
    "not_started": gettext_lazy("On sale later"),
    "sold_out": gettext_lazy("Sold out"),
    None: gettext_lazy("On sale"),
}


class EventForm(VerbForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance._state.adding and "capacity" in self.fields:
            self.fields["capacity"].required = False
            self.fields["capacity"].help_text = _("How many places can be sold; empty: as many as the venue has.")

    def place(self, data):
        venue = data.get("venue") or (None if self.instance._state.adding else self.instance.venue)
        return venue and venue.timezone


class WhyCancelForm(ReasonForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = True
        self.fields["reason"].error_messages["required"] = _("Say why: every booking keeps it, for the customers.")
        self.fields["reason"].help_text = _("For the customers: every booking keeps it.")


def warning_before_publishing(event, at):
    """What is odd about a draft that is to be published, in words; None when nothing is. Needs its ticket types."""
    if event.status != Event.Status.DRAFT or event.starts_at <= at:
        return None  # nothing happens, or the verb refuses it
    if not event.ticket_type_sales:
        return _("it has no ticket types, so nothing of it can be booked.")
    windows = {sales.window_at(ticket_type, at) for ticket_type in event.ticket_type_sales}
    if None in windows:
        return None
    if "not_started" in windows:
        return _("none of its ticket types is on sale yet.")
    return _("none of its ticket types is on sale any more.")


def given_up(ids):
    """How many bookings of some events are cancelled, and how many payments are to be paid back."""
    found = Event.objects.filter(pk__in=ids).aggregate(
        cancelled=Count("bookings", filter=Q(bookings__status="cancelled")),
        due=Count("bookings", filter=Q(bookings__refund_due=True)),
    )
    return found["cancelled"], found["due"]


def in_its_wake(events, bookings, payments):
    """What cancelling events has done besides, in words; nothing when it has not."""
    if not bookings:
        return ""
    its = ngettext("with it", "with them", events)
    text = ngettext(", %(its)s %(count)s booking", ", %(its)s %(count)s bookings", bookings)
    text %= {"its": its, "count": number(bookings)}
    if not payments:
        return text
    due = ngettext("; %s payment is to be paid back", "; %s payments are to be paid back", payments)
    return text + due % number(payments)


def why_not_publish(event):
    return _("passed over, because it is published already.") if event.status == Event.Status.PUBLISHED else None


class WhenFilter(admin.SimpleListFilter):
    title = gettext_lazy("time")
    parameter_name = "when"

    def lookups(self, request, model_admin):
        return [("upcoming", _("Upcoming")), ("past", _("Past"))]

    def queryset(self, request, queryset):
        at = timezone.now()
        if self.value() == "upcoming":
            return queryset.upcoming(at)
        return queryset.filter(ends_at__lte=at) if self.value() == "past" else queryset


class EventAdmin(MonthPage, CatalogueAdmin):
    """The screens of events, as far as this app knows them; that of bookings adds what was sold, and registers it."""

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
        "reserved": "reserved",
        "most per customer": "max_per_customer",
        "description": "description",
        "cancel reason": "cancel_reason",
        "created at (UTC)": "created_at",
        "updated at (UTC)": "updated_at",
    }
    form = EventForm
    pages = [Page("calendar", gettext_lazy("Calendar"), ("events.view_event",), position=10)]
    position = 30
    list_display = ["name", "venue", "starts_there", "state", "places"]
    list_filter = [WhenFilter, "status", ("venue", ChosenFilter)]
    list_select_related = ["venue"]
    search_fields = ["name", "venue__name"]
    search_help_text = gettext_lazy("Event or venue")
    date_hierarchy = "starts_at"
    ordering = ["-starts_at", "-id"]
    autocomplete_fields = ["venue"]
    readonly_fields = ["starts_there", "ends_there", utc("created_at"), utc("updated_at")]
    actions = ["publish", "cancel", "delete_selected"]
    bookings = "bookings"
    related = ["ticket_types", "bookings"]

    def get_fieldsets(self, request, obj=None):
        data = ["venue", "name", "description"]
        may_change = obj is None or self.has_change_permission(request, obj)
        times = ["starts_at", "ends_at"] if may_change else ["starts_there", "ends_there"]
        return [
            (_("Facts"), {"fields": [*data, *times]}),
            (_("Sale"), {"fields": ["currency", "capacity", "max_per_customer"]}),
        ]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("venue").with_held()

    def prepare(self, request, changelist):
        sales.load_ticket_types(changelist.result_list)

    def get_ordering(self, request):
        """What is to come, the next one first; what has been, the last one first."""
        return ["starts_at", "id"] if request.GET.get("when") == "upcoming" else self.ordering

    def navigation(self, request):
        for position, title, address in super().navigation(request):
            is_list = position == self.position
            yield position, title, f"{address}?when=upcoming" if is_list else address

    def settings_of(self, ids):
        rows = Event.objects.filter(pk__in=ids).values_list("pk", "venue__timezone", "currency")
        return {pk: Setting(timezone, currency) for pk, timezone, currency in rows}

    def make(self, request, **data):
        return Event.plan(**data, by=request.user)

    def save_model(self, request, obj, form, change):
        is_moved = form.is_moved
        super().save_model(request, obj, form, change)
        if is_moved:
            text = _("The times are those of the new venue: %(times)s.") % {"times": local_span(obj)}
            self.message_user(request, text, messages.WARNING)

    def label(self, event):
        return in_one_line(event)

    def zone_of(self, event):
        return event.venue.timezone

    def label_with_venue(self, event):
        """A tour plays the same at the same time in many places."""
        return _("%(event)s, %(venue)s") % {"event": self.label(event), "venue": event.venue}

    # Columns

    @admin.display(description=gettext_lazy("starts, venue time"), ordering="starts_at")
    def starts_there(self, event):
        return local(event.starts_at, event.venue.timezone)

    @admin.display(description=gettext_lazy("ends, venue time"), ordering="ends_at")
    def ends_there(self, event):
        return local(event.ends_at, event.venue.timezone)

    @admin.display(description=gettext_lazy("places taken"), ordering="reserved")
    def places(self, event):
        return fill(event.reserved - event.held, event.held, event.capacity)

    @admin.display(description=gettext_lazy("state"), ordering="status")
    def state(self, event):
        refusal = event.sales_refusal(timezone.now())
        return badge(refusal or "on_sale", REFUSALS[refusal])

    # Actions

    def has_publish_permission(self, request):
        return request.user.has_perm("events.publish_event")

    def has_cancel_permission(self, request):
        return request.user.has_perm("events.cancel_event")

    def is_offered(self, action, event):
        states = {"publish": [Event.Status.DRAFT], "cancel": [Event.Status.DRAFT, Event.Status.PUBLISHED]}
        return event.status in states[action]

    @admin.action(description=gettext_lazy("Publish"), permissions=["publish"])
    def publish(self, request, queryset):
        at = timezone.now()
        events = list(queryset)
        sales.load_ticket_types(events)
        lacking = {event.pk: text for event in events if (text := warning_before_publishing(event, at))}
        if lacking and "confirmed" not in request.POST:
            return self.ask(
                request,
                queryset.filter(pk__in=lacking),
                lambda event: f"{self.label_with_venue(event)}: {lacking[event.pk]}",
                title=_("Publish events"),
                form=forms.Form(),
                yes=_("Publish anyway"),
                is_grave=False,
            )

        def publish(event):
            event.publish(at=timezone.now(), by=request.user)

        return self.act(request, queryset, publish, _("Published"), skip=why_not_publish)

    @admin.action(description=gettext_lazy("Cancel…"), permissions=["cancel"])
    def cancel(self, request, queryset):
        form = WhyCancelForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self.ask(request, queryset, self.consequence, title=_("Cancel events"), form=form)

        def cancel(event):
            event.cancel(reason=form.cleaned_data["reason"], at=timezone.now(), by=request.user)

        ids = list(queryset.values_list("pk", flat=True))
        before = given_up(ids)

        def more(count):
            bookings, payments = (now - then for now, then in zip(given_up(ids), before, strict=True))
            return in_its_wake(count, bookings, payments)

        return self.act(request, queryset, cancel, _("Cancelled"), more=more)

    def consequence(self, event):
        live = event.bookings.live()
        bookings = live.count()
        paid = live.exclude(payment_reference="").count()
        touched = ngettext("%s live booking", "%s live bookings", bookings) % bookings
        text = _("%(event)s: %(bookings)s will be cancelled, %(places)s places given back.") % {
            "event": self.label_with_venue(event),
            "bookings": touched,
            "places": event.reserved,
        }
        refunds = ngettext("%s payment will be to refund.", "%s payments will be to refund.", paid) % paid
        return f"{text} {refunds}" if paid else text
