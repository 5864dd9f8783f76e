import datetime as dt

import pytest
from django.core.management import call_command

from bookings.lifecycle import expire
from bookings.models import Booking
from bookings.problems import SoldOut
from conftest import holder_of
from events.inventory import bookings as inventory
from events.inventory import release_due
from events.models import Event
from ticket_types.models import TicketType

pytestmark = pytest.mark.both


@pytest.fixture
def seat(make_type, make_event):
    return make_type(event=make_event(capacity=4))


def test_release_gives_back_the_places_of_due_holds(book, seat, pass_time, figures):
    booking = book((seat, 3))
    pass_time(minutes=14)
    assert release_due() == 0
    pass_time(minutes=2)
    assert release_due() == 1
    booking.refresh_from_db()
    assert (booking.status, figures()) == ("expired", {"Concert": 0, "Seat": 0})


def test_release_of_one_event_leaves_the_others(book, seat, make_type, pass_time):
    book((seat, 1))
    book((make_type(), 1))
    pass_time(minutes=16)
    assert release_due(seat.event_id) == 1
    assert release_due(seat.event_id) == 0
    assert release_due() == 1


def test_release_by_a_read_is_bounded(book, seat, pass_time, monkeypatch):
    monkeypatch.setattr(expire, "BATCH", 1)
    monkeypatch.setattr(inventory, "RELEASED_AT_ONCE", 2)
    for _ in range(4):
        book((seat, 1))
    pass_time(minutes=16)
    assert release_due() == 2
    assert release_due(wait=True) == 2


def test_status_of_a_booking_follows_the_clock(book, seat):
    booking = book((seat, 3))
    assert booking.status_at(booking.expires_at - dt.timedelta(milliseconds=1)) == "pending"
    assert booking.status_at(booking.expires_at) == "expired"


def test_expired_hold_never_causes_a_false_sold_out(book, seat, pass_time, figures):
    overdue = book((seat, 4))
    pass_time(minutes=16)
    assert book((seat, 4)).status == "pending"
    overdue.refresh_from_db()
    assert overdue.status == "expired"
    assert figures() == {"Concert": 4, "Seat": 4}


def test_reads_show_the_same_before_and_after_a_release(book, seat, pass_time, anonymous):
    booking = book((seat, 3))
    holder = holder_of(booking)
    pass_time(minutes=16)
    paths = ["/events", "/ticket-types", "/ticket-types?on_sale=true", "/events?available=true"]
    before = [anonymous.get(path).json() for path in paths]
    answer = holder.get(f"/bookings/{booking.pk}").json()
    assert (answer["status"], answer["expires_in"]) == ("expired", None)
    assert release_due(wait=True) == 0  # the first read has released it
    assert [anonymous.get(path).json() for path in paths] == before
    assert holder.get(f"/bookings/{booking.pk}").json() == answer


def test_filter_by_status_follows_the_clock(book, seat, pass_time, box_office):
    overdue = book((seat, 1))
    pass_time(minutes=10)
    pending = book((seat, 1))
    pass_time(minutes=6)

    def found(status):
        return [row["id"] for row in box_office.get(f"/bookings?status={status}").json()["results"]]

    assert found("pending") == [str(pending.pk)]
    assert found("expired") == [str(overdue.pk)]
    release_due(wait=True)
    assert found("pending") == [str(pending.pk)]
    assert found("expired") == [str(overdue.pk)]


def test_sold_out_says_when_the_next_hold_ends(book, seat, anonymous):
    book((seat, 3), hold=dt.timedelta(minutes=10))
    book((seat, 1), hold=dt.timedelta(minutes=5))
    answer = anonymous.post(
        "/bookings",
        {
            "customer_name": "Bob",
            "customer_email": "bob@example.com",
            "items": [{"ticket_type": seat.pk, "quantity": 2}],
        },
    )
    assert answer.status_code == 409
    assert 290 <= int(answer["Retry-After"]) <= 301
    assert [(entry["held"], entry["available"]) for entry in answer.json()["errors"]] == [(4, 0)]


def test_release_leaves_holds_that_last(book, seat, pass_time, figures):
    book((seat, 1))
    pass_time(minutes=10)
    book((seat, 2))
    pass_time(minutes=6)
    assert release_due(wait=True) == 1
    assert figures() == {"Concert": 2, "Seat": 2}


def test_release_runs_in_batches(book, seat, pass_time, monkeypatch, figures):
    monkeypatch.setattr(expire, "BATCH", 2)
    for _ in range(4):
        book((seat, 1))
    pass_time(minutes=16)
    assert release_due(wait=True) == 4
    assert release_due(wait=True) == 0
    assert figures() == {"Concert": 0, "Seat": 0}


def test_capacity_can_be_lowered_below_holds_that_ran_out(book, seat, pass_time):
    book((seat, 4))
    pass_time(minutes=16)
    event = Event.objects.get()
    event.revise(capacity=1)
    seat = TicketType.objects.get()
    seat.revise(capacity=1)
    assert book((seat, 1)).status == "pending"
    with pytest.raises(SoldOut):
        book((seat, 1))


def test_worker_releases_holds(book, seat, pass_time, figures, capsys):
    book((seat, 3))
    pass_time(minutes=16)
    call_command("worker", once=True, steps="release-holds")
    assert capsys.readouterr().out.split() == ["release-holds", "1"]
    assert figures() == {"Concert": 0, "Seat": 0}


def test_worker_completes_an_event_cancellation_that_was_cut_short(book, seat, figures, capsys):
    book((seat, 2))
    book((seat, 1)).confirm()
    Event.objects.update(status="cancelled", cancel_reason="storm")
    call_command("worker", once=True, steps="complete-cancellations")
    assert capsys.readouterr().out.split() == ["complete-cancellations", "2"]
    assert set(Booking.objects.values_list("status", "cancel_reason")) == {("cancelled", "storm")}
    assert figures() == {"Concert": 0, "Seat": 0}
