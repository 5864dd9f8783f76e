"""The SQL conditions and the Python answers about what can be sold agree."""

import datetime as dt

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.inventory import sales
from events.models import Event
from ticket_types.models import TicketType

pytestmark = pytest.mark.both

AT = timezone.now().replace(microsecond=0)
HOURS = st.integers(-2, 2)


@st.composite
def ticket_types(draw):
    start, end = sorted(draw(st.lists(HOURS, min_size=2, max_size=2, unique=True)))
    capacity = draw(st.sampled_from([None, 1, 2]))
    return {
        "capacity": capacity,
        "reserved": draw(st.integers(0, capacity or 2)),
        "sales_start_at": draw(st.sampled_from([None, AT + dt.timedelta(hours=start)])),
        "sales_end_at": draw(st.sampled_from([None, AT + dt.timedelta(hours=end)])),
        "min_per_booking": draw(st.integers(1, 3)),
    }


EVENTS = st.fixed_dictionaries(
    {
        "status": st.sampled_from(Event.Status.values),
        "pause": st.sampled_from([{}, {"is_sales_paused": True}, {"is_sales_paused": True, "is_postponed": True}]),
        "ends_at": HOURS.map(lambda hours: AT + dt.timedelta(hours=hours)),
        "capacity": st.integers(1, 4),
        "ticket_types": st.lists(ticket_types(), max_size=3),
    }
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=st.lists(EVENTS, min_size=1, max_size=3))
def test_sql_and_python_agree_about_what_is_on_sale(make_venue, events):
    with transaction.atomic():
        venue = make_venue()
        for number, data in enumerate(events):
            ends_at, types = data["ends_at"], data["ticket_types"]
            event = Event.objects.create(
                venue=venue, name=f"Event {number}", starts_at=ends_at - dt.timedelta(hours=1), ends_at=ends_at,
                status=data["status"], capacity=data["capacity"], reserved=data["capacity"] // 2, **data["pause"],
            )  # fmt: skip
            for position, stock in enumerate(types):
                TicketType.objects.create(event=event, name=f"Type {position}", price=1, **stock)
        found = list(Event.objects.all())
        sales.load_ticket_types(found)
        answers = {event.pk: event.sales_refusal(AT) for event in found}
        assert set(answers.values()) <= {None, *sales.EVENT_REASONS}
        on_sale = set(Event.objects.on_sale(AT).values_list("pk", flat=True))
        assert on_sale == {pk for pk, reason in answers.items() if reason is None}
        statuses = {it.pk: it.status_at(AT) for it in TicketType.objects.select_related("event")}
        assert set(statuses.values()) <= set(sales.TICKET_TYPE_STATUSES)
        types_on_sale = set(TicketType.objects.on_sale(AT).values_list("pk", flat=True))
        assert types_on_sale == {pk for pk, status in statuses.items() if status == "on_sale"}
        transaction.set_rollback(True)


def test_fewer_places_than_the_smallest_booking_are_sold_out(make_event, make_type, book, anonymous):
    pair = make_type(event=make_event(), capacity=3, min_per_booking=2)
    book((pair, 2))
    shown = anonymous.get(f"/ticket-types/{pair.pk}").json()["availability"]
    assert (shown["status"], shown["available"]) == ("sold_out", 1)
    event = anonymous.get(f"/events/{pair.event_id}").json()["on_sale"]
    assert event == {"is_on_sale": False, "reason": "sold_out"}
    assert anonymous.get("/events?available=true").json()["count"] == 0
