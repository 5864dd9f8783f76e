"""The actions that record payments and refunds, and their forms."""

from django import forms
from django.contrib import admin, messages
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.admin.cancelling import SeenForm
from bookings.admin.labels import METHODS
from bookings.lifecycle.states import Status
from bookings.payments.ledger import MANUAL, NO_RECEIPT, Receipt, price_to_pay
from bookings.payments.models import Payment
from bookings.payments.refunding import split
from bookings.payments.states import RefundStatus
from bookings.problems import BookingCancelled, HoldExpired
from config.backoffice.actions import ActionsAdmin, ActionSkipped
from config.backoffice.errors import error_text
from config.backoffice.formats import format_amount
from config.backoffice.forms import AmountField, ReasonForm, TextField
from config.values.text import validate_line


class PaymentForm(forms.Form):
    """A payment for one booking, or one of the same kind for each of several."""

    method = forms.ChoiceField(
        label=gettext_lazy("Paid by"),
        choices=[
            ("", gettext_lazy("Not known, or not paid yet")),
            *((it, METHODS[it]) for it in Payment.Method.elsewhere()),
        ],
        required=False,
    )
    payment_reference = TextField(
        label=gettext_lazy("Payment reference"),
        max_length=200,
        required=False,
        validators=[validate_line],
        help_text=gettext_lazy("Such as the number of the receipt. Cash and card payments may have none."),
    )

    def __init__(self, bookings, data=None):
        super().__init__(data)
        if len(bookings) == 1:
            self.add_amount(bookings[0])

    def add_amount(self, booking):
        """For one booking: how much, and what had been paid when the form was shown."""
        self.fields["paid"] = forms.DecimalField(widget=forms.HiddenInput, required=False, initial=booking.amount_paid)
        if price := price_to_pay(booking):
            self.fields["amount"] = AmountField(
                booking.currency,
                label=_("Amount"),
                required=False,
                initial=price,
                help_text=_("Recorded when it says how it was paid, or has a reference. Otherwise it stays due."),
            )

    def receipt(self, booking):
        """What was paid for a booking; empty for nothing."""
        data = self.cleaned_data
        method, reference = data["method"], data["payment_reference"]
        if not method and not reference:
            return NO_RECEIPT
        amount = data.get("amount")
        if reference:
            return Receipt(reference, amount, method=method or Payment.Method.OTHER)
        amount = price_to_pay(booking) if amount is None else amount
        if not amount:
            return NO_RECEIPT
        paid = data.get("paid")
        return Receipt(amount=amount, method=method, paid_before=booking.amount_paid if paid is None else paid)


class RefundForm(SeenForm, ReasonForm):
    """The refund of what is due, or of another amount for one booking alone."""

    field_order = ["amount", "reason"]

    def __init__(self, bookings, data=None, *, refundable=None):
        """`refundable` bounds the amount, for one booking."""
        super().__init__({it.confirmation_code: it.refund_amount for it in bookings}, data)
        if refundable is not None:
            (booking,) = bookings
            self.fields["amount"] = AmountField(
                booking.currency,
                label=_("Amount"),
                max_value=refundable,
                required=False,
                initial=min(booking.refund_amount, refundable) or None,
                help_text=_("Due: %s.") % format_amount(booking.refund_amount, booking.currency),
            )
            self.order_fields(self.field_order)


def confirm_booking(booking, receipt, *, by):
    """Confirms. The error text of a late payment says what happens to the payment."""
    try:
        booking.receive(receipt, may_be_unpaid=by.has_perm("bookings.confirm_unpaid"), by=by)
    except (HoldExpired, BookingCancelled) as error:
        if not receipt.reference:
            raise
        booking.refresh_from_db()
        text = _("%(error)s The payment %(payment)s was recorded.")
        if booking.refund_due:
            text = _("%(error)s The payment %(payment)s was recorded: a refund of %(amount)s is due.")
        amount = format_amount(booking.refund_amount, booking.currency)
        facts = {"error": error_text(error), "payment": receipt.reference, "amount": amount}
        raise type(error)(text % facts) from None


def refundable_of(payments):
    return sum(payment.refundable for payment in payments)


def way_of(payment):
    """How it was paid: `Cash`, or the provider."""
    return METHODS.get(payment.method, payment.method) if payment.provider == MANUAL else payment.provider


def pay_back(model_admin, request, booking, form, **options):
    """Refunds as the form says. A refund that the provider refuses is reported, and is due again."""
    refunds = booking.refund(
        amount=form.cleaned_data.get("amount"),
        reason=form.cleaned_data["reason"],
        may_exceed=request.user.has_perm("bookings.refund_more"),
        by=request.user,
        **options,
    )
    texts = {
        RefundStatus.FAILED: _("%(amount)s could not be refunded: %(error)s"),
        RefundStatus.PENDING: _("The refund of %(amount)s is under way. %(error)s"),
    }
    found = [
        texts[it.status] % {"amount": format_amount(it.amount, booking.currency), "error": it.error}
        for it in refunds
        if it.status in texts
    ]
    model_admin.show_messages(request, found, messages.WARNING)


class PayingActions(ActionsAdmin):
    """Needs the admin of bookings."""

    def has_confirm_permission(self, request):
        return request.user.has_perm("bookings.confirm_booking")

    def has_refund_permission(self, request):
        return request.user.has_perm("bookings.refund_booking")

    def object_tools(self, request, booking):
        """What is not due is refunded only with a permission."""
        tools = super().object_tools(request, booking)
        if not booking.refund_due and not request.user.has_perm("bookings.refund_more"):
            tools["page_actions"] = [it for it in tools["page_actions"] if it[0] != "refund"]
        return tools

    @admin.action(description=gettext_lazy("Confirm…"), permissions=["confirm"])
    def confirm(self, request, queryset):
        form = PaymentForm(list(queryset[:2]), request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self.confirm_page(
                request, queryset, self.summary, title=_("Confirm bookings"), form=form, is_reversible=True
            )

        def confirm(booking):
            if booking.status == Status.CONFIRMED:
                raise ActionSkipped(_("skipped, because it is already confirmed."))
            confirm_booking(booking, form.receipt(booking), by=request.user)

        return self.run_action(request, queryset, confirm, _("Confirmed"))

    @admin.action(description=gettext_lazy("Record a payment…"), permissions=["confirm"])
    def record_payment(self, request, queryset):
        form = PaymentForm(list(queryset[:2]), request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self.confirm_page(
                request, queryset, self.summary, title=_("Record a payment"), form=form, is_reversible=True
            )

        def receive(booking):
            receipt, before = form.receipt(booking), booking.amount_paid
            if receipt.is_empty:
                raise ActionSkipped(_("skipped, because neither a reference nor a kind of payment was given."))
            try:
                booking.receive(receipt, may_be_unpaid=True, by=request.user)
            except BookingCancelled:
                booking.refresh_from_db()
            if booking.amount_paid == before:
                raise ActionSkipped(_("skipped, because a payment has been recorded already."))

        return self.run_action(request, queryset, receive, _("Payment recorded"))

    @admin.action(description=gettext_lazy("Refund…"), permissions=["refund"])
    def refund(self, request, queryset):
        bookings = list(queryset.prefetch_related("payments"))
        is_one = len(bookings) == 1
        due = [it for it in bookings if it.refund_due or (is_one and refundable_of(it.payments.all()))]
        refundable = refundable_of(due[0].payments.all()) if is_one and due else None
        form = RefundForm(due, request.POST if "confirmed" in request.POST else None, refundable=refundable)
        if due and not form.is_valid():
            self.show_messages(request, list(form.non_field_errors()), messages.ERROR, _("%s more have changed."))
            rows = queryset.filter(pk__in=[it.pk for it in due]).prefetch_related("payments")
            return self.confirm_page(
                request, rows, self.refund_summary, title=_("Refund"), form=form, submit=_("Yes, refund it")
            )
        shown = {booking.pk: booking.refund_amount for booking in due}

        def refund(booking):
            if booking.pk not in shown:
                raise ActionSkipped(_("skipped, because no refund is due."))
            pay_back(self, request, booking, form, expected=shown[booking.pk])

        return self.run_action(request, queryset, refund, _("Refunded"))

    def refund_summary(self, booking):
        """What is due, and the payments from which it comes."""
        payments = sorted(booking.payments.all(), key=lambda it: it.pk)
        parts = split(booking.refund_amount, 0, payments) or [(it, it.refundable, 0) for it in payments]
        sources = [
            f"{way_of(it)} {it.reference}".strip() + f": {format_amount(part, it.currency)}"
            for it, part, _beyond in parts
            if part
        ]
        return _("%(code)s, %(customer)s: refund of %(amount)s, from %(payments)s.") % {
            "code": booking.confirmation_code,
            "customer": booking.customer_name,
            "amount": format_amount(booking.refund_amount, booking.currency),
            "payments": "; ".join(sources) or _("no payment"),
        }


def is_offered(action, booking):
    """Whether an action on payments makes sense for a booking."""
    if action == "refund":
        return booking.refund_due or booking.amount_paid > booking.amount_refunded
    return booking.amount_due > 0 and booking.status_at(timezone.now()) in (Status.CONFIRMED, Status.CANCELLED)
