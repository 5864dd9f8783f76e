"""Names of states, actions and fields of bookings, and entries of their history as texts."""

import datetime as dt

from django.utils.translation import gettext_lazy as _

from bookings.lifecycle.states import Status
from bookings.models import Ticket
from bookings.payments.models import Payment
from bookings.payments.states import PaymentStatus
from config.backoffice.formats import format_amount, local_time_with_offset
from config.values import percent

SEARCH_HELP = _("Confirmation code, e-mail address, payment reference, start of a name or surname, event or venue")
STATES = {
    Status.PENDING: _("Pending"),
    Status.CONFIRMED: _("Confirmed"),
    Status.CANCELLED: _("Cancelled"),
    Status.EXPIRED: _("Expired"),
}
TICKET_STATES = {
    Ticket.Status.VALID: _("Valid"),
    Ticket.Status.CHECKED_IN: _("Checked in"),
    Ticket.Status.VOID: _("Void"),
}
METHODS = {
    Payment.Method.CASH: _("Cash"),
    Payment.Method.CARD: _("Card"),
    Payment.Method.TRANSFER: _("Bank transfer"),
    Payment.Method.ONLINE: _("Online"),
    Payment.Method.OTHER: _("Other"),
}
PAYMENT_STATES = {
    PaymentStatus.PENDING: _("Pending"),
    PaymentStatus.SUCCEEDED: _("Succeeded"),
    PaymentStatus.FAILED: _("Failed"),
    PaymentStatus.CANCELLED: _("Cancelled"),
}
VERBS = {
    "place": _("Booked"),
    "confirm": _("Confirmed"),
    "confirm late": _("Confirmed late"),
    "expire": _("Hold expired"),
    "extend": _("Hold extended"),
    "cancel": _("Cancelled"),
    "cancel tickets": _("Tickets cancelled"),
    "correct": _("Corrected"),
    "send mail": _("Mail sent"),
    "check in": _("Checked in"),
    "undo check-in": _("Check-in undone"),
    "check out": _("Checked out"),
    "re-enter": _("Let in again"),
    "note payment": _("Second payment recorded"),
    "refuse payment": _("Payment refused"),
    "renew secret": _("Secret renewed"),
    "transfer": _("Holder changed"),
    "refund": _("Refunded"),
    "refund failed": _("Refund failed"),
}
DETAILS = {
    "amount": _("Amount"),
    "expires_at": _("Held until"),
    "fee": _("Cancellation fee"),
    "payment_reference": _("Payment reference"),
    "new_ticket": _("New ticket"),
    "reason": _("Reason"),
    "ticket": _("Ticket"),
    "tickets": _("Tickets"),
}
FIELDS = {
    "customer_email": _("E-mail"),
    "customer_name": _("Name"),
    "holder_email": _("Holder's e-mail"),
    "holder_name": _("Holder"),
    "metadata": _("Notes"),
}


def tax_text(tax, rate, currency):
    return f"{format_amount(tax, currency)} ({percent.plain(rate)} %)" if rate else "-"


def verb_label(verb):
    return VERBS.get(verb, verb)


def change_details(change, zone):
    """Pairs of a name and a value."""
    for name, value in change.details.items():
        if name in FIELDS:
            old, new = value
            yield FIELDS[name], f"{old} → {new}"
        elif name == "fields":  # fields whose values are not stored
            others = [str(FIELDS.get(field, field)) for field in value if field not in change.details]
            if others:
                yield _("Fields"), ", ".join(others)
        elif name == "expires_at":
            yield DETAILS[name], local_time_with_offset(dt.datetime.fromisoformat(value), zone)
        else:
            label = DETAILS.get(name, name.replace("_", " "))
            yield label, ", ".join(value) if isinstance(value, list) else value
