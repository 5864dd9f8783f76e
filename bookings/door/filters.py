from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from bookings.codes import TICKET_CODE, typed
from bookings.models import Booking, Ticket
from config.access.permissions import may
from config.api.filters import (
    MAX_TERMS,
    ChoiceFilter,
    InstantFilter,
    LineFilter,
    SearchFilter,
    UUIDFilter,
    WholeNumberFilter,
)
from config.values.text import search_key


class TicketSearchFilter(SearchFilter):
    """As in the admin."""

    def __init__(self) -> None:
        super().__init__()
        self.extra["help_text"] = (
            "A ticket code, a confirmation code, the beginning of a name or surname, or up to "
            f"{MAX_TERMS} words of the event, its venue and the ticket type; with the permission to view bookings also "
            "an e-mail address or a payment reference."
        )

    def search(self, queryset: QuerySet, terms: list[str]) -> QuerySet:
        request: Any = self.parent.request  # type: ignore[attr-defined]
        return matching(queryset, " ".join(terms), is_shown=may(request, "bookings.view_booking"))


def matching(tickets: QuerySet, words: str, *, is_shown: bool) -> QuerySet:
    """Found by what people at a door say or show. Without `is_shown` addresses and payments find nothing."""
    if TICKET_CODE.fullmatch(code := typed(words)):
        return tickets.filter(code=code)
    return tickets.filter(Q(booking__in=Booking.objects.matching(words, is_shown=is_shown)) | has_own_name(words))


def held_by(tickets: QuerySet, name: str) -> QuerySet:
    """By the beginning of the name or surname of the holder: their own, or that of the customer."""
    key = search_key(name)
    of_customer = Q(booking__name_key__begins=key) | Q(booking__surname_key__begins=key)
    return tickets.filter(Q(of_customer, holder_name="") | has_own_name(name)) if key else tickets.none()


def has_own_name(name: str) -> Q:
    key = search_key(name)
    # The second condition is the partial indexes' own, which SQLite needs to use them.
    own = (Q(name_key__begins=key) | Q(surname_key__begins=key)) & ~Q(holder_name="")
    return own if key else Q(pk__in=[])


class TicketFilter(django_filters.FilterSet):
    event = WholeNumberFilter(field_name="booking__event_id")
    ticket_type = WholeNumberFilter(field_name="ticket_type_id")
    booking = UUIDFilter(field_name="booking_id")
    status = ChoiceFilter(choices=Ticket.Status.choices)
    holder_name = LineFilter(method="by_holder", help_text="The beginning of the name or surname.")
    updated_after = InstantFilter(field_name="updated_at", lookup_expr="gte")
    search = TicketSearchFilter()

    def by_holder(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return held_by(queryset, value)


class DoorListFilter(django_filters.FilterSet):
    updated_after = InstantFilter(
        field_name="updated_at", lookup_expr="gte", help_text="Only what has changed at that time or later."
    )
