"""What the page of a booking shows of its money."""

from django.conf import settings
from django.db.models import Prefetch
from django.utils.translation import gettext as _

from bookings.admin.labels import PAYMENT_STATES
from bookings.admin.paying import way_of
from bookings.lifecycle.states import Status
from bookings.payments.models import Payment, Refund
from config.backoffice.formats import badge, change_url, format_amount, local_time
from config.values.timezones import zone_label

MAX_PAYMENTS = 50


def state_badge(row):
    """The state of a payment or refund."""
    return badge(row.status, PAYMENT_STATES.get(row.status, row.status))


def money_context(booking, *, may_open):
    """The balance of a booking (`with_net_price`) with its payments and refunds; two queries."""
    refunds = Prefetch("refunds", Refund.objects.select_related("by").order_by("pk"))
    rows = booking.payments.select_related("by").prefetch_related(refunds).order_by("pk")
    payments = list(rows[: MAX_PAYMENTS + 1])
    return {
        "figures": list(figures(booking)),
        "payments": [payment_context(payment, may_open=may_open) for payment in payments[:MAX_PAYMENTS]],
        "has_more": len(payments) > MAX_PAYMENTS,
        "zone": zone_label(settings.BACK_OFFICE_TIME_ZONE),
    }


def figures(booking):
    """The names and amounts from the total to what is due, without those that are 0."""
    kept = 0 if booking.status == Status.CANCELLED else booking.net_price
    amounts = [
        (_("Total when booked"), booking.total_price, True),
        (_("Cancelled"), booking.total_price - kept, booking.total_price > kept),
        (_("Cancellation fee"), booking.cancellation_fee, booking.cancellation_fee),
        (_("Goodwill"), booking.goodwill_amount, booking.goodwill_amount),
        (_("Paid"), booking.amount_paid, booking.amount_paid or booking.total_price),
        (_("Refunded"), booking.amount_refunded, booking.amount_refunded),
        (_("Due"), booking.amount_due, booking.amount_due),
        (_("Refund due"), booking.refund_amount, booking.refund_due),
    ]
    return ((name, format_amount(amount, booking.currency)) for name, amount, is_shown in amounts if is_shown)


def movement(row, currency):
    """What a payment and a refund have in common."""
    at = row.succeeded_at or row.created_at
    return {
        "row": row,
        "amount": format_amount(row.amount, currency),
        "state": state_badge(row),
        "at": local_time(at, settings.BACK_OFFICE_TIME_ZONE, "%d %b %Y, %H:%M"),
        "by": row.by,
    }


def payment_context(payment, *, may_open):
    return {
        **movement(payment, payment.currency),
        "way": way_of(payment),
        "url": may_open and change_url(Payment, payment.pk),
        "refunds": [movement(refund, payment.currency) for refund in payment.refunds.all()],
    }
