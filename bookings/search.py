"""What a customer says at the counter, and how to find the booking by it among a million.

Every way has an index of its own, and the words are looked at first to see which ways there are.
"""

import re
from typing import Any

from django.db.models import BooleanField, CharField, Exists, ExpressionWrapper, Lookup, OuterRef, Q
from django.db.models.lookups import StartsWith

from bookings import models
from bookings.codes import ALPHABET, CONFIRMATION_LENGTH, typed
from config.values.text import fold, search_key
from ticket_types.models import TicketType

KEY_LENGTH = 100  # characters; names that differ only beyond them are found together
CODE = re.compile(rf"[{ALPHABET}]{{{CONFIRMATION_LENGTH}}}")
MAX_SEARCHED = 200  # characters
MAX_TYPES = 500  # of one search; who means more of them has said too little
MAX_WORDS = 10
HIGHEST = "\U0010ffff"


def keys_of(name: str) -> dict[str, str]:
    """A name as the columns have it that it is looked for in: `ann lee`, and `lee ann`."""
    words = search_key(name).split()
    return {
        "name_key": " ".join(words)[:KEY_LENGTH],
        "surname_key": " ".join([*words[-1:], *words[:-1]])[:KEY_LENGTH],
    }


@CharField.register_lookup
class Begins(Lookup):
    """As `startswith`, by the index on both databases: that of SQLite serves no LIKE which minds the case."""

    lookup_name = "begins"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return compiler.compile(StartsWith(self.lhs, self.rhs))

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, parameters = compiler.compile(self.lhs)
        return f"({column} >= %s AND {column} < %s)", [*parameters, self.rhs, *parameters, self.rhs + HIGHEST]


def condition(words: str, *, is_shown: bool) -> Q:
    """Which bookings the words may mean."""
    words = words.strip()[:MAX_SEARCHED]
    if "@" in words:
        return Q(customer_key=fold(words)) if is_shown else Q(pk__in=[])
    found = by_name(words) | by_payment(words) if is_shown else by_name(words)
    if CODE.fullmatch(code := typed(words)):
        found |= Q(confirmation_code=code)
    return found | by_what_is_sold(words) if words else found


def by_name(words: str) -> Q:
    key = search_key(words)[:KEY_LENGTH]
    return Q(name_key__begins=key) | Q(surname_key__begins=key) if key else Q(pk__in=[])


def by_payment(words: str) -> Q:
    # The second half says nothing new to people; it is the index's own condition, which SQLite must find here.
    return Q(payment_reference=words) & ~Q(payment_reference="")


def by_what_is_sold(words: str) -> Q:
    """Of the newest events, whose name, venue and ticket type have all of the words between them.

    Their tables are small, beside that of bookings. Those of a ticket type are looked for among those of its event,
    which have an index: what is asked about their items is asked of these alone.
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
