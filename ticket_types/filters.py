import django_filters
from django.db.models import QuerySet
from django.utils import timezone

from config.api.filters import InstantFilter, SwitchFilter, WholeNumberFilter
from ticket_types.models import TicketType


class TicketTypeFilter(django_filters.FilterSet):
    event = WholeNumberFilter(field_name="event_id")
    on_sale = SwitchFilter(method="by_on_sale", help_text="true: can be booked now; false: cannot.")
    updated_after = InstantFilter(field_name="updated_at", lookup_expr="gte", help_text="Updated then or later.")

    def by_on_sale(self, queryset: QuerySet, name: str, value: bool) -> QuerySet:
        at = timezone.now()
        on_sale = TicketType.objects.on_sale(at).values("pk")
        return queryset.filter(pk__in=on_sale) if value else queryset.exclude(pk__in=on_sale)
