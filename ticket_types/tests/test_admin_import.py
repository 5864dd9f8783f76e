"""The catalogue from a file, in the admin."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from config.access.roles import Role
from config.history.models import Change
from config.tests.harness.pages import messages_of, staff, url
from events.models import Event
from ticket_types.imports import page as importing
from ticket_types.models import TicketType
from venues.models import Venue

HEADER = "venue_name,venue_address,venue_capacity,venue_timezone,event_name,event_starts_at,event_ends_at,ticket_type_name,ticket_type_price\n"  # noqa: E501
GOOD = HEADER + "Barn,Field Road 1,300,Europe/Vienna,Dance,2030-05-01 19:00,2030-05-01 23:00,Seat,12.50\n"
BAD = HEADER + "Barn,Field Road 1,300,Europe/Vienna,Dance,2030-02-30 19:00,2030-05-01 23:00,Seat,12.345\n"
PATH = "/admin/ticket_types/tickettype/import_catalogue/"


def choose(browser, text, name="season.csv"):
    return browser.post(PATH, {"file": SimpleUploadedFile(name, text.encode())})


def rows():
    return Venue.objects.count(), Event.objects.count(), TicketType.objects.count()


def test_import_shows_what_it_would_do_and_then_does_it(db):
    browser = staff(Role.MANAGER)
    page = choose(browser, GOOD)
    assert rows() == (0, 0, 0)
    told = [(str(kind), *counts) for kind, *counts in page.context["counts"]]
    assert told == [("Venues", 1, 0, 0), ("Events", 1, 0, 0), ("Ticket types", 1, 0, 0)]
    answer = browser.post(PATH, {"packed": page.context["packed"]}, follow=True)
    assert messages_of(answer) == [("success", "Imported season.csv: 3 changes.")]
    assert answer.redirect_chain == [(url(Event, "changelist"), 302)]
    assert rows() == (1, 1, 1)
    assert {change.by_name for change in Change.objects.all()} == {"staff-manager"}


def test_file_that_changes_nothing_says_so(db):
    browser = staff()
    browser.post(PATH, {"packed": choose(browser, GOOD).context["packed"]})
    page = choose(browser, GOOD)
    assert "No changes: everything exists already." in page.content.decode()
    assert 'name="packed"' not in page.content.decode()


def test_file_without_rows_says_so(db):
    page = choose(staff(), HEADER)
    assert "The file is empty." in page.content.decode()
    assert 'name="packed"' not in page.content.decode()


def test_errors_are_told_by_line_and_column_and_nothing_is_imported(db):
    page = choose(staff(), BAD)
    assert [(error.line, error.field) for error in page.context["errors"]] == [
        (2, "event_starts_at"),
        (2, "ticket_type_price"),
    ]
    assert "a file with an error is not imported in part" in page.content.decode()
    assert page.context["packed"] is None
    assert rows() == (0, 0, 0)


def test_event_that_would_be_published_with_nothing_on_sale_is_warned_about(db):
    head, line = GOOD.replace("ticket_type_name,ticket_type_price", "event_status").splitlines()
    page = choose(staff(), f"{head}\n{line.replace('Seat,12.50', 'published')}\n")
    warning = "Published without ticket types: nothing can be booked."
    assert [(it.line, it.subject, it.detail) for it in page.context["outcome"].warnings] == [
        (2, "Dance, 01 May 2030, 19:00", warning)
    ]
    assert warning in page.content.decode()
    assert page.context["packed"]


def test_import_that_is_refused_by_now_changes_nothing(db):
    browser = staff()
    packed = choose(browser, GOOD).context["packed"]
    for _ in range(2):
        Venue.open(name="Barn", address="Elsewhere", capacity=10, timezone="UTC")
    answer = browser.post(PATH, {"packed": packed})
    assert messages_of(answer) == [("error", "Nothing was imported, because data has changed since the preview.")]
    assert "There are 2 with this name" in answer.content.decode()
    assert rows() == (2, 0, 0)


@pytest.mark.parametrize("packed", ["", "x", "x:y:z"])
def test_preview_that_is_not_ours_is_not_imported(db, packed):
    answer = staff().post(PATH, {"packed": packed})
    assert messages_of(answer) == [("error", "The preview has expired. Choose the file again.")]


def test_preview_that_is_too_old_is_not_imported(db, monkeypatch):
    browser = staff()
    packed = choose(browser, GOOD).context["packed"]
    monkeypatch.setattr(importing, "MAX_AGE", -1)
    browser.post(PATH, {"packed": packed})
    assert rows() == (0, 0, 0)


@pytest.mark.parametrize(
    ("text", "name", "complaint"),
    [
        (GOOD, "season.xlsx", "The name of the file must end in .csv or .json."),
        ("", "season.csv", "The file is empty."),
    ],
)
def test_file_that_is_none_is_refused(db, text, name, complaint):
    page = choose(staff(), text, name)
    assert page.context["form"].errors == {"file": [complaint]}


def test_no_file_at_all_is_asked_for(db):
    assert staff().post(PATH, {}).context["form"].errors == {"file": ["Choose a file."]}


@pytest.mark.parametrize("limit", ["MAX_BYTES", "MAX_PACKED"])
def test_file_that_is_too_large_is_left_to_the_command(db, monkeypatch, limit):
    monkeypatch.setattr(importing, limit, 100)
    page = choose(staff(), GOOD)
    assert "manage.py import_catalogue" in page.context["form"].errors["file"][0]


@pytest.mark.parametrize("text", ["\x00\x01", "a,b\n1,2", "{", "[]", '{"venues": 1}'])
@pytest.mark.parametrize("name", ["season.csv", "season.json"])
def test_file_that_makes_no_sense_is_told_so(db, text, name):
    page = choose(staff(), text, name)
    assert page.status_code == 200
    assert page.context["errors"]


@pytest.mark.parametrize("role", [Role.BOX_OFFICE, Role.DOOR, Role.AUDITOR])
def test_import_is_for_whom_may_change_all_of_the_catalogue(db, role):
    browser = staff(role)
    assert browser.get(PATH).status_code == 403
    assert choose(browser, GOOD).status_code == 403
    assert rows() == (0, 0, 0)
