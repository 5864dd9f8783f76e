import django_filters
from django.db.models import QuerySet
from django.utils import timezone

from config.api.filters import ChoiceFilter, InstantFilter, SearchFilter, SwitchFilter, WholeNumberFilter
from events.models import Event


class EventFilter(django_filters.FilterSet):
    venue = WholeNumberFilter(field_name="venue_id")
    status = ChoiceFilter(choices=Event.Status.choices)
    visibility = ChoiceFilter(choices=Event.Visibility.choices, help_text="For staff: others find public events alone.")
    starts_after = InstantFilter(field_name="starts_at", lookup_expr="gte", help_text="Starts then or later.")
    starts_before = InstantFilter(field_name="starts_at", lookup_expr="lt", help_text="Starts before then.")
    upcoming = SwitchFilter(method="by_upcoming", help_text="true: not over yet; false: over.")
    available = SwitchFilter(method="by_available", help_text="true: on sale and not sold out; false: the others.")
    updated_after = InstantFilter(field_name="updated_at", lookup_expr="gte", help_text="Updated then or later.")
    search = SearchFilter("name", "venue__name")

    def by_upcoming(self, queryset: QuerySet, name: str, value: bool) -> QuerySet:
        at = timezone.now()
        return queryset.filter(ends_at__gt=at) if value else queryset.filter(ends_at__lte=at)

    def by_available(self, queryset: QuerySet, name: str, value: bool) -> QuerySet:
        available = Event.objects.on_sale(timezone.now()).values("pk")
        return queryset.filter(pk__in=available) if value else queryset.exclude(pk__in=available)
