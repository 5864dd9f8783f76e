import django_filters

from config.api.filters import InstantFilter, SearchFilter, WholeNumberFilter


class VenueFilter(django_filters.FilterSet):
    search = SearchFilter("name", "address")
    min_capacity = WholeNumberFilter(field_name="capacity", lookup_expr="gte", help_text="Minimum capacity.")
    updated_after = InstantFilter(field_name="updated_at", lookup_expr="gte", help_text="Updated then or later.")
