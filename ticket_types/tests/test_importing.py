"""Imports: what they create, find again, and refuse in which line."""

import csv
import datetime as dt
import io
import json
import re
import sys
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from config.history.models import Change
from events.models import Event
from ticket_types.imports import apply, format_of, preview
from ticket_types.imports.reading import COLUMNS, FIELDS, read
from ticket_types.models import TicketType
from venues.models import Venue

GUIDE = (settings.BASE_DIR / "docs" / "importing.md").read_text()
EXAMPLES = {form: re.search(rf"^```{form}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)[1] for form in ("csv", "json")}
HALL = {
    "venue_name": "Hall",
    "venue_address": "1 Main Street",
    "venue_capacity": "100",
    "venue_timezone": "Europe/Vienna",
}
SHOW = {"event_name": "Show", "event_starts_at": "2090-06-12 19:30", "event_ends_at": "2090-06-12 22:00"}
LATER = dt.datetime(2090, 6, 12, 17, 30, tzinfo=dt.UTC)
SEAT = {"ticket_type_name": "Seat", "ticket_type_price": "49.90"}


def table(*rows, delimiter=","):
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def errors(*rows):
    """The errors of a table, which must change nothing."""
    before = catalogue()
    outcome = apply(table(*rows), "csv")
    assert not outcome.is_done
    assert outcome.errors != []
    assert catalogue() == before
    return [(error.line, error.field) for error in outcome.errors]


def done(*rows):
    outcome = apply(table(*rows), "csv")
    assert [str(error) for error in outcome.errors] == []
    assert outcome.is_done
    return [(step.verb, step.kind) for step in outcome.changes]


def catalogue():
    """The whole catalogue, without ids and times of changes."""
    return [
        (
            venue.name, venue.address, venue.capacity, venue.timezone,
            [
                (
                    event.name, event.starts_at, event.ends_at, event.status, event.description, event.currency,
                    event.capacity, event.max_per_customer,
                    [
                        (it.name, it.price, it.fee, it.tax_rate, it.capacity, it.min_per_booking,
                         it.max_per_booking, it.sales_start_at, it.sales_end_at, it.position, it.description)
                        for it in event.ticket_types.order_by("name")
                    ],
                )
                for event in venue.events.order_by("starts_at", "name")
            ],
        )
        for venue in Venue.objects.order_by("name")
    ]  # fmt: skip


# The examples of the guide


@pytest.mark.parametrize("form", ["csv", "json"])
def test_example_of_the_guide_makes_what_it_says_and_again_nothing(form, db):
    content = EXAMPLES[form].encode()
    outcome = apply(content, form)
    assert (outcome.is_done, outcome.errors) == (True, [])
    counts = {kind: count["create"] for kind, count in outcome.counts().items()}
    assert counts == {"venue": 2, "event": 2, "ticket_type": 3}
    concert = Event.objects.get(name="Summer Concert")
    assert (concert.starts_at, concert.status) == (dt.datetime(2027, 6, 12, 17, 30, tzinfo=dt.UTC), "published")
    assert Event.objects.get(name="Winter Concert").status == "draft"
    prices = list(concert.ticket_types.order_by("name").values_list("name", "price", "capacity"))
    assert prices == [("Seat", Decimal("49.90"), 300), ("Standing", Decimal("19.90"), None)]
    before, entries = catalogue(), Change.objects.count()
    for other in ("csv", "json"):
        again = apply(EXAMPLES[other].encode(), other)
        assert (again.is_done, again.changes) == (True, [])
    assert (catalogue(), Change.objects.count()) == (before, entries)


def test_guide_names_every_field_and_those_that_are_needed():
    rows = re.findall(r"^\| (venue|event|ticket type) \| (.*?) \| ?(.*?) ?\|$", GUIDE, re.MULTILINE)
    told = {kind.replace(" ", "_"): re.findall(r"`(\w+)`", needed + besides) for kind, needed, besides in rows}
    assert {kind: set(names) for kind, names in told.items()} == {kind: set(names) for kind, names in FIELDS.items()}
    assert next(csv.reader(io.StringIO(EXAMPLES["csv"]))) == [name for name in COLUMNS if name in EXAMPLES["csv"]]


# What is made and found again


def test_what_differs_is_changed_and_the_rest_left_alone(db):
    done({**HALL, **SHOW, **SEAT, "event_description": "Doors at seven"})
    changes = done(
        {**HALL, "venue_capacity": "120", **SHOW, "event_max_per_customer": "4", **SEAT, "ticket_type_price": "39.90"}
    )
    assert changes == [("change", "venue"), ("change", "event"), ("change", "ticket_type")]
    assert Venue.objects.get().capacity == 120
    event = Event.objects.get()
    assert (event.max_per_customer, event.description, event.capacity) == (4, "Doors at seven", 100)
    assert TicketType.objects.get().price == Decimal("39.90")


def test_free_confirmation_is_imported(db):
    done({**HALL, **SHOW, "event_free_confirmation": "by_mail", **SEAT})
    assert Event.objects.get().free_confirmation == "by_mail"
    assert errors({**HALL, **SHOW, "event_free_confirmation": "never", **SEAT}) == [(2, "event_free_confirmation")]
    assert Event.objects.get().free_confirmation == "by_mail"


def test_fee_and_tax_rate_are_imported_and_kept_when_left_out(db):
    done({**HALL, **SHOW, **SEAT, "ticket_type_fee": "2.50", "ticket_type_tax_rate": "7.70"})
    assert done({**HALL, **SHOW, **SEAT}) == []
    assert TicketType.objects.values_list("fee", "tax_rate").get() == (Decimal("2.50"), Decimal("7.7"))
    assert errors({**HALL, **SHOW, **SEAT, "ticket_type_fee": "0.001", "ticket_type_tax_rate": "101"}) == [
        (2, "ticket_type_fee"),
        (2, "ticket_type_tax_rate"),
    ]


def test_change_says_the_old_and_the_new_value(db):
    done({**HALL, **SHOW, **SEAT, "ticket_type_quantity": "50"})
    outcome = preview(
        table({**HALL, **SHOW, **SEAT, "ticket_type_quantity": "none", "event_ends_at": "2090-06-12 23:00"}), "csv"
    )
    day = "Mon 12 Jun 2090"
    assert [str(step) for step in outcome.changes] == [
        f"line 2: change event Show, 12 Jun 2090, 19:30: ends at {day}, 22:00 CEST → {day}, 23:00 CEST",
        "line 2: change ticket type Seat, Show, 12 Jun 2090, 19:30: quantity 50 → –",
    ]


def test_empty_cell_says_nothing_and_none_takes_away(db):
    done({**HALL, **SHOW, **SEAT, "ticket_type_quantity": "50", "event_max_per_customer": "3"})
    name_only = {
        "venue_name": "Hall",
        "event_name": "Show",
        "event_starts_at": "2090-06-12T19:30",
        "ticket_type_name": "Seat",
    }
    assert done({**name_only, "ticket_type_quantity": ""}) == []
    assert done({**name_only, "ticket_type_quantity": "none", "event_max_per_customer": "NONE"}) == [
        ("change", "event"),
        ("change", "ticket_type"),
    ]
    assert (TicketType.objects.get().capacity, Event.objects.get().max_per_customer) == (None, None)


def test_same_name_elsewhere_or_at_another_time_is_another_thing(db):
    tomorrow = {"event_name": "Show", "event_starts_at": "2090-06-13 19:30", "event_ends_at": "2090-06-13 22:00"}
    done(
        {**HALL, **SHOW, **SEAT},
        {"venue_name": "Hall", **tomorrow, **SEAT},
        {**HALL, "venue_name": "Bar", **SHOW, **SEAT},
    )
    assert (Venue.objects.count(), Event.objects.count(), TicketType.objects.count()) == (2, 3, 3)


def test_names_are_compared_as_they_are_stored(db):
    done({**HALL, "venue_name": " Cafe\u0301 "})
    assert done({"venue_name": "Caf\u00e9", "venue_capacity": "100"}) == []
    assert Venue.objects.get().name == "Caf\u00e9"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_table_is_read_as_spreadsheets_write_it(delimiter, mark, db):
    second = {"venue_name": "Hall", **SHOW, "event_description": "a\nb"}
    rows = ({**HALL, "venue_address": "Main\nStreet"}, {}, second)
    outcome = apply(mark + table(*rows, delimiter=delimiter), "csv")
    assert [(error.line, error.field) for error in outcome.errors] == [(2, "venue_address")]  # it has one line
    rows = ({**HALL, "venue_address": 'Main Street "1", Vienna; 2nd floor'}, {}, second)
    outcome = apply(mark + table(*rows, delimiter=delimiter), "csv")
    assert outcome.is_done
    assert [step.line for step in outcome.steps] == [2, 4]
    assert Event.objects.get().description == "a\nb"


def test_event_is_published_when_the_file_says_so(db):
    assert done({**HALL, **SHOW, **SEAT}) == [("create", "venue"), ("create", "event"), ("create", "ticket_type")]
    assert Event.objects.get().status == "draft"
    published = {**HALL, **SHOW, "event_status": "published"}
    assert done(published) == [("publish", "event")]
    assert done(published) == []
    assert errors({**HALL, **SHOW, "event_status": "draft"}) == [(2, "event_status")]
    Event.objects.get().cancel(at=timezone.now())
    assert errors(published) == [(2, "")]


def test_everything_has_its_history(db):
    done({**HALL, **SHOW, **SEAT, "event_status": "published"})
    found = apply(table({**HALL, "venue_capacity": "120"}), "csv", by="import_catalogue")
    assert found.is_done
    assert [(it.kind, it.verb, it.by_name) for it in Change.objects.all()] == [
        ("venues.venue", "create", "system"),
        ("events.event", "create", "system"),
        ("ticket_types.tickettype", "create", "system"),
        ("events.event", "publish", "system"),
        ("venues.venue", "change", "import_catalogue"),
    ]


def test_venue_grows_before_its_events_and_shrinks_after_them(db):
    done({**HALL, **SHOW, "event_capacity": "100"})
    bigger = {**HALL, "venue_capacity": "500", **SHOW, "event_capacity": "400"}
    smaller = {**HALL, "venue_capacity": "50", **SHOW, "event_capacity": "40"}
    for rows in (bigger, smaller):
        assert done(rows) == [("change", "venue"), ("change", "event")]
    assert (Venue.objects.get().capacity, Event.objects.get().capacity) == (50, 40)


# Dry runs


def test_preview_says_what_an_import_does_and_does_nothing(db):
    content = table({**HALL, **SHOW, **SEAT, "event_status": "published"})
    found = preview(content, "csv")
    assert (catalogue(), Change.objects.count()) == ([], 0)
    applied = apply(content, "csv")
    assert (found.is_done, applied.is_done) == (False, True)
    assert (found.steps, found.errors) == (applied.steps, [])


def test_preview_finds_what_only_the_rules_know(db):
    done({**HALL, **SHOW})
    found = preview(table({**HALL, "venue_capacity": "50"}, {"venue_name": "Hall", **SHOW, "event_currency": "JPY"},
                          {"venue_name": "Hall", **SHOW, **SEAT}), "csv")  # fmt: skip
    assert [(error.line, error.field) for error in found.errors] == [(2, "venue_capacity"), (4, "ticket_type_price")]


def test_steps_read_as_words(db):
    show = {**SHOW, "event_currency": "JPY"}
    late = {"ticket_type_sales_start_at": "2090-01-12 10:00"}
    outcome = preview(table({**HALL, **show, **SEAT, **late, "ticket_type_price": "1500"}), "csv")
    assert [(step.title, list(step.details())) for step in outcome.changes] == [
        ("create venue Hall", ["address 1 Main Street", "capacity 100", "timezone Europe/Vienna"]),
        (
            "create event Show, 12 Jun 2090, 19:30",
            ["starts at Mon 12 Jun 2090, 19:30 CEST", "ends at Mon 12 Jun 2090, 22:00 CEST", "currency JPY"],
        ),
        (
            "create ticket type Seat, Show, 12 Jun 2090, 19:30",
            ["price 1,500\xa0JPY", "sales start at Thu 12 Jan 2090, 10:00 CET"],
        ),
    ]


# Times


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2027-06-12 19:30", "2027-06-12T17:30:00+00:00"),
        ("2027-01-12T19:30", "2027-01-12T18:30:00+00:00"),
        ("2027-06-12 19:30:15", "2027-06-12T17:30:15+00:00"),
        ("2027-06-12 19:30Z", "2027-06-12T19:30:00+00:00"),
        ("2027-06-12T19:30-05:00", "2027-06-13T00:30:00+00:00"),
        ("2027-10-31 02:30+02:00", "2027-10-31T00:30:00+00:00"),
        ("2027-10-31 02:30+01:00", "2027-10-31T01:30:00+00:00"),
        ("2027-03-28 01:59", "2027-03-28T00:59:00+00:00"),
        ("2027-03-28 03:00", "2027-03-28T01:00:00+00:00"),
    ],
)
def test_times_are_those_of_the_venues_clocks(text, instant, db):
    done({**HALL, **SHOW, "event_starts_at": text})
    assert Event.objects.get().starts_at == dt.datetime.fromisoformat(instant)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "2027-03-28 02:30",
            "02:30 on 28 Mar 2027 does not exist in Europe/Vienna: the clocks go forward. Choose another time.",
        ),
        (
            "2027-10-31 02:30",
            (
                "02:30 on 31 Oct 2027 occurs twice in Europe/Vienna: the clocks go back. "
                "Write 2027-10-31 02:30+02:00 or 2027-10-31 02:30+01:00."
            ),
        ),
        ("12.06.2027 19:30", "Must be a time such as 2027-06-12 19:30, in the venue's local time."),
        ("2027-06-12", "Must be a time such as 2027-06-12 19:30, in the venue's local time."),
        ("2027-02-30 19:30", "Must be a time such as 2027-06-12 19:30, in the venue's local time."),
    ],
)
@pytest.mark.parametrize("field", ["event_starts_at", "event_ends_at", "ticket_type_sales_end_at"])
def test_time_that_is_none_or_two_is_refused_and_not_guessed(text, words, field, db):
    outcome = apply(table({**HALL, **SHOW, **SEAT, field: text}), "csv")
    first = outcome.errors[0]
    assert (first.line, first.field, first.detail) == (2, field, words)
    assert not outcome.is_done


# What is refused


@pytest.mark.parametrize("text", ["1999-12-31 19:30", "2101-01-01 00:00", "2100-12-31 23:30-11:00"])
def test_time_beyond_the_years_2000_to_2100_is_refused(text, db):
    assert (2, "event_starts_at") in errors({**HALL, **SHOW, "event_starts_at": text})


def test_every_error_is_reported_with_its_line_and_nothing_is_done(db):
    assert errors(
        {**HALL, **SHOW, **SEAT, "ticket_type_price": "49,90"},
        {"venue_name": "Hall", "event_name": "Show", "event_starts_at": "2090-06-12 19:30", "ticket_type_name": "Box"},
        {"venue_name": "Bar", "venue_capacity": "many"},
        {"venue_name": "", "event_name": "Nowhere"},
        {"venue_name": "Hall", "event_name": "New"},
        {"venue_name": "Hall", "event_name": "New", "event_starts_at": "2090-01-01 10:00"},
        {"venue_name": "Hall", "ticket_type_name": "Of nothing", "ticket_type_price": "1"},
        {"venue_name": "Hall", "venue_capacity": "101"},
        {**HALL, "venue_name": "Pub", "venue_timezone": "Mars/Olympus"},
        {**HALL, "venue_name": "x" * 201},
    ) == [
        (2, "ticket_type_price"),
        (3, "ticket_type_price"),
        (4, "venue_address"),
        (4, "venue_capacity"),
        (4, "venue_timezone"),
        (5, "event_starts_at"),
        (5, "venue_name"),
        (6, "event_ends_at"),
        (6, "event_starts_at"),
        (7, "event_ends_at"),
        (8, "event_name"),
        (9, "venue_capacity"),
        (10, "venue_timezone"),
        (11, "venue_name"),
    ]


PAST = {"event_starts_at": "2020-01-01 19:00", "event_ends_at": "2020-01-01 22:00", "event_status": "published"}
TOO_EARLY = {"event_ends_at": "2090-06-12 18:00"}
TOO_FINE = {**SEAT, "ticket_type_price": "1.234"}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # Refused by a field, a rule and the database in one row.
        (
            [{**HALL, **SHOW, **TOO_EARLY, "event_capacity": "101", **TOO_FINE, "ticket_type_quantity": "x"}],
            ["event_capacity", "event_ends_at", "ticket_type_price", "ticket_type_quantity"],
        ),
        # Events of an invalid venue.
        ([{**HALL, "venue_capacity": "x", **SHOW, **TOO_EARLY, **TOO_FINE}], ["venue_capacity", "event_ends_at"]),
        ([{**HALL, "venue_capacity": "x", **SHOW, **PAST, **TOO_FINE}], ["venue_capacity", "", "ticket_type_price"]),
        ([{**HALL, "venue_timezone": "x", **SHOW, **TOO_EARLY, **TOO_FINE}], ["venue_timezone", "event_ends_at"]),
        ([{**HALL, "venue_name": "", **SHOW, **TOO_EARLY, **TOO_FINE}], ["venue_name", "event_ends_at"]),
        ([{**HALL, "venue_name": "x" * 201, **SHOW, **TOO_EARLY, **TOO_FINE}], ["venue_name", "event_ends_at"]),
        # Ticket types of an invalid event.
        ([{**HALL, **SHOW, "event_starts_at": "x", **TOO_FINE}], ["event_starts_at", "ticket_type_price"]),
        ([{**HALL, **SHOW, "event_starts_at": "", **TOO_FINE}], ["event_starts_at", "ticket_type_price"]),
        ([{**HALL, **SHOW, "event_name": "", **TOO_FINE}], ["event_name", "ticket_type_price"]),
        ([{**HALL, **SHOW, "event_currency": "x", **SEAT, "ticket_type_max_per_booking": "0"}],
         ["event_currency", "ticket_type_max_per_booking"]),
        ([{**HALL, **SHOW, "ticket_type_name": "", "ticket_type_price": "-1"}],
         ["ticket_type_name", "ticket_type_price"]),
        # An unknown column beside the rest.
        ([{**HALL, "venue_colour": "red", **SHOW, **TOO_EARLY}], ["venue_colour", "event_ends_at"]),
    ],
)  # fmt: skip
def test_errors_of_all_kinds_are_reported_at_once(rows, expected, db):
    found = {field for _, field in errors(*rows)}
    assert set(expected) <= found
    assert found <= {*expected, "ticket_type_price"}


def test_error_in_one_line_hides_none_of_the_others(db):
    assert errors(
        {**HALL, "venue_capacity": "x", **SHOW, **SEAT},
        {"venue_name": "Hall", **SHOW, **TOO_EARLY, "event_name": "Early", **SEAT},
        {"venue_name": "Hall", **SHOW, **PAST, "event_name": "Gone", **TOO_FINE},
        {"venue_name": "Hall", **SHOW, "event_name": "Big", "event_capacity": "2000000"},
    ) == [(2, "venue_capacity"), (3, "event_ends_at"), (4, ""), (4, "ticket_type_price"), (5, "event_capacity")]


def test_error_is_not_blamed_on_what_depends_on_it(make_venue, make_event, make_type, db):
    """An invalid value causes no further errors: no event too large for it, no price with too many decimals."""
    hall = make_venue(name="Hall", capacity=10)
    make_type(
        event=make_event(venue=hall, name="Small", capacity=10, currency="JPY", starts_at=LATER), price=Decimal(5)
    )
    small = {"event_name": "Small", "event_starts_at": "2090-06-12 19:30"}
    assert errors({"venue_name": "Hall", "venue_capacity": "x", **SHOW, "event_capacity": "50"}) == [
        (2, "venue_capacity")
    ]
    assert errors({**HALL, "venue_name": "New", **SHOW, "event_currency": "EURO", **SEAT}) == [(2, "event_currency")]
    assert errors({"venue_name": "Hall", **small, "event_currency": "EURO", **SEAT}) == [(2, "event_currency")]
    for _ in range(2):
        make_venue(name="Twin")
    assert errors({"venue_name": "Twin", **small, "ticket_type_name": "Seat"}) == [(2, "venue_name")]


def test_publishing_with_nothing_to_sell_is_warned_about(db):
    over = {"ticket_type_sales_end_at": "2020-01-01 12:00"}
    later = {"ticket_type_sales_start_at": "2090-01-01 12:00"}
    published = {**SHOW, "event_status": "published"}
    outcome = apply(
        table(
            {**HALL, **published},
            {"venue_name": "Hall", **published, "event_name": "Over", **SEAT, **over},
            {"venue_name": "Hall", **published, "event_name": "Later", **SEAT, **later},
            {"venue_name": "Hall", **published, "event_name": "Now", **SEAT},
            {"venue_name": "Hall", **SHOW, "event_name": "Draft"},
        ),
        "csv",
    )
    assert outcome.is_done
    assert [(it.line, it.detail.partition(":")[0]) for it in outcome.warnings] == [
        (2, "Published without ticket types"),
        (3, "Published after the sale of all its ticket types has ended"),
    ]
    assert apply(table({**HALL, **published}), "csv").warnings == []  # it is published already


def test_errors_are_the_rules_of_the_api(db, book, make_type, make_event, make_venue):
    seat = make_type(event=make_event(venue=make_venue(name="Hall", capacity=100), name="Sold", capacity=10))
    book((seat, 5))
    start = timezone.localtime(seat.event.starts_at, dt.UTC).isoformat()
    sold = {"venue_name": "Hall", "event_name": "Sold", "event_starts_at": start[:19] + "Z"}
    Event.objects.update(starts_at=seat.event.starts_at.replace(microsecond=0))
    assert errors({**sold, "event_capacity": "4"}) == [(2, "event_capacity")]
    assert errors({**sold, "event_capacity": "101"}) == [(2, "event_capacity")]
    assert errors({**sold, "event_currency": "USD"}) == [(2, "event_currency")]
    assert errors({**sold, "ticket_type_name": "Seat", "ticket_type_quantity": "4"}) == [(2, "ticket_type_quantity")]
    assert errors({**sold, "ticket_type_name": "Seat", "ticket_type_min_per_booking": "50"}) == [
        (2, "ticket_type_min_per_booking")
    ]
    assert errors({"venue_name": "Hall", **SHOW, "event_ends_at": "2090-06-12 19:00"}) == [(2, "event_ends_at")]
    past = {"event_starts_at": "2020-01-01 19:00", "event_ends_at": "2020-01-01 22:00", "event_status": "published"}
    assert errors({"venue_name": "Hall", **SHOW, **past}) == [(2, "")]


def test_error_names_what_it_is_about(db):
    outcome = apply(table({**HALL, **SHOW, **SEAT, "ticket_type_price": "1.234"}), "csv")
    assert [str(error) for error in outcome.errors] == [
        "line 2, “Seat, Show, 12 Jun 2090, 19:30”, ticket_type_price: EUR has 2 decimals."
    ]


def test_what_cannot_be_told_apart_is_refused(make_venue, make_event, db):
    make_venue(name="Hall"), make_venue(name="Hall")
    assert errors({"venue_name": "Hall", "venue_capacity": "5"}) == [(2, "venue_name")]
    bar = make_venue(name="Bar", timezone="UTC")
    for _ in range(2):
        make_event(venue=bar, name="Show", starts_at=dt.datetime(2090, 6, 12, 19, 30, tzinfo=dt.UTC))
    assert errors({"venue_name": "Bar", **SHOW}) == [(2, "event_name")]


def test_zone_of_a_venue_with_events_stays(make_event, make_venue):
    make_venue(name="Empty", timezone="UTC")
    make_event(venue=make_venue(name="Hall", timezone="UTC"))
    assert errors({"venue_name": "Hall", "venue_timezone": "Asia/Tokyo"}) == [(2, "venue_timezone")]
    assert done({"venue_name": "Empty", "venue_timezone": "Asia/Tokyo"}) == [("change", "venue")]


def test_repeated_value_is_allowed_and_a_contradiction_is_an_error(db):
    assert errors({**HALL, **SHOW, **SEAT}, {**HALL, **SHOW, **SEAT, "ticket_type_price": "50"}) == [
        (3, "ticket_type_price")
    ]
    assert done({**HALL, **SHOW, **SEAT}, {**HALL, **SHOW, **SEAT}) == [
        ("create", "venue"),
        ("create", "event"),
        ("create", "ticket_type"),
    ]


@pytest.mark.parametrize(
    ("content", "line", "field"),
    [
        (b"", 1, ""),
        (b"\n\n", 1, ""),
        (b"venue_name,colour\nHall,red\n", 1, "colour"),
        (b"venue_name,venue_name\nHall,Hall\n", 1, "venue_name"),
        (b"event_name\nShow\n", 1, "venue_name"),
        (b"venue_name\nHall\nBar,1\n", 3, ""),
        (b"venue_name\n\xffHall\n", 2, ""),
        (b'venue_name\nHall\n"Bar\n\n', 3, ""),
        (b'venue_name\n"Hall"x\n', 2, ""),
        (b"PK\x03\x04\x00\x00", 1, ""),
    ],
)
def test_table_that_is_none_is_refused_with_its_line(content, line, field, db):
    outcome = apply(content, "csv")
    assert (outcome.is_done, outcome.steps) == (False, [])
    assert (line, field) in [(error.line, error.field) for error in outcome.errors]


@pytest.mark.parametrize(
    ("content", "line", "field"),
    [
        ("", 1, ""),
        ("[]", 1, ""),
        ('{"venues": {}}', 1, ""),
        ('{"venues": [\n{"name": }]}', 2, ""),
        ('{"venues": [\n{"name": "A", "name": "B"}]}', 2, ""),
        ('{"venues": [\n{"capacity": NaN}]}', 2, ""),
        ('{"venues": [],\n"halls": []}', 1, "halls"),
        ('{"venues": [\n{"name": "A",\n "colour": "red"}]}', 2, "colour"),
        ('{"venues": [\n3]}', 1, ""),
        ('{"venues": [\n\n{"name": "A", "events": {}}]}', 3, "events"),
        ('{"venues": [\n{"name": 3}]}', 2, "venue_name"),
        ('{"venues": [{"name": "A", "timezone": "UTC",\n"events": [\n{"name": "E"}]}]}', 3, "event_starts_at"),
        ("[" * 100_000, 1, ""),
        ('{"venues": [{"capacity": ' + "9" * 5000 + "}]}", 1, ""),
    ],
)
def test_json_that_is_none_is_refused_with_its_line(content, line, field, db):
    outcome = apply(content.encode(), "json")
    assert (outcome.is_done, outcome.steps) == (False, [])
    assert (line, field) in [(error.line, error.field) for error in outcome.errors]


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"capacity": "100"}, "venue_capacity"),
        ({"capacity": 100.0}, "venue_capacity"),
        ({"capacity": True}, "venue_capacity"),
        ({"capacity": None}, "venue_capacity"),
        ({"capacity": 10**30}, "venue_capacity"),
        ({"address": "a\u0000b"}, "venue_address"),
        ({"address": ["x"]}, "venue_address"),
        ({"timezone": {}}, "venue_timezone"),
        ({"events": [{"name": "E", "starts_at": 5}]}, "event_starts_at"),
        ({"events": [{"name": "E", "starts_at": None}]}, "event_starts_at"),
        ({"events": [{"name": "E", "starts_at": {"a": 1}}]}, "event_starts_at"),
        ({"events": [{"name": None, "starts_at": "2090-01-01 10:00"}]}, "event_name"),
    ],
)
def test_json_values_are_those_of_the_api(data, field, db):
    venue = {"name": "Hall", "address": "1 Main Street", "capacity": 100, "timezone": "Europe/Vienna", **data}
    outcome = apply(json.dumps({"venues": [venue]}).encode(), "json")
    assert field in [error.field for error in outcome.errors]
    assert Venue.objects.count() == 0


# Both forms say the same


TREES = st.lists(
    st.tuples(
        st.sampled_from(["Hall", "Bar"]),
        st.sampled_from(["Show", "Gig"]),
        st.integers(1, 3),
        st.dictionaries(st.sampled_from(["Seat", "Box"]), st.integers(0, 99)),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda it: it[:3],
)


@pytest.mark.django_db
@hypothesis_settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(TREES)
def test_table_and_json_of_the_same_season_are_the_same(trees):
    rows, venues = [], {}
    for venue, event, day, types in trees:
        hall = {"name": venue, "address": "Street", "capacity": 50, "timezone": "Asia/Tokyo"}
        times = {"starts_at": f"2090-01-{day:02} 19:00", "ends_at": f"2090-01-{day:02} 21:00"}
        kinds = [{"name": name, "price": str(price), "quantity": price or None} for name, price in types.items()]
        events = venues.setdefault(venue, {**hall, "events": []})["events"]
        events.append({"name": event, **times, "ticket_types": kinds})
        for kind in kinds or [{}]:
            row = {f"venue_{key}": value for key, value in hall.items()}
            row |= {f"event_{key}": value for key, value in {"name": event, **times}.items()}
            rows.append(row | {f"ticket_type_{key}": "none" if it is None else it for key, it in kind.items()})
    as_json = json.dumps({"venues": list(venues.values())}).encode()
    outcome = apply(table(*rows), "csv")
    assert outcome.is_done
    assert apply(as_json, "json").changes == []
    before = catalogue()
    Venue.objects.all().delete()
    assert apply(as_json, "json").is_done
    assert catalogue() == before
    assert apply(table(*rows), "csv").changes == []
    Venue.objects.all().delete()


def test_import_asks_as_often_for_many_things_as_for_one(db, django_assert_num_queries):
    def rows(count):
        return [{**HALL, "venue_name": f"Hall {it}", **SHOW, **SEAT} for it in range(count)]

    done(*rows(30))
    for count in (1, 30):
        with django_assert_num_queries(5):  # with the savepoint, of which there are two
            assert done(*rows(count)) == []


# The command


def run(capsys, *arguments, **options):
    try:
        call_command("import_catalogue", *arguments, no_color=True, **options)
        code = 0
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    return code, out.splitlines(), err.splitlines()


@pytest.fixture
def season(tmp_path):
    file = tmp_path / "season.csv"
    file.write_bytes(table({**HALL, **SHOW, **SEAT, "event_status": "published"}))
    return str(file)


def test_command_says_what_it_did_and_that_a_second_time_does_nothing(season, db, capsys):
    code, out, err = run(capsys, season, dry_run=True)
    assert (code, err, Venue.objects.count()) == (0, [], 0)
    assert out == [
        "line 2: create venue Hall",
        "line 2: create event Show, 12 Jun 2090, 19:30",
        "line 2: publish event Show, 12 Jun 2090, 19:30",
        "line 2: create ticket type Seat, Show, 12 Jun 2090, 19:30",
        "venues: 1 would be created, 0 would be changed, 0 unchanged",
        "events: 1 would be created, 0 would be changed, 0 unchanged",
        "ticket types: 1 would be created, 0 would be changed, 0 unchanged",
        "events: 1 would be published",
    ]
    made = [f"{kind}: 1 created, 0 changed, 0 unchanged" for kind in ("venues", "events", "ticket types")]
    assert run(capsys, season) == (0, [*made, "events: 1 published"], [])
    same = [f"{kind}: 0 created, 0 changed, 1 unchanged" for kind in ("venues", "events", "ticket types")]
    assert run(capsys, season) == (0, [*same, "events: 0 published"], [])
    assert set(Change.objects.values_list("by_name", flat=True)) == {"import_catalogue"}


def test_command_prints_each_error_and_exits_with_1(tmp_path, db, capsys):
    file = tmp_path / "season.csv"
    file.write_bytes(table({**HALL, "venue_capacity": "0"}, {**HALL, "venue_name": "Bar", "venue_capacity": "x"}))
    code, out, err = run(capsys, str(file))
    assert (code, out, Venue.objects.count()) == (1, [], 0)
    assert err == [
        "line 2, “Hall”, venue_capacity: A venue's capacity must be 1 to 1,000,000.",
        "line 3, “Bar”, venue_capacity: Must be a whole number.",
        "2 errors in the file; nothing was changed.",
    ]


@pytest.mark.parametrize("typed", ["-5", "-0005"])
def test_number_below_zero_is_a_number(db, typed):
    outcome = apply(table({**HALL, "venue_capacity": typed}), "csv")
    assert [str(error) for error in outcome.errors] == [
        "line 2, “Hall”, venue_capacity: A venue's capacity must be 1 to 1,000,000."
    ]


@pytest.mark.parametrize("content", ["venue_name,venue_capacity\n", '{"venues": []}'])
@pytest.mark.parametrize("dry_run", [True, False])
def test_command_says_that_a_file_holds_nothing(tmp_path, db, capsys, content, dry_run):
    file = tmp_path / ("season.json" if content.startswith("{") else "season.csv")
    file.write_text(content)
    said = "The file is empty; nothing was changed."
    assert run(capsys, str(file), dry_run=dry_run) == (0, [said], [])


def test_command_warns_of_what_is_published_with_nothing_to_sell(tmp_path, db, capsys):
    file = tmp_path / "season.csv"
    file.write_bytes(table({**HALL, **SHOW, "event_status": "published"}))
    warning = "Published without ticket types: nothing can be booked."
    for options in ({"dry_run": True}, {}):
        code, _, err = run(capsys, str(file), **options)
        assert (code, err) == (0, [f"Warning: line 2, “Show, 12 Jun 2090, 19:30”: {warning}"])
    file.write_bytes(table({**HALL, **SHOW, "event_name": "Other", "event_status": "published"}))
    code, out, _ = run(capsys, str(file), json=True)
    assert [it["detail"] for it in json.loads("\n".join(out))["warnings"]] == [warning]


def test_command_shows_the_first_hundred_errors(tmp_path, db, capsys):
    file = tmp_path / "season.csv"
    file.write_bytes(table(*({**HALL, "venue_name": f"Hall {it}", "venue_capacity": "x"} for it in range(150))))
    code, _, err = run(capsys, str(file))
    assert (code, len(err)) == (1, 101)
    assert err[-1] == "More than 100 errors in the file; nothing was changed."


def test_command_speaks_json(season, tmp_path, db, capsys):
    code, out, _ = run(capsys, season, json=True)
    found = json.loads("\n".join(out))
    assert (code, found["is_done"], found["faults"]) == (0, True, [])
    assert found["counts"]["event"] == {"create": 1, "change": 0, "same": 0}
    assert found["changes"][0] == {
        "line": 2,
        "kind": "venue",
        "name": "Hall",
        "verb": "create",
        "changes": {
            "name": [None, "Hall"],
            "address": [None, "1 Main Street"],
            "capacity": [None, 100],
            "timezone": [None, "Europe/Vienna"],
        },
    }
    file = tmp_path / "bad.json"
    file.write_text('{"venues": [\n{"name": "Bar"}]}')
    code, out, _ = run(capsys, str(file), json=True)
    found = json.loads("\n".join(out))
    assert (code, found["is_done"], found["faults"][0]["line"]) == (1, False, 2)


def test_command_reads_a_pipe(db, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(EXAMPLES["json"].encode())))
    assert run(capsys, "-", format="json")[0] == 0
    assert Event.objects.count() == 2


@pytest.mark.parametrize(
    ("file", "words"), [("none.csv", "Cannot read"), ("season.xlsx", "--format"), ("-", "--format")]
)
def test_command_without_a_file_ends_with_2(file, words):
    with pytest.raises(CommandError, match=words) as error:
        call_command("import_catalogue", file)
    assert error.value.returncode == 2


def test_format_is_told_by_the_name():
    assert [format_of(name) for name in ("a.csv", "A.JSON", "a.b.csv", "csv", "a.xls", "")] == [
        "csv", "json", "csv", "csv", None, None,
    ]  # fmt: skip


def test_line_of_a_record_is_where_it_begins():
    found = []
    records = read(b'venue_name,venue_address\n"Hall","a\nb"\n\nBar,c\n', "csv", found)
    assert [(it.line, it.venue["name"]) for it in records] == [(2, "Hall"), (5, "Bar")]
    assert found == []
