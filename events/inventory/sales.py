"""Whether something can be sold, and why not: for one object in Python, for many as an SQL condition.

A property test holds that both agree.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import F, Q

DRAFT, PUBLISHED = "draft", "published"
EVENT_REASONS = ("not_published", "cancelled", "ended", "paused", "no_ticket_types", "not_started", "sold_out")
TICKET_TYPE_STATUSES = ("on_sale", "sold_out", "not_started", "ended", "paused", "not_published", "cancelled")


class TicketTypeSales(NamedTuple):
    """What an event has to know of one of its ticket types."""

    capacity: int | None
    reserved: int
    sales_start_at: dt.datetime | None
    sales_end_at: dt.datetime | None
    min_per_booking: int


# In SQL. `path` leads from the filtered model to the stock: "ticket_types__" from an event to its ticket types.


def is_available(ticket_type: str = "", event: str = "event__") -> Q:
    """Whether the ticket type and its event have enough places for the smallest booking."""
    fewest = F(f"{ticket_type}min_per_booking")
    of_event = Q(**{f"{event}capacity__gte": F(f"{event}reserved") + fewest})
    own = Q(**{f"{ticket_type}capacity__gte": F(f"{ticket_type}reserved") + fewest})
    return of_event & (own | Q(**{f"{ticket_type}capacity": None}))


def in_sales_window(at: Any, path: str = "") -> Q:
    """Whether the ticket type's own sales window is open."""
    has_started = Q(**{f"{path}sales_start_at": None}) | Q(**{f"{path}sales_start_at__lte": at})
    has_not_ended = Q(**{f"{path}sales_end_at": None}) | Q(**{f"{path}sales_end_at__gt": at})
    return has_started & has_not_ended


def takes_place(at: Any, path: str = "") -> Q:
    """Whether the event is published and not over."""
    return Q(**{f"{path}status": PUBLISHED, f"{path}ends_at__gt": at})


def is_open(at: Any, path: str = "") -> Q:
    """Whether the event is published and not over, and its sales are not paused."""
    return takes_place(at, path) & Q(**{f"{path}is_sales_paused": False})


def is_listed(path: str = "") -> Q:
    """Whether everybody finds the event in lists, once it is public. An unlisted one needs its id."""
    return Q(**{f"{path}visibility": "public"})


def is_public(path: str = "") -> Q:
    """Whether everybody may see the event: it is published, or was before it was cancelled."""
    return Q(**{f"{path}status": PUBLISHED}) | Q(**{f"{path}published_at__isnull": False})


# In Python


def refusal_of_event(event: Any, ticket_types: Iterable[TicketTypeSales], at: dt.datetime) -> str | None:
    """One of EVENT_REASONS why nothing of the event can be booked at `at`; None when something can."""
    if (refusal := refusal_of_any_sale(event, at)) is not None:
        return refusal
    ticket_types = list(ticket_types)
    if not ticket_types:
        return "no_ticket_types"
    on_sale = [it for it in ticket_types if window_at(it, at) is None]
    if not on_sale:
        return "not_started" if any(window_at(it, at) == "not_started" for it in ticket_types) else "ended"
    return None if any(has_enough(it, event) for it in on_sale) else "sold_out"


def status_of_ticket_type(ticket_type: Any, event: Any, at: dt.datetime) -> str:
    """One of TICKET_TYPE_STATUSES: whether the ticket type can be booked at `at`."""
    if (refusal := refusal_of_any_sale(event, at)) is not None:
        return refusal
    return window_at(ticket_type, at) or ("on_sale" if has_enough(ticket_type, event) else "sold_out")


def refusal_of_any_sale(event: Any, at: dt.datetime) -> str | None:
    """Why the event itself stops the sale of all its ticket types; None when it does not.

    A postponed event is paused also after its old end: it has not taken place.
    """
    if event.status != PUBLISHED:
        return "not_published" if event.status == DRAFT else "cancelled"
    if event.ends_at <= at and not event.is_postponed:
        return "ended"
    return "paused" if event.is_sales_paused else None


def window_at(ticket_type: Any, at: dt.datetime) -> str | None:
    if ticket_type.sales_end_at is not None and ticket_type.sales_end_at <= at:
        return "ended"
    return "not_started" if ticket_type.sales_start_at is not None and ticket_type.sales_start_at > at else None


def has_enough(ticket_type: Any, event: Any) -> bool:
    """Whether there are enough places for the smallest booking."""
    return available_of(ticket_type, event) >= ticket_type.min_per_booking


def available_of(ticket_type: Any, event: Any) -> int:
    """How many places of a ticket type can be booked: its own, as far as the event has them."""
    of_event = event.capacity - event.reserved
    own = of_event if ticket_type.capacity is None else ticket_type.capacity - ticket_type.reserved
    return max(min(own, of_event), 0)


# Written by hand, because every list of events runs it: binding a hundred ids one by one takes longer than the query.
OF_EVENTS = """
SELECT event_id, capacity, reserved, sales_start_at, sales_end_at, min_per_booking
  FROM ticket_types_tickettype WHERE event_id = ANY(%s)
"""


def load_ticket_types(events: Sequence[Any]) -> None:
    """Gives each event the `ticket_type_sales` that `sales_refusal` needs; one query for all of them."""
    found: dict[int, list[TicketTypeSales]] = {event.pk: [] for event in events}
    for pk, *values in rows_of_ticket_types(type(events[0]), list(found)) if events else ():
        found[pk].append(TicketTypeSales(*values))
    for event in events:
        event.ticket_type_sales = found[event.pk]


def rows_of_ticket_types(event_class: Any, ids: list[int]) -> Iterable[tuple[Any, ...]]:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(OF_EVENTS, [ids])
            return cursor.fetchall()
    columns = [f"ticket_types__{name}" for name in TicketTypeSales._fields]
    return event_class.objects.filter(pk__in=ids, ticket_types__isnull=False).order_by().values_list("pk", *columns)
