"""Pausing, unpublishing, postponing and moving events."""

import datetime as dt

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from bookings.lifecycle.place import Line
from bookings.models import Booking
from bookings.problems import NotOnSale
from config.history.models import Change
from config.outbox.models import FeedChange
from config.problems import InUse
from config.tests.harness.answers import errors_in, refused
from conftest import holder_of
from events.models import Event, EventCancelled, EventInThePast
from events.problems import EventNotPublished, EventPostponed, TimesOutOfRange
from ticket_types.models import TicketType

pytestmark = pytest.mark.both

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
VERBS = ("unpublish", "pause-sales", "resume-sales", "postpone", "reschedule", "clone", "clone/bulk")
STARTS, ENDS = "2090-05-01T19:00:00Z", "2090-05-01T22:00:00Z"
MOVED = {"starts_at": STARTS, "ends_at": ENDS}


@pytest.fixture
def event(make_event):
    return make_event()


@pytest.fixture
def seat(event, make_type):
    return make_type(event=event)


def stored(event):
    return Event.objects.filter(pk=event.pk).values().get()


def told(event):
    return [
        *FeedChange.objects.filter(object_type="event", object_id=event.pk)
        .order_by("pk")
        .values_list("type", flat=True)
    ]


def order(seat):
    return {"customer_name": "A", "customer_email": "a@example.com", "items": [{"ticket_type": seat.pk, "quantity": 1}]}


# Pause and resume


@pytest.mark.parametrize("role", ["anonymous", "manager", "box_office"])
def test_nobody_books_while_sales_are_paused(role, request, manager, seat, figures):
    client = request.getfixturevalue(role)
    answer = manager.post(f"/events/{seat.event_id}/pause-sales")
    assert (answer.status_code, answer.json()["is_sales_paused"]) == (200, True)
    assert answer.json()["on_sale"] == {"is_on_sale": False, "reason": "paused"}
    assert client.get(f"/ticket-types/{seat.pk}").json()["availability"]["status"] == "paused"
    for path in ("/bookings", "/bookings?dry_run=true"):
        answer = client.post(path, order(seat))
        assert refused(answer, 409, "not-on-sale")
        assert answer.json()["errors"][0]["reason"] == "paused"
    assert (Booking.objects.count(), figures()) == (0, {"Concert": 0, "Seat": 0})
    assert client.get("/events?available=true").json()["count"] == 0
    assert client.get("/ticket-types?on_sale=true").json()["count"] == 0
    answer = manager.post(f"/events/{seat.event_id}/resume-sales", {})
    assert answer.json()["on_sale"] == {"is_on_sale": True, "reason": None}
    assert client.post("/bookings", order(seat)).status_code == 201


def test_claim_itself_refuses_while_sales_are_paused(seat, monkeypatch):
    """The look may be older than the pause: the statement that takes the places decides."""
    seat.event.pause_sales(at=timezone.now())
    monkeypatch.setattr("bookings.lifecycle.place.BookingRequest.refuse_off_sale", lambda *args: None)
    with pytest.raises(Exception, match="high demand"):
        Booking.place(lines=[Line(seat.pk, 1)], customer_name="A", customer_email="a@example.com")
    assert Booking.objects.count() == 0


def test_what_is_held_is_confirmed_while_sales_are_paused(seat, book, figures):
    held = book((seat, 2))
    seat.event.pause_sales(at=timezone.now())
    assert held.confirm(payment_reference="pay_1").status == "confirmed"
    assert figures() == {"Concert": 2, "Seat": 2}


def test_late_payment_of_what_was_held_is_taken_while_sales_are_paused(seat, book, pass_time):
    held = book((seat, 2))
    seat.event.pause_sales(at=timezone.now())
    pass_time(minutes=16)
    confirmed = Booking.objects.get(pk=held.pk).confirm(payment_reference="pay_1")
    assert (confirmed.status, confirmed.is_late, confirmed.refund_due) == ("confirmed", True, False)


def test_pause_and_resume_are_idempotent(manager, event):
    for verb in ("pause-sales", "resume-sales"):
        first = manager.post(f"/events/{event.pk}/{verb}")
        assert manager.post(f"/events/{event.pk}/{verb}").json() == first.json()
    assert told(event) == ["event.created", "event.published", "event.sales_paused", "event.sales_resumed"]
    assert [*Change.objects.of(event).values_list("verb", "details")][2:] == [
        ("pause sales", {"is_sales_paused": [False, True]}),
        ("resume sales", {"is_sales_paused": [True, False]}),
    ]
    assert stored(event)["sequence"] == 3


def test_draft_can_be_paused_before_it_is_published(manager, make_event):
    draft = make_event(is_published=False)
    manager.post(f"/events/{draft.pk}/pause-sales")
    answer = manager.post(f"/events/{draft.pk}/publish").json()
    assert (answer["status"], answer["on_sale"]["reason"]) == ("published", "paused")
    assert [entry["code"] for entry in answer["warnings"]] == ["sales-paused"]


def test_event_that_is_over_is_ended_and_not_paused(seat, pass_time):
    seat.event.pause_sales(at=timezone.now())
    pass_time(days=60)
    seat.refresh_from_db()
    assert seat.status_at(timezone.now()) == "ended"


@pytest.mark.parametrize("verb", VERBS[:5])
def test_verb_of_a_cancelled_event_is_409(verb, manager, event):
    event.cancel(at=timezone.now())
    before = stored(event)
    body = MOVED if verb == "reschedule" else {}
    assert refused(manager.post(f"/events/{event.pk}/{verb}", body), 409, "event-cancelled")
    assert stored(event) == before


@pytest.mark.parametrize("verb", VERBS)
def test_verb_refuses_fields_that_it_does_not_know(verb, manager, event):
    before = stored(event)
    valid = {"reschedule": MOVED, "clone": {"starts_at": STARTS}, "clone/bulk": {"starts_at": [STARTS]}}.get(verb, {})
    answer = manager.post(f"/events/{event.pk}/{verb}", {**valid, "why": "x"})
    assert errors_in(answer) == [("/why", "unknown-field")]
    assert (Event.objects.count(), stored(event)) == (1, before)


# Unpublish


def test_unpublish_hides_the_event(manager, anonymous, event, seat):
    answer = manager.post(f"/events/{event.pk}/unpublish")
    assert (answer.status_code, answer.json()["status"], answer.json()["published_at"]) == (200, "draft", None)
    assert manager.post(f"/events/{event.pk}/unpublish").json() == answer.json()
    assert refused(anonymous.get(f"/events/{event.pk}"), 404, "not-found")
    assert anonymous.get(f"/ticket-types?event={event.pk}").json()["count"] == 0
    assert told(event)[2:] == ["event.unpublished"]
    assert manager.post(f"/events/{event.pk}/publish").json()["status"] == "published"


@pytest.mark.parametrize("state", ["pending", "confirmed", "cancelled"])
def test_unpublish_once_anybody_has_booked_is_409(state, manager, event, seat, book):
    booking = book((seat, 1))
    if state != "pending":
        booking.confirm() if state == "confirmed" else booking.cancel()
    before = stored(event)
    answer = manager.post(f"/events/{event.pk}/unpublish")
    assert refused(answer, 409, "in-use")
    assert answer.json()["errors"][0]["bookings"] == 1
    assert stored(event) == before
    with pytest.raises(InUse):
        event.unpublish(at=timezone.now())


def test_unpublished_event_is_not_postponed(event):
    event.postpone(at=timezone.now()).unpublish(at=timezone.now())
    assert (event.status, event.is_postponed, event.is_sales_paused) == ("draft", False, True)


# Postpone


def test_postponed_event_keeps_its_bookings_and_sells_nothing(manager, anonymous, event, seat, book, figures):
    sold, held = book((seat, 2)).confirm(), book((seat, 1))
    answer = manager.post(f"/events/{event.pk}/postpone", {"reason": "Storm"})
    assert (answer.status_code, answer.json()["is_postponed"], answer.json()["is_sales_paused"]) == (200, True, True)
    assert answer.json()["starts_at"] == anonymous.get(f"/events/{event.pk}").json()["starts_at"]
    assert refused(anonymous.post("/bookings", order(seat)), 409, "not-on-sale")
    assert holder_of(sold).get(f"/bookings/{sold.pk}").json()["status"] == "confirmed"
    assert held.confirm().status == "confirmed"
    assert figures() == {"Concert": 3, "Seat": 3}
    assert manager.post(f"/events/{event.pk}/postpone", {"reason": "Flood"}).json()["is_postponed"] is True
    (entry,) = Change.objects.of(event).filter(verb="postpone")
    assert entry.details == {"is_postponed": [False, True], "is_sales_paused": [False, True], "reason": [None, "Storm"]}
    assert told(event)[2:] == ["event.postponed"]


def test_postponed_draft_is_409(manager, make_event):
    draft = make_event(is_published=False)
    assert refused(manager.post(f"/events/{draft.pk}/postpone"), 409, "event-not-published")
    with pytest.raises(EventNotPublished):
        draft.postpone(at=timezone.now())
    assert stored(draft)["is_postponed"] is False


def test_sales_of_a_postponed_event_resume_after_it_is_rescheduled(manager, event):
    manager.post(f"/events/{event.pk}/postpone")
    assert refused(manager.post(f"/events/{event.pk}/resume-sales"), 409, "event-postponed")
    with pytest.raises(EventPostponed):
        event.resume_sales(at=timezone.now())
    answer = manager.post(f"/events/{event.pk}/reschedule", MOVED).json()
    assert (answer["is_postponed"], answer["is_sales_paused"], answer["starts_at"]) == (False, True, STARTS)
    assert [entry["code"] for entry in answer["warnings"]] == ["sales-paused"]
    assert manager.post(f"/events/{event.pk}/resume-sales").json()["is_sales_paused"] is False
    assert told(event)[2:] == ["event.postponed", "event.rescheduled", "event.sales_resumed"]


def test_postponed_event_has_not_ended_after_its_old_end(seat, pass_time):
    seat.event.postpone(at=timezone.now())
    pass_time(days=60)
    seat.refresh_from_db()
    assert seat.status_at(timezone.now()) == "paused"


def test_cancelled_event_is_not_postponed_any_more(event):
    event.postpone(at=timezone.now()).cancel(at=timezone.now())
    assert (event.status, event.is_postponed) == ("cancelled", False)


def test_postponed_without_paused_sales_is_refused_by_the_database(event):
    with pytest.raises(IntegrityError, match="event_postponed_has_paused_sales"), transaction.atomic():
        Event.objects.filter(pk=event.pk).update(is_postponed=True)


@pytest.mark.parametrize(
    ("body", "entry"),
    [
        ({"reason": "a" * 501}, ("/reason", "max-length")),
        ({"reason": None}, ("/reason", "null")),
        ({"reason": "a\nb"}, ("/reason", "bad-character")),
        ([], ("", "invalid")),
    ],
)
def test_postpone_with_a_wrong_body_is_400(body, entry, manager, event):
    assert errors_in(manager.post(f"/events/{event.pk}/postpone", body)) == [entry]
    assert stored(event)["is_postponed"] is False


# Reschedule


def test_reschedule_moves_sales_periods_along_across_a_clock_change(manager, make_event, make_type):
    """20:00 in summer becomes 20:00 in winter. The sale still ends at 18:00, and begins at 19:00."""
    at = dt.datetime(2089, 6, 12, 18, tzinfo=dt.UTC)  # 20:00 in Vienna
    event = make_event(starts_at=at)
    seat = make_type(event=event, name="Seat", sales_start_at=at - 100 * DAY, sales_end_at=at - 2 * HOUR)
    plain = make_type(event=event, name="Plain")
    open_end = make_type(event=event, name="Late", sales_start_at=at - HOUR)
    moved = {"starts_at": "2089-12-12T19:00:00Z", "ends_at": "2089-12-12T22:00:00Z"}
    answer = manager.post(f"/events/{event.pk}/reschedule", {**moved, "reason": "Ill"})
    assert answer.status_code == 200
    assert {**answer.json(), **moved} == answer.json()
    periods = {it.name: (it.sales_start_at, it.sales_end_at) for it in TicketType.objects.all()}
    assert periods == {
        "Seat": (dt.datetime(2089, 9, 3, 17, tzinfo=dt.UTC), dt.datetime(2089, 12, 12, 17, tzinfo=dt.UTC)),
        "Plain": (None, None),
        "Late": (dt.datetime(2089, 12, 12, 18, tzinfo=dt.UTC), None),
    }
    changed = FeedChange.objects.filter(type="ticket_type.changed").values_list("object_id", flat=True)
    assert {*changed} == {str(seat.pk), str(open_end.pk)}
    assert str(plain.pk) not in changed
    (entry,) = Change.objects.of(event).filter(verb="reschedule")
    assert (entry.details["reason"], entry.details["starts_at"][1]) == ([None, "Ill"], "2089-12-12T19:00:00Z")


def test_reschedule_twice_to_the_same_times_is_once(manager, event, make_type):
    make_type(event=event, sales_end_at=event.starts_at)
    first = manager.post(f"/events/{event.pk}/reschedule", MOVED)
    before = [*TicketType.objects.values()], FeedChange.objects.count()
    assert manager.post(f"/events/{event.pk}/reschedule", MOVED).json() == first.json()
    assert ([*TicketType.objects.values()], FeedChange.objects.count()) == before


def test_sale_that_is_open_stays_open(event, make_type):
    now = timezone.now()
    seat = make_type(event=event, sales_start_at=now - DAY, sales_end_at=event.starts_at)
    over = make_type(event=event, name="Early", sales_start_at=now - 2 * DAY, sales_end_at=now - DAY)
    event.reschedule(starts_at=event.starts_at + 90 * DAY, ends_at=event.ends_at + 90 * DAY, at=now)
    for ticket_type in (seat, over):
        ticket_type.refresh_from_db()
    assert (seat.sales_start_at, seat.sales_end_at) == (now - DAY, event.starts_at)
    assert over.sales_start_at > now + 80 * DAY
    assert seat.status_at(now) == "on_sale"


def test_postponed_event_may_be_rescheduled_to_its_old_times(event):
    event.postpone(at=timezone.now())
    event.reschedule(starts_at=event.starts_at, ends_at=event.ends_at, at=timezone.now())
    assert (event.is_postponed, event.is_sales_paused) == (False, True)
    assert told(event)[-1] == "event.rescheduled"


def test_published_event_is_not_moved_into_the_past(manager, event):
    before = stored(event)
    past = {"starts_at": "2020-05-01T19:00:00Z", "ends_at": "2020-05-01T22:00:00Z"}
    assert refused(manager.post(f"/events/{event.pk}/reschedule", past), 409, "event-in-the-past")
    with pytest.raises(EventInThePast):
        event.reschedule(starts_at=event.starts_at - 60 * DAY, ends_at=event.ends_at, at=timezone.now())
    assert stored(event) == before


@pytest.mark.parametrize(
    ("body", "entries"),
    [
        ({}, [("/starts_at", "required"), ("/ends_at", "required")]),
        ({"starts_at": STARTS, "ends_at": STARTS}, [("/ends_at", "ends-too-early")]),
        ({"starts_at": "2090-05-01T19:00:00", "ends_at": ENDS}, [("/starts_at", "invalid")]),
        ({"starts_at": [STARTS], "ends_at": ENDS}, [("/starts_at", "invalid")]),
    ],
)
def test_reschedule_with_wrong_times_is_400_and_moves_nothing(body, entries, manager, event, make_type):
    make_type(event=event, sales_end_at=event.starts_at)
    before = stored(event), [*TicketType.objects.values()]
    answer = manager.post(f"/events/{event.pk}/reschedule", body)
    assert refused(answer, 400, "invalid-input")
    assert sorted(errors_in(answer)) == sorted(entries)
    assert (stored(event), [*TicketType.objects.values()]) == before


def test_sales_period_that_would_leave_the_years_is_409(manager, event, make_type):
    make_type(event=event, sales_end_at=event.starts_at + 400 * DAY)
    before = stored(event), [*TicketType.objects.values()]
    moved = {"starts_at": "2100-12-01T19:00:00Z", "ends_at": "2100-12-01T22:00:00Z"}
    answer = manager.post(f"/events/{event.pk}/reschedule", moved)
    assert refused(answer, 409, "times-out-of-range")
    assert (stored(event), [*TicketType.objects.values()]) == before
    with pytest.raises(TimesOutOfRange):
        event.clone([dt.datetime(2100, 12, 1, tzinfo=dt.UTC)])
    assert Event.objects.count() == 1


def test_stale_copy_pauses_and_moves_what_is_stored(event):
    """Two clients have read the event; the second one's verb meets what the first has done."""
    first, second = Event.objects.get(pk=event.pk), Event.objects.get(pk=event.pk)
    first.cancel(at=timezone.now())
    for verb in (second.pause_sales, second.unpublish, second.postpone):
        with pytest.raises(EventCancelled):
            verb(at=timezone.now())
    assert stored(event)["status"] == "cancelled"


def test_sale_is_refused_by_the_place_verb_too(seat):
    seat.event.pause_sales(at=timezone.now())
    with pytest.raises(NotOnSale):
        Booking.place(lines=[Line(seat.pk, 1)], customer_name="A", customer_email="a@example.com")
