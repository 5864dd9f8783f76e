"""The actions of bookings, which ask for confirmation first."""

import datetime as dt

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.admin import paying
from bookings.admin.cancelling import CancelForm, RefundTotals, TicketsForm
from bookings.admin.holding import HolderForm
from bookings.admin.paying import PayingActions
from bookings.lifecycle.states import CANCEL_CONFIRMED, CONFIRM, TRANSITIONS, Status
from bookings.mailing import send_tickets
from bookings.problems import BookingNotPending
from config.backoffice.actions import ActionSkipped
from config.backoffice.formats import event_label, format_amount


class HoldForm(forms.Form):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        limit = settings.BOOKING_HOLD_MINUTES_MAX
        error = _("Enter 1 to %s minutes.") % limit
        self.fields["minutes"] = forms.IntegerField(
            label=_("Minutes from now"),
            min_value=1,
            max_value=limit,
            initial=settings.BOOKING_HOLD_MINUTES,
            help_text=_("1 to %s. A hold that already lasts longer does not change.") % limit,
            error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), error),
        )


class BookingActions(PayingActions):
    actions = [
        "confirm",
        "record_payment",
        "cancel",
        "cancel_tickets",
        "extend",
        "refund",
        "resend",
        "change_holder",
        "renew_secret",
    ]
    page_actions = ["record_payment", "cancel_tickets", "resend", "change_holder", "renew_secret"]

    def has_cancel_permission(self, request):
        return request.user.has_perm("bookings.cancel_booking")

    def is_offered(self, action, booking):
        state = booking.status_at(timezone.now())
        match action:
            case "renew_secret":
                return True
            case "refund" | "record_payment":
                return paying.is_offered(action, booking)
            case "extend":
                return state == Status.PENDING
            case "change_holder" | "resend":
                return state == Status.CONFIRMED
            case "cancel_tickets":
                return state == Status.CONFIRMED and booking.places > 1
        target = {"confirm": CONFIRM.target, "cancel": CANCEL_CONFIRMED.target}[action]
        return any(it.source == state and it.target == target for it in TRANSITIONS)

    @admin.action(description=gettext_lazy("Cancel…"), permissions=["cancel"])
    def cancel(self, request, queryset):
        form = CancelForm(queryset, request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            self.show_messages(request, list(form.non_field_errors()), messages.ERROR, _("%s more have changed."))
            return self.confirm_page(request, queryset, self.summary, title=_("Cancel bookings"), form=form)
        refunds = RefundTotals()

        def cancel(booking):
            if booking.status == Status.CANCELLED:
                raise ActionSkipped(_("skipped, because it is already cancelled."))
            was_confirmed = booking.status == Status.CONFIRMED
            try:
                booking.cancel(**form.choices(), by=request.user, pending_only=not was_confirmed)
            except BookingNotPending:  # since this request read it
                raise BookingNotPending(_("It was confirmed in the meantime, and not cancelled.")) from None
            refunds.add(booking)

        response = self.run_action(request, queryset, cancel, _("Cancelled"))
        self.show_messages(request, refunds.texts(), messages.WARNING)
        return response

    @admin.action(description=gettext_lazy("Cancel tickets…"), permissions=["cancel"])
    def cancel_tickets(self, request, queryset):
        form = TicketsForm(queryset.get(), request.POST if "confirmed" in request.POST else None)
        if form.skip_reason is None and not form.is_valid():
            return self.confirm_page(request, queryset, self.summary, title=_("Cancel tickets"), form=form)
        refunds = RefundTotals()

        def cancel(booking):
            if form.skip_reason:
                raise ActionSkipped(form.skip_reason)
            booking.cancel(tickets=form.chosen, **form.choices(), by=request.user)
            refunds.add(booking)
            self.show_messages(request, refunds.texts(), messages.WARNING)

        return self.run_action(request, queryset, cancel, _("Tickets cancelled"))

    @admin.action(description=gettext_lazy("Extend the hold…"), permissions=["change"])
    def extend(self, request, queryset):
        form = HoldForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self.confirm_page(
                request, queryset, self.summary, title=_("Extend the hold"), form=form, is_reversible=True
            )

        def extend(booking):
            booking.extend(hold=dt.timedelta(minutes=form.cleaned_data["minutes"]), by=request.user)
            if not booking.is_extended:
                raise ActionSkipped(_("skipped, because its hold lasts until %s.") % self.held_until(booking))

        return self.run_action(request, queryset, extend, _("Hold extended"))

    @admin.action(description=gettext_lazy("Send the tickets again"), permissions=["change"])
    def resend(self, request, queryset):
        return self.run_action(
            request, queryset, lambda booking: send_tickets(booking, by=request.user), _("Mail will be sent")
        )

    @admin.action(description=gettext_lazy("Change a holder…"), permissions=["change"])
    def change_holder(self, request, queryset):
        form = HolderForm(queryset.get(), request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self.confirm_page(request, queryset, self.summary, title=_("Change a holder"), form=form)
        return self.run_action(
            request,
            queryset,
            lambda booking: booking.transfer(form.cleaned_data["ticket"], **form.changes, by=request.user),
            _("Holder changed"),
        )

    @admin.action(description=gettext_lazy("Renew the secret…"), permissions=["change"])
    def renew_secret(self, request, queryset):
        form = forms.Form(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            title = _("Renew the secret: links that the customer has stop working")
            return self.confirm_page(request, queryset, self.summary, title=title, form=form)
        return self.run_action(
            request, queryset, lambda booking: booking.renew_secret(by=request.user), _("Secret renewed")
        )

    def summary(self, booking):
        state = self.state_text(booking, booking.status_at(timezone.now()))
        return _("%(code)s, %(customer)s: %(event)s, %(places)s, %(total)s, %(state)s") % {
            "code": booking.confirmation_code,
            "customer": booking.customer_name,
            "event": event_label(booking.event),
            "places": ngettext("%s place", "%s places", booking.places) % booking.places,
            "total": format_amount(booking.net_price, booking.currency),
            "state": f"{state[:1].lower()}{state[1:]}",
        }
