import django_filters

from bookings.payments.states import PaymentStatus
from config.api.filters import ChoiceFilter, InstantFilter, LineFilter, UUIDFilter


class PaymentFilter(django_filters.FilterSet):
    booking = UUIDFilter(field_name="booking_id")
    status = ChoiceFilter(choices=PaymentStatus.choices)
    provider = LineFilter()
    reference = LineFilter()
    updated_after = InstantFilter(field_name="updated_at", lookup_expr="gte")
