"""The search for bookings by what a customer says. Each kind of search has its own index, so it stays fast."""

import re
from typing import Any

from django.db.models import BooleanField, CharField, Exists, ExpressionWrapper, Lookup, OuterRef, Q
from django.db.models.lookups import StartsWith

from bookings import models
from bookings.codes import ALPHABET, CONFIRMATION_LENGTH, typed
from bookings.payments.models import Payment
from config.values.text import fold, search_key
from ticket_types.models import TicketType

KEY_LENGTH = 100  # characters of a name that are searched
CODE = re.compile(rf"[{ALPHABET}]{{{CONFIRMATION_LENGTH}}}")
MAX_SEARCHED = 200  # characters
MAX_TYPES = 500  # of one search
MAX_WORDS = 10
HIGHEST = "\U0010ffff"


def keys_of(name: str) -> dict[str, str]:
    """The two search keys of a name: `ann lee` and `lee ann`. A double surname with a hyphen stays together."""
    words = [key for word in name.replace(",", " ").split() if (key := search_key(word))]
    return {
        "name_key": " ".join(words)[:KEY_LENGTH],
        "surname_key": " ".join([*words[-1:], *words[:-1]])[:KEY_LENGTH],
    }


@CharField.register_lookup
class Begins(Lookup):
    """Like `startswith`, but served by the index on SQLite too, whose case-sensitive LIKE uses none."""

    lookup_name = "begins"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return compiler.compile(StartsWith(self.lhs, self.rhs))

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, parameters = compiler.compile(self.lhs)
        return f"({column} >= %s AND {column} < %s)", [*parameters, self.rhs, *parameters, self.rhs + HIGHEST]


def condition(words: str, *, is_shown: bool) -> Q:
    """The bookings that the words may mean. Without `is_shown` addresses and payments find nothing."""
    words = words.strip()[:MAX_SEARCHED]
    if not words:
        return Q(pk__in=[])
    if "@" in words:
        return Q(customer_key=fold(words)) if is_shown else Q(pk__in=[])
    found = by_name(words) | by_payment(words) if is_shown else by_name(words)
    if CODE.fullmatch(code := typed(words)):
        found |= Q(confirmation_code=code)
    return found | by_event(words)


def by_name(words: str) -> Q:
    key = search_key(words)[:KEY_LENGTH]
    return Q(name_key__begins=key) | Q(surname_key__begins=key) if key else Q(pk__in=[])


def by_payment(words: str) -> Q:
    """Any payment of the booking, and the reference of one that cost nothing. Each second condition is the partial
    index's own, which SQLite needs to use it.
    """
    payments = Payment.objects.filter(reference=words).exclude(reference="").order_by()
    paid = list(payments.values_list("booking_id", flat=True))  # one for each provider
    return Q(payment_reference=words) & ~Q(payment_reference="") | Q(pk__in=paid)


def by_event(words: str) -> Q:
    """Bookings of the newest events whose name, venue and ticket type contain all words between them.

    Ticket types are searched first, because their table is small beside that of bookings.
    """
    in_event, in_all = Q(), Q()
    for word in words.split()[:MAX_WORDS]:
        about_event = Q(event__name__icontains=word) | Q(event__venue__name__icontains=word)
        in_event &= about_event
        in_all &= about_event | Q(name__icontains=word)
    is_whole = ExpressionWrapper(in_event, output_field=BooleanField())
    types = TicketType.objects.filter(in_all).annotate(is_whole=is_whole).order_by("-event__starts_at", "pk")
    found = list(types.values_list("event", "pk", "is_whole")[:MAX_TYPES])
    events = {event for event, _type, is_whole in found if is_whole}
    some = {event: kind for event, kind, is_whole in found if not is_whole}
    condition = Q(event__in=sorted(events)) if events else Q(pk__in=[])
    if some:
        kinds = [kind for _event, kind, is_whole in found if not is_whole]
        items = models.BookingItem.objects.filter(booking=OuterRef("pk"), ticket_type__in=kinds)
        condition |= Q(Exists(items), event__in=sorted(some))
    return condition
