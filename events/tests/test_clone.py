"""Copies of events: drafts with ticket types, whose times move along in the venue's local time."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings.models import Booking
from config.history.models import Change
from config.outbox.models import FeedChange
from config.tests.harness.answers import errors_in, refused
from config.values.timezones import find_zone
from events.lifecycle.shifting import Shift
from events.models import Event
from ticket_types.models import TicketType

pytestmark = pytest.mark.both

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
AT = dt.datetime(2089, 6, 12, 18, tzinfo=dt.UTC)  # 20:00 in Vienna
NEW_YEAR = dt.datetime(2026, 1, 1)  # noqa: DTZ001  the strategy adds the zone
VIENNA = find_zone("Europe/Vienna")


@pytest.fixture
def event(make_event):
    return make_event(
        starts_at=AT, ends_at=AT + 3 * HOUR, description="Doors open at seven.", max_per_customer=6,
        free_confirmation="staff", is_cancellable_by_customer=True, visibility="unlisted", capacity=90,
    )  # fmt: skip


@pytest.fixture
def seat(event, make_type):
    return make_type(
        event=event, capacity=40, fee="2.50", min_per_booking=2, position=3, description="Front",
        sales_start_at=AT - 100 * DAY, sales_end_at=AT - 2 * HOUR,
    )  # fmt: skip


def text(at):
    return at.isoformat().replace("+00:00", "Z")


def local(at):
    return f"{at.astimezone(VIENNA):%Y-%m-%d %H:%M}"


def test_clone_is_a_draft_with_its_ticket_types(manager, event, seat, book, make_type):
    book((make_type(event=event, name="Plain"), 2)).confirm()
    event.pause_sales(at=timezone.now())
    answer = manager.post(f"/events/{event.pk}/clone", {"starts_at": text(AT + 7 * DAY)})
    assert answer.status_code == 201
    copy = answer.json()
    assert answer["Location"] == f"/api/v1/events/{copy['id']}"
    own = ("id", "created_at", "updated_at", "published_at", "status", "starts_at", "ends_at", "availability",
           "on_sale", "is_sales_paused")  # fmt: skip
    source = manager.get(f"/events/{event.pk}").json()
    assert {k: v for k, v in copy.items() if k not in own} == {k: v for k, v in source.items() if k not in own}
    assert (copy["status"], copy["published_at"], copy["is_sales_paused"]) == ("draft", None, False)
    assert (copy["starts_at"], copy["ends_at"]) == (text(AT + 7 * DAY), text(AT + 7 * DAY + 3 * HOUR))
    assert copy["availability"] == {"capacity": 90, "reserved": 0, "available": 90}
    rows = {pk: TicketType.objects.filter(event=pk).order_by("name").values() for pk in (event.pk, copy["id"])}
    for old, new in zip(*rows.values(), strict=True):
        moved = {name: old[name] and old[name] + 7 * DAY for name in ("sales_start_at", "sales_end_at")}
        changed = {"id", "event_id", "created_at", "updated_at"}
        assert {**old, **moved, "reserved": 0} == {**new, **{name: old[name] for name in changed}}
    assert Booking.objects.filter(event=copy["id"]).count() == 0
    assert manager.get(answer["Location"].removeprefix("/api/v1")).json() == copy
    assert [*FeedChange.objects.filter(object_type="event", object_id=copy["id"]).values_list("type", flat=True)] == [
        "event.created"
    ]
    assert Change.objects.filter(kind="events.event", object_id=copy["id"]).get().verb == "create"


def test_clone_of_a_season_keeps_local_hours_across_clock_changes(manager, event, seat):
    """Each second Saturday of the month, at 20:00: winter and summer."""
    starts = [dt.datetime(2089, month, 10, 20, tzinfo=VIENNA) for month in range(1, 13)]
    answer = manager.post(f"/events/{event.pk}/clone/bulk", {"starts_at": [it.isoformat() for it in starts]})
    assert (answer.status_code, len(answer.json()["events"])) == (201, 12)
    assert "Location" not in answer
    assert [it["starts_at"] for it in answer.json()["events"]] == [text(it.astimezone(dt.UTC)) for it in starts]
    for copy in Event.objects.exclude(pk=event.pk):
        (seat,) = copy.ticket_types.all()
        assert local(copy.starts_at)[11:] == "20:00"
        assert local(copy.ends_at) == local(copy.starts_at).replace("20:00", "23:00")
        assert local(seat.sales_end_at) == local(copy.starts_at).replace("20:00", "18:00")
        assert local(seat.sales_start_at)[11:] == local(AT - 100 * DAY)[11:]


def test_clone_takes_another_name(manager, event):
    answer = manager.post(f"/events/{event.pk}/clone", {"starts_at": text(AT + DAY), "name": " Gala "})
    assert answer.json()["name"] == "Gala"
    answer = manager.post(f"/events/{event.pk}/clone/bulk", {"starts_at": [text(AT + 2 * DAY)], "name": "Gala"})
    assert [it["name"] for it in answer.json()["events"]] == ["Gala"]


@pytest.mark.parametrize("state", ["draft", "cancelled", "postponed"])
def test_clone_of_an_event_in_any_state_is_a_draft(state, manager, make_event):
    event = make_event(is_published=state != "draft")
    if state != "draft":
        getattr(event, {"cancelled": "cancel", "postponed": "postpone"}[state])(at=timezone.now())
    copy = manager.post(f"/events/{event.pk}/clone", {"starts_at": text(AT)}).json()
    assert (copy["status"], copy["is_postponed"], copy["is_sales_paused"]) == ("draft", False, False)


@pytest.mark.parametrize(
    ("path", "body", "entry"),
    [
        ("clone", {}, ("/starts_at", "required")),
        ("clone", {"starts_at": [text(AT)]}, ("/starts_at", "invalid")),
        ("clone", {"starts_at": text(AT), "name": ""}, ("/name", "blank")),
        ("clone", {"starts_at": text(AT), "name": "a" * 201}, ("/name", "max-length")),
        ("clone/bulk", {"starts_at": text(AT)}, ("/starts_at", "not-a-list")),
        ("clone/bulk", {"starts_at": []}, ("/starts_at", "min-length")),
        ("clone/bulk", {"starts_at": [text(AT), text(AT + DAY), text(AT)]}, ("/starts_at/2", "given-twice")),
        ("clone/bulk", {"starts_at": [text(AT), "tomorrow"]}, ("/starts_at/1", "invalid")),
        ("clone/bulk", {"starts_at": [text(AT + n * DAY) for n in range(101)]}, ("/starts_at", "max-length")),
    ],
)
def test_clone_with_a_wrong_body_is_400_and_makes_nothing(path, body, entry, manager, event):
    answer = manager.post(f"/events/{event.pk}/{path}", body)
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [entry]
    assert Event.objects.count() == 1


def test_clone_that_would_end_after_the_last_year_is_409(manager, event):
    answer = manager.post(f"/events/{event.pk}/clone", {"starts_at": "2100-12-31T23:00:00Z"})
    assert refused(answer, 409, "times-out-of-range")
    assert (errors_in(answer), Event.objects.count()) == ([("/starts_at", "times-out-of-range")], 1)


def test_clone_in_a_withdrawn_currency_is_400(manager, event):
    Event.objects.filter(pk=event.pk).update(currency="DEM")
    answer = manager.post(f"/events/{event.pk}/clone", {"starts_at": text(AT + DAY)})
    assert errors_in(answer) == [("", "withdrawn-currency")]
    assert Event.objects.count() == 1


def test_season_has_the_queries_of_two(event, make_type):
    for number in range(3):
        make_type(event=event, name=f"Type {number}")

    def count(starts):
        with CaptureQueriesContext(connection) as queries:
            event.clone(starts)
        return len(queries)

    assert count([AT + DAY, AT + 2 * DAY]) == count([AT + number * DAY for number in range(3, 13)])


# The distance


def test_shift_keeps_the_instants_of_a_season():
    shift = Shift.between(AT, AT + 7 * DAY, "Europe/Vienna")
    assert shift.move(AT - HOUR) == AT + 7 * DAY - HOUR


def test_moved_time_that_the_clocks_skip_is_that_much_later():
    old = dt.datetime(2027, 3, 27, 2, 30, tzinfo=VIENNA)
    moved = Shift.of_days(1, "Europe/Vienna").move(old)  # 02:30 on the day of the change
    assert local(moved) == "2027-03-28 03:30"


def test_moved_time_that_the_clocks_repeat_is_the_first():
    old = dt.datetime(2027, 10, 30, 2, 30, tzinfo=VIENNA)
    moved = Shift.of_days(1, "Europe/Vienna").move(old)
    assert moved == dt.datetime(2027, 10, 31, 0, 30, tzinfo=dt.UTC)


def test_unknown_time_zone_moves_in_utc():
    assert Shift.of_days(1, "Old/Name").move(AT) == AT + DAY


INSTANTS = st.datetimes(NEW_YEAR, NEW_YEAR.replace(year=2028), timezones=st.just(dt.UTC))
ZONES = st.sampled_from(["Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"])


@settings(max_examples=300, deadline=None)
@given(start=INSTANTS, new_start=INSTANTS, minutes=st.integers(1, 3 * 24 * 60), zone=ZONES)
def test_moved_period_ends_after_it_starts(start, new_start, minutes, zone):
    """Whatever the clocks do; and it keeps its local hours where the clocks neither skip nor repeat them."""
    end = start + dt.timedelta(minutes=minutes)
    shift = Shift.between(start, new_start, zone)
    moved = shift.move_end(start, end, new_start)
    assert moved > new_start
    assert abs((moved - new_start) - (end - start)) <= 2 * HOUR
