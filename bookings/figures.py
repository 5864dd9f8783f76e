"""What `GET /metrics` shows of bookings."""

from django.db.models import Count, Q
from django.utils import timezone

from bookings.models import Booking
from config.database.clock import Now
from config.metrics.figures import MAX_COUNTED, Figure, Samples, count_of, register
from config.metrics.models import Measurement
from config.outbox.figures import totals

OUTCOMES = ("placed", "confirmed", "cancelled", "expired")
RECONCILE = "reconcile"  # the name of its measurement


def outcomes() -> Samples:
    found = totals()
    return {(name,): found[f"booking.{name}"] for name in OUTCOMES}


def holds() -> Samples:
    ends = Booking.objects.pending().order_by("expires_at").values("expires_at")[:MAX_COUNTED]  # from the index alone
    found = ends.aggregate(pending=Count("expires_at"), due=Count("expires_at", filter=Q(expires_at__lte=Now())))
    return {(state,): count for state, count in found.items()}


def refunds_due() -> Samples:
    return {(): count_of(Booking.objects.with_refund_due().values("created_at"))}


def differences() -> Samples:
    found = Measurement.objects.filter(pk=RECONCILE).first()
    return {(): found.value} if found else {}


def reconciled() -> Samples:
    found = Measurement.objects.filter(pk=RECONCILE).first()
    return {(): (timezone.now() - found.measured_at).total_seconds()} if found else {}


register(Figure("tickets_bookings", "Bookings by what became of them.", outcomes, ("outcome",), is_total=True))
register(Figure("tickets_holds", "Pending bookings, and those whose hold has ended; up to 100,000.", holds, ("state",)))
register(Figure("tickets_refunds_due", "Bookings with a refund that is due, up to 100,000.", refunds_due))
register(Figure("tickets_counter_differences", "Counters that differ from rows: the last reconcile.", differences))
register(Figure("tickets_reconcile_age_seconds", "Since manage.py reconcile last ended.", reconciled))
