"""Payments with their refunds, and the events of providers."""

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.admin.balances import payment_context, state_badge
from bookings.admin.paying import RefundForm, pay_back, way_of
from bookings.admin.till import TillAdmin
from bookings.codes import typed
from bookings.models import Booking
from bookings.payments.models import Payment, ProviderEvent
from config.backoffice.actions import ActionSkipped
from config.backoffice.base import BaseAdmin, ViewOnly
from config.backoffice.filters import DayFilter
from config.backoffice.formats import badge, change_url, format_amount, office_time, two_lines
from config.backoffice.tables import amount_column
from config.values.timezones import zone_label

MAX_EVENTS = 100


class ProviderFilter(admin.SimpleListFilter):
    title = gettext_lazy("provider")
    parameter_name = "provider"

    def lookups(self, request, model_admin):
        return [(name, name) for name in sorted(settings.PAYMENT_PROVIDERS)]

    def queryset(self, request, queryset):
        return queryset.filter(provider=self.value()) if self.value() else queryset


class PaidFilter(DayFilter):
    """As the till counts them."""

    title = gettext_lazy("day of payment")
    prefix, field = "paid", "succeeded_at"

    def between(self, queryset, start, end):
        return super().between(queryset.succeeded(), start, end)


@admin.register(Payment)
class PaymentAdmin(TillAdmin, ViewOnly, BaseAdmin):
    """Payments are recorded by the verbs of bookings and by providers, and never changed by a form."""

    exported = {
        "id": "id",
        "booking": "booking__confirmation_code",
        "event": "booking__event__name",
        "provider": "provider",
        "method": "method",
        "reference": "reference",
        "amount": amount_column("amount", "currency"),
        "refunded": amount_column("amount_refunded", "currency"),
        "currency": "currency",
        "status": "status",
        "error": "error",
        "by": "by__username",
        "created at (UTC)": "created_at",
        "succeeded at (UTC)": "succeeded_at",
    }
    list_display = ["name", "booking", "way", "paid", "refunded", "state", "time"]
    list_filter = ["status", ProviderFilter, "method", PaidFilter]
    fields = ["booking", "way", "reference", "paid", "refunded", "state", "error", "by", "time"]
    search_fields = ["reference"]  # turns the search on
    search_help_text = gettext_lazy("Payment reference, or the confirmation code of its booking")
    sortable_by = ()  # there are no indexes for other orders
    ordering = ["-id"]
    actions = ["refund"]
    page_actions = ["refund"]
    position = 45

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("booking", "by")

    def get_search_results(self, request, queryset, search_term):
        words = search_term.strip()
        if not words:
            return queryset, False
        booking = Booking.objects.filter(confirmation_code=typed(words)).values_list("pk", flat=True).first()
        return queryset.filter(Q(reference=words) | Q(booking=booking)), False

    # Columns

    @admin.display(description=gettext_lazy("payment"))
    def name(self, payment):
        return str(payment)

    @admin.display(description=gettext_lazy("paid by"))
    def way(self, payment):
        return way_of(payment)

    @admin.display(description=gettext_lazy("amount"))
    def paid(self, payment):
        return format_amount(payment.amount, payment.currency)

    @admin.display(description=gettext_lazy("refunded"), empty_value="-")
    def refunded(self, payment):
        return format_amount(payment.amount_refunded, payment.currency) if payment.amount_refunded else None

    @admin.display(description=gettext_lazy("state"))
    def state(self, payment):
        return state_badge(payment)

    @admin.display(description=gettext_lazy("time"))
    def time(self, payment):
        zone = zone_label(settings.BACK_OFFICE_TIME_ZONE)
        return two_lines(office_time(payment.succeeded_at or payment.created_at), zone)

    # The page of one payment

    def object_context(self, request, payment):
        return {
            "payments": [payment_context(payment, may_open=False)],
            "zone": zone_label(settings.BACK_OFFICE_TIME_ZONE),
            "booking_url": change_url(Booking, payment.booking_id),
            "events": [
                {
                    "row": event,
                    "received": office_time(event.received_at),
                    "handled": event.handled_at and office_time(event.handled_at),
                    "body": event.body if request.user.is_superuser else "",
                }
                for event in payment.events.order_by("pk")[:MAX_EVENTS]
            ],
        }

    def has_refund_permission(self, request):
        return request.user.has_perm("bookings.refund_booking")

    def is_offered(self, action, payment):
        return payment.refundable > 0

    @admin.action(description=gettext_lazy("Refund…"), permissions=["refund"])
    def refund(self, request, queryset):
        payment = queryset.get()
        booking = payment.booking
        form = None
        if payment.refundable:
            data = request.POST if "confirmed" in request.POST else None
            form = RefundForm([booking], data, refundable=payment.refundable)
        if form and not form.is_valid():
            self.show_messages(request, list(form.non_field_errors()), messages.ERROR, _("%s more have changed."))
            return self.confirm_page(
                request, queryset, self.summary, title=_("Refund"), form=form, submit=_("Yes, refund it")
            )

        def refund(payment):
            if form is None:
                raise ActionSkipped(_("skipped, because nothing of it can be refunded."))
            pay_back(self, request, booking, form, payment=payment, expected=booking.refund_amount)

        return self.run_action(request, queryset, refund, _("Refunded"))

    def summary(self, payment):
        return _("%(payment)s of %(booking)s: %(amount)s, of which %(refundable)s can be refunded.") % {
            "payment": f"{way_of(payment)} {payment.reference}".strip(),
            "booking": payment.booking,
            "amount": format_amount(payment.amount, payment.currency),
            "refundable": format_amount(payment.refundable, payment.currency),
        }


class HandledFilter(admin.SimpleListFilter):
    title = gettext_lazy("handled")
    parameter_name = "handled"

    def lookups(self, request, model_admin):
        return [("no", _("Not handled"))]

    def queryset(self, request, queryset):
        return queryset.filter(handled_at=None) if self.value() == "no" else queryset


@admin.register(ProviderEvent)
class ProviderEventAdmin(ViewOnly, BaseAdmin):
    """The callbacks of providers. Those that are not handled are tried again for three days."""

    exported = {
        "id": "event_id",
        "provider": "provider",
        "kind": "kind",
        "payment": "payment__reference",
        "received at (UTC)": "received_at",
        "handled at (UTC)": "handled_at",
        "error": "error",
    }
    list_display = ["event_id", "provider", "kind", "received", "state", "error"]
    list_filter = [HandledFilter, ProviderFilter]
    sortable_by = ()
    ordering = ["-id"]

    def get_fields(self, request, obj=None):
        fields = ["event_id", "provider", "kind", "payment", "received", "state", "error"]
        return [*fields, "body"] if request.user.is_superuser else fields

    @admin.display(description=gettext_lazy("received"))
    def received(self, event):
        return two_lines(office_time(event.received_at), zone_label(settings.BACK_OFFICE_TIME_ZONE))

    @admin.display(description=gettext_lazy("state"))
    def state(self, event):
        if event.handled_at is None:
            return badge("failed", _("Not handled"))
        return badge("succeeded", _("Handled: %s") % office_time(event.handled_at))
