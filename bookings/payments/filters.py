import django_filters

from bookings.payments.models import Payment
from bookings.payments.states import PaymentStatus
from config.api.filters import ChoiceFilter, InstantFilter, LineFilter, UUIDFilter, WholeNumberFilter


class PaymentFilter(django_filters.FilterSet):
    booking = UUIDFilter(field_name="booking_id")
    event = WholeNumberFilter(field_name="booking__event_id")
    status = ChoiceFilter(choices=PaymentStatus.choices)
    provider = LineFilter()
    method = ChoiceFilter(choices=Payment.Method.choices)
    currency = LineFilter()
    reference = LineFilter()
    updated_after = InstantFilter(field_name="updated_at", lookup_expr="gte", help_text="Updated then or later.")
