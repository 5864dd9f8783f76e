"""How many are inside."""

import csv
import datetime as dt

import pytest
from django.utils import timezone

from config.tests.harness.answers import refused
from conftest import client_of, make_user

pytestmark = pytest.mark.both
START = dt.datetime(2026, 11, 30, 18, 2, tzinfo=dt.UTC)


@pytest.fixture
def evening(make_event, make_type, book):
    """4 adults, of whom 3 came and 1 left again, and 2 children, 1 of them void."""
    event = make_event()
    adult, child = make_type(event=event, name="Adult"), make_type(event=event, name="Child", position=1)
    make_type(event=event, name="Nobody", position=2)
    tickets = list(book((adult, 4)).confirm().tickets.all())
    for ticket, minutes in zip(tickets, (0, 5, 40), strict=False):
        ticket.check_in(at=START + dt.timedelta(minutes=minutes))
    tickets[0].check_out(at=START + dt.timedelta(minutes=50))
    children = book((child, 2), customer_email="b@example.com").confirm()
    children.cancel(tickets=[children.tickets.first().code])
    return event


def test_report_counts_who_is_inside(door, evening):
    report = door.get(f"/reports/admissions?event={evening.pk}").json()
    assert [report[name] for name in ("expected", "admitted", "inside")] == [5, 3, 2]
    rows = [tuple(row.values())[1:] for row in report["by_ticket_type"]]
    assert rows == [("Adult", 4, 3, 2), ("Child", 1, 0, 0), ("Nobody", 0, 0, 0)]
    quarters = [(row["starts_at"], row["label"], row["admitted"]) for row in report["by_quarter"]]
    assert quarters == [
        ("2026-11-30T18:00:00Z", "30 Nov 2026, 19:00", 2),
        ("2026-11-30T18:15:00Z", "30 Nov 2026, 19:15", 0),
        ("2026-11-30T18:30:00Z", "30 Nov 2026, 19:30", 1),
    ]


def test_table_has_the_same_figures(door, evening):
    answer = door.get(f"/reports/admissions?event={evening.pk}&format=csv")
    rows = list(csv.reader(answer.getvalue().decode("utf-8-sig").splitlines()))
    assert rows[:3] == [
        ["group", "label", "expected", "admitted", "inside"],
        [f"event {evening.pk}", "Concert", "5", "3", "2"],
        [f"ticket type {evening.ticket_types.first().pk}", "Adult", "4", "3", "2"],
    ]
    assert rows[-1] == ["2026-11-30T18:30:00Z", "30 Nov 2026, 19:30", "", "1", ""]
    assert len(rows) == 8


def test_report_needs_an_event_that_exists(door, evening):
    assert refused(door.get("/reports/admissions"), 400, "invalid-input")
    assert refused(door.get(f"/reports/admissions?event={evening.pk + 1}"), 404, "not-found")


def test_mistake_of_weeks_before_does_not_make_thousands_of_quarters(door, evening, book):
    ticket = evening.ticket_types.first().tickets.filter(status="valid").first()
    ticket.check_in(at=START - dt.timedelta(days=90))
    quarters = door.get(f"/reports/admissions?event={evening.pk}").json()["by_quarter"]
    assert [row["admitted"] for row in quarters] == [1, 2, 1]


def test_queries_are_the_same_for_more_types_and_entries(door, make_event, make_type, book, django_assert_num_queries):
    event = make_event()
    for number in (1, 3):
        for _ in range(number):
            seat = make_type(event=event, name=f"Seat {number} {_}")
            book((seat, 1), customer_email=f"{number}{_}@example.com").confirm().tickets.get().check_in(
                at=timezone.now()
            )
        with django_assert_num_queries(8):
            door.get(f"/reports/admissions?event={event.pk}")


def test_admissions_need_their_permission(evening):
    nobody = client_of(make_user())
    assert refused(nobody.get(f"/reports/admissions?event={evening.pk}"), 403, "forbidden")
