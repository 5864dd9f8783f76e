import django_filters
from django.db.models import QuerySet

from bookings.lifecycle.states import Status
from config.api.filters import (
    MAX_TERMS,
    ChoiceFilter,
    InstantFilter,
    LineFilter,
    SearchFilter,
    SwitchFilter,
    WholeNumberFilter,
)
from config.values.text import fold


class BookingSearchFilter(SearchFilter):
    """By what has an index: words in the middle of a million names and addresses would take seconds to find."""

    def __init__(self) -> None:
        super().__init__()
        self.extra["help_text"] = (
            "A confirmation code, an e-mail address, a payment reference, the beginning of a name or surname, or up to "
            f"{MAX_TERMS} words that the event, its venue and the ticket type have between them."
        )

    def search(self, queryset: QuerySet, terms: list[str]) -> QuerySet:
        return queryset.matching(" ".join(terms))  # type: ignore[attr-defined]


class BookingFilter(django_filters.FilterSet):
    event = WholeNumberFilter(field_name="event_id")
    venue = WholeNumberFilter(field_name="event__venue_id")
    ticket_type = WholeNumberFilter(field_name="items__ticket_type_id")
    status = ChoiceFilter(choices=Status.choices)
    customer_email = LineFilter(method="by_email")
    refund_due = SwitchFilter(field_name="refund_due", help_text="true: something is to be paid back.")
    amount_due = SwitchFilter(method="by_amount_due", help_text="true: something is still to be paid.")
    created_after = InstantFilter(field_name="created_at", lookup_expr="gte")
    created_before = InstantFilter(field_name="created_at", lookup_expr="lt")
    updated_after = InstantFilter(field_name="updated_at", lookup_expr="gte", help_text="Updated then or later.")
    search = BookingSearchFilter()

    def by_amount_due(self, queryset: QuerySet, name: str, value: bool) -> QuerySet:
        return queryset.filter(amount_due__gt=0) if value else queryset.filter(amount_due=0)

    def by_email(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(customer_key=fold(value))
