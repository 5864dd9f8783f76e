"""An answer is given again only when the database says the same. With rows not compared, these fail."""

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from config.api import kept
from config.api.kept import answers
from config.api.representation import Representation
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue


@pytest.fixture
def made(monkeypatch):
    """How many objects were turned into what is shown."""
    of, count = Representation.of, []

    def counting(self, serializer, instance):
        count.append(instance)
        return of(self, serializer, instance)

    monkeypatch.setattr(Representation, "of", counting)
    return lambda: len(count)


@pytest.fixture
def hall(make_venue):
    return make_venue(name="Hall")


PATHS = ["/venues", "/events", "/ticket-types"]


@pytest.mark.parametrize("path", PATHS)
def test_list_that_has_not_changed_is_not_made_again(path, anonymous, make_type, made):
    make_type()
    first = anonymous.get(path)
    before = made()
    again = anonymous.get(path)
    assert (again.content, again["ETag"], made()) == (first.content, first["ETag"], before)
    assert before > 0
    kept_headers = {"X-Request-ID"}
    assert {k: v for k, v in again.items() if k not in kept_headers} == {
        k: v for k, v in first.items() if k not in kept_headers
    }


CHANGES = {
    "edited": lambda seat: seat.event.revise(name="Other"),
    "edited behind the model's back": lambda seat: Event.objects.update(description="Other"),
    "booked": lambda seat: Event.objects.update(reserved=1) and TicketType.objects.update(reserved=1),
    "cancelled": lambda seat: seat.event.cancel(at=timezone.now()),
    "ticket type sold later": lambda seat: seat.revise(sales_start_at=timezone.now() + dt.timedelta(days=1)),
    "deleted": lambda seat: seat.event.remove(),
}


@pytest.mark.drifts
@pytest.mark.parametrize("path", ["/events", "/events/{event}", "/ticket-types", "/ticket-types/{type}"])
@pytest.mark.parametrize("change", CHANGES)
def test_answer_is_made_anew_when_something_in_it_has_changed(path, change, anonymous, make_type):
    seat = make_type()
    asked = path.format(event=seat.event_id, type=seat.pk)
    first = anonymous.get(asked)
    CHANGES[change](seat)
    second = anonymous.get(asked)
    answers.kept.clear()
    assert shown(second) == shown(anonymous.get(asked))
    is_of_event_alone = change.startswith("edited")
    assert (shown(second) != shown(first)) == (path.startswith("/events") or not is_of_event_alone)


def shown(answer):
    """Without the request's own id, which a refusal tells."""
    return answer.status_code, {**answer.json(), "request_id": ""}


def test_booking_shows_at_once_in_the_availability(anonymous, make_type, book):
    seat = make_type()
    read = lambda: anonymous.get(f"/events/{seat.event_id}").json()["availability"]["available"]  # noqa: E731
    seen = [read(), read()]
    book((seat, 2))
    assert [*seen, read()] == [100, 100, 98]
    assert anonymous.get("/events").json()["results"][0]["availability"]["available"] == 98


@pytest.mark.parametrize("path", ["/events", "/events/{event}", "/ticket-types", "/ticket-types/{type}"])
@pytest.mark.parametrize("passing", ["sales_start_at", "sales_end_at", "ends_at"])
def test_answer_changes_when_an_instant_in_it_passes(path, passing, anonymous, make_type):
    """Nothing is written at that moment: only the clock goes on."""
    now = timezone.now()
    soon = now + dt.timedelta(hours=1)
    seat = make_type(**({passing: soon} if passing != "ends_at" else {}))
    if passing == "ends_at":
        Event.objects.update(starts_at=now + dt.timedelta(minutes=30), ends_at=soon)
    asked = path.format(event=seat.event_id, type=seat.pk)
    states = []
    for at in (now, soon - dt.timedelta(seconds=1), soon, now):
        with time_machine.travel(at, tick=False):
            states.append(state(anonymous.get(asked).json()))
    before, after = {"sales_start_at": ("not_started", "on_sale")}.get(passing, ("on_sale", "ended"))
    assert states == [before, before, after, before]


def state(answer):
    row = answer["results"][0] if "results" in answer else answer
    if "on_sale" in row:
        return row["on_sale"]["reason"] or "on_sale"
    return row["availability"]["status"]


def test_hold_that_runs_out_shows_at_once(anonymous, make_type, book):
    seat = make_type(capacity=5)
    book((seat, 5))
    assert anonymous.get("/events").json()["results"][0]["availability"]["available"] == 95
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=16), tick=False):
        assert anonymous.get("/events").json()["results"][0]["availability"]["available"] == 100
        assert anonymous.get(f"/ticket-types/{seat.pk}").json()["availability"]["available"] == 5


def test_staff_and_the_public_are_answered_apart(anonymous, manager, make_event):
    make_event(is_published=False)
    for _ in range(2):
        assert (manager.get("/events").json()["count"], anonymous.get("/events").json()["count"]) == (1, 0)


def test_page_for_a_browser_is_not_kept(anonymous, hall):
    before = len(answers.kept)
    assert anonymous.get("/venues", HTTP_ACCEPT="text/html")["Content-Type"].startswith("text/html")
    assert len(answers.kept) == before


def test_only_so_many_answers_are_kept(anonymous, hall, monkeypatch):
    monkeypatch.setattr(kept, "MAX_ANSWERS", 3)
    for limit in range(1, 6):
        anonymous.get(f"/venues?limit={limit}")
    assert len(answers.kept) == 3


def test_large_answer_is_not_kept(anonymous, hall, monkeypatch):
    answers.kept.clear()
    monkeypatch.setattr(kept, "MAX_BYTES", len(anonymous.get("/venues").content) - 1)
    answers.kept.clear()
    anonymous.get("/venues")
    assert not answers.kept


def test_links_name_the_host_that_was_asked(anonymous, hall):
    Venue.objects.create(name="Other", address="Street", capacity=1)
    for host in ("testserver", "localhost", "testserver"):
        assert anonymous.get("/venues?limit=1", HTTP_HOST=host).json()["next"].startswith(f"http://{host}/")
    assert anonymous.get("/venues?limit=1", secure=True).json()["next"].startswith("https://testserver/")
