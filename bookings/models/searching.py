"""What a customer says at the counter, and how to find the booking by it among a million.

Every way has an index of its own, and the words are looked at first to see which ways there are.
"""

import re
from typing import Any

from django.db.models import CharField, Lookup, Q
from django.db.models.lookups import StartsWith

from bookings.codes import ALPHABET, CONFIRMATION_LENGTH
from config.text import fold, search_key
from events.models import Event

KEY_LENGTH = 100  # characters; names that differ only beyond them are found together
CODE = re.compile(rf"[{ALPHABET}]{{{CONFIRMATION_LENGTH}}}")
MOST_SEARCHED = 200  # characters
MOST_EVENTS = 200  # of one search; who means more of them has said too little
MOST_WORDS = 10
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
    words = words.strip()[:MOST_SEARCHED]
    if "@" in words:
        return Q(customer_key=fold(words)) if is_shown else Q(pk__in=[])
    found = by_name(words) | by_payment(words) if is_shown else by_name(words)
    if CODE.fullmatch(words.upper()):
        found |= Q(confirmation_code=words.upper())
    if words and (events := events_named(words)):
        found |= Q(event__in=events)
    return found


def by_name(words: str) -> Q:
    key = search_key(words)[:KEY_LENGTH]
    return Q(name_key__begins=key) | Q(surname_key__begins=key) if key else Q(pk__in=[])


def by_payment(words: str) -> Q:
    # The second half says nothing new to people; it is the index's own condition, which SQLite must find here.
    return Q(payment_reference=words) & ~Q(payment_reference="")


def events_named(words: str) -> list[int]:
    """The newest of the events whose name or venue has all of the words. Their table is small, beside the bookings'."""
    found = Event.objects.order_by("-starts_at")
    for word in words.split()[:MOST_WORDS]:
        found = found.filter(Q(name__icontains=word) | Q(venue__name__icontains=word))
    return list(found.values_list("pk", flat=True)[:MOST_EVENTS])
