"""What is on sale, from one look at the database: enough to refuse a booking before any row is locked."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from bookings.lifecycle import sql
from config.database.clock import Now
from config.problems import InvalidInput
from ticket_types.models import TicketType


@dataclass(frozen=True)
class OfferedTicketType:
    id: int
    event_id: int
    name: str
    price: Decimal
    fee: Decimal
    tax_rate: Decimal
    capacity: int | None
    reserved: int
    min_per_booking: int
    max_per_booking: int
    sales_start_at: dt.datetime | None
    sales_end_at: dt.datetime | None
    is_name_required: bool


@dataclass(frozen=True)
class OfferedEvent:
    id: int
    name: str
    status: str
    ends_at: dt.datetime
    currency: str
    capacity: int
    reserved: int
    max_per_customer: int | None
    free_confirmation: str
    is_sales_paused: bool
    is_postponed: bool

    @property
    def available(self) -> int:
        return max(self.capacity - self.reserved, 0)


@dataclass(frozen=True)
class Offer:
    """Some ticket types and their event, as they are `at` a moment of the database's clock."""

    event: OfferedEvent
    ticket_types: Mapping[int, OfferedTicketType]
    at: dt.datetime


OF_TICKET_TYPE = tuple(OfferedTicketType.__dataclass_fields__)
OF_EVENT = tuple(f"event__{name}" for name in OfferedEvent.__dataclass_fields__)


def look(ids: list[int]) -> Offer:
    """The offer of some ticket types.

    Raises InvalidInput when one does not exist, is not public, or belongs to another event than the first.
    """
    if connection.vendor == "postgresql":
        rows = sql.look(ids)
    else:
        types = TicketType.objects.visible(drafts=False).filter(pk__in=ids).order_by()
        rows = list(types.values_list(*OF_TICKET_TYPE, *OF_EVENT, Now()))
    offered = {row[0]: OfferedTicketType(*row[: len(OF_TICKET_TYPE)]) for row in rows}
    for index, pk in enumerate(ids):
        pointer = f"/items/{index}/ticket_type"
        if pk not in offered:
            raise refusal(pointer, "does-not-exist", f"No ticket type with id {pk}.")
        if offered[pk].event_id != offered[ids[0]].event_id:
            raise refusal(pointer, "other-event", "All items of a booking must belong to one event.")
    *_, at = rows[0]
    return Offer(OfferedEvent(*rows[0][len(OF_TICKET_TYPE) : -1]), offered, at)


def refusal(pointer: str, code: str, detail: str) -> InvalidInput:
    return InvalidInput(errors=[{"pointer": pointer, "code": code, "detail": detail}])
