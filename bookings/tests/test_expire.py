import datetime as dt
import json
import re

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from bookings.lifecycle import cancel as cancelling
from bookings.models import Booking
from bookings.problems import SoldOut
from events.models import Event
from ticket_types.models import TicketType


@pytest.fixture
def seat(make_type, make_event):
    return make_type(event=make_event(capacity=4))


def test_hold_that_ran_out_stops_counting_unswept(book, seat, pass_time):
    book((seat, 3))
    pass_time(minutes=16)
    at = timezone.now()
    event, seat = Event.objects.with_availability(at).get(), TicketType.objects.with_availability(at).get()
    assert (event.reserved, event.held, event.available) == (3, 0, 4)
    assert (seat.reserved, seat.held, seat.available) == (3, 0, 4)


def test_hold_counts_until_its_last_second(book, seat):
    booking = book((seat, 3))
    before = Event.objects.with_availability(booking.expires_at - dt.timedelta(milliseconds=1)).get()
    after = Event.objects.with_availability(booking.expires_at).get()
    assert (before.held, after.held) == (3, 0)
    assert booking.status_at(booking.expires_at - dt.timedelta(milliseconds=1)) == "pending"
    assert booking.status_at(booking.expires_at) == "expired"


def test_hold_that_ran_out_is_never_a_false_sold_out(book, seat, pass_time, figures):
    overdue = book((seat, 4))
    pass_time(minutes=16)
    assert book((seat, 4)).status == "pending"
    overdue.refresh_from_db()
    assert overdue.status == "expired"
    assert figures() == {"Concert": 4, "Seat": 4}


def test_sweep_changes_nothing_for_those_who_ask(book, seat, pass_time, anonymous):
    booking = book((seat, 3))
    pass_time(minutes=16)
    paths = ["/events", "/ticket-types", "/ticket-types?on_sale=true", "/events?available=true"]
    before = [anonymous.get(path).json() for path in paths]
    answer = anonymous.get(f"/bookings/{booking.pk}").json()
    assert (answer["status"], answer["expires_in"]) == ("expired", None)
    assert Booking.objects.expire_overdue() == 1
    assert [anonymous.get(path).json() for path in paths] == before
    assert anonymous.get(f"/bookings/{booking.pk}").json() == answer


def test_filters_by_status_go_by_the_clock(book, seat, pass_time, box_office):
    overdue = book((seat, 1))
    pass_time(minutes=10)
    pending = book((seat, 1))
    pass_time(minutes=6)

    def found(status):
        return [row["id"] for row in box_office.get(f"/bookings?status={status}").json()["results"]]

    assert found("pending") == [str(pending.pk)]
    assert found("expired") == [str(overdue.pk)]
    Booking.objects.expire_overdue()
    assert found("pending") == [str(pending.pk)]
    assert found("expired") == [str(overdue.pk)]


def test_sold_out_says_when_the_next_hold_runs_out(book, seat, anonymous):
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
    assert [(fault["held"], fault["available"]) for fault in answer.json()["errors"]] == [(4, 0)]


def test_sweep_leaves_holds_that_still_run(book, seat, pass_time, figures):
    book((seat, 1))
    pass_time(minutes=10)
    book((seat, 2))
    pass_time(minutes=6)
    assert Booking.objects.expire_overdue() == 1
    assert figures() == {"Concert": 2, "Seat": 2}


def test_sweep_goes_in_batches(book, seat, pass_time, monkeypatch, figures):
    monkeypatch.setattr(cancelling, "BATCH", 2)
    for _ in range(4):
        book((seat, 1))
    pass_time(minutes=16)
    assert Booking.objects.expire_overdue() == 4
    assert Booking.objects.expire_overdue() == 0
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


def test_expire_holds_sweeps(book, seat, pass_time, figures, capsys):
    book((seat, 3))
    pass_time(minutes=16)
    call_command("expire_holds")
    assert capsys.readouterr().out == "1 expired, 0 cancelled.\n"
    assert figures() == {"Concert": 0, "Seat": 0}


def test_expire_holds_dry_run_changes_nothing(book, seat, pass_time, figures, capsys):
    book((seat, 3))
    pass_time(minutes=16)
    call_command("expire_holds", dry_run=True)
    assert capsys.readouterr().out == "1 to expire, with 3 places; 0 to cancel.\n"
    assert figures() == {"Concert": 3, "Seat": 3}


def test_expire_holds_speaks_json(book, seat, pass_time, capsys):
    book((seat, 3))
    pass_time(minutes=16)
    call_command("expire_holds", dry_run=True, json=True)
    call_command("expire_holds", json=True)
    call_command("expire_holds", json=True)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"to_expire": 1, "places": 3, "to_cancel": 0},
        {"expired": 1, "cancelled": 0},
        {"expired": 0, "cancelled": 0},
    ]


def test_expire_holds_finishes_an_event_cancellation_that_was_cut_short(book, seat, figures, capsys):
    book((seat, 2))
    book((seat, 1)).confirm()
    Event.objects.update(status="cancelled", cancel_reason="storm")
    call_command("expire_holds", dry_run=True)
    call_command("expire_holds")
    assert capsys.readouterr().out.splitlines() == [
        "0 to expire, with 0 places; 2 to cancel.",
        "0 expired, 2 cancelled.",
    ]
    assert set(Booking.objects.values_list("status", "cancel_reason")) == {("cancelled", "storm")}
    assert figures() == {"Concert": 0, "Seat": 0}


def test_expire_holds_watches_until_it_is_interrupted(book, seat, pass_time, monkeypatch, capsys):
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("bookings.management.commands.expire_holds.time.sleep", pause)
    call_command("expire_holds", watch=0.5)
    assert pauses == [0.5, 0.5, 0.5]
    assert len(re.findall("0 expired", capsys.readouterr().out)) == 3


def test_expire_holds_refuses_a_pause_of_nothing():
    with pytest.raises(CommandError, match="--watch"):
        call_command("expire_holds", watch=0)
