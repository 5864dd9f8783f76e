"""ETags, 304, 412 and Cache-Control."""

import datetime as dt
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from config.tests.harness.answers import refused
from conftest import client_of
from events.models import Event
from venues.models import Venue

CATALOGUE = ("venues", "events", "ticket-types")


@pytest.fixture
def booking(book):
    return book()


@pytest.fixture
def paths(booking):
    """The path of one object of each resource."""
    booking.confirm()
    return {
        "venues": f"/venues/{booking.event.venue_id}",
        "events": f"/events/{booking.event_id}",
        "ticket-types": f"/ticket-types/{booking.items.get().ticket_type_id}",
        "bookings": f"/bookings/{booking.pk}",
        "tickets": f"/tickets/{booking.tickets.get().code}",
    }


def vary(answer):
    return {name.strip().lower() for name in answer["Vary"].split(",")}


@pytest.mark.parametrize("name", [*CATALOGUE, "bookings", "tickets"])
@pytest.mark.parametrize("kind", ["one", "list"])
def test_matching_if_none_match_is_304(name, kind, paths, manager):
    path = paths[name] if kind == "one" else f"/{name}"
    first = manager.get(path)
    assert first["ETag"].startswith('"')
    for known in (first["ETag"], f"W/{first['ETag']}", f'"other", {first["ETag"]}', "*"):
        again = manager.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
        assert again["Cache-Control"] == first["Cache-Control"]
        assert again["X-Request-ID"]
        assert manager.head(path, headers={"If-None-Match": known}).status_code == 304
    assert manager.get(path, headers={"If-None-Match": '"other"'}).content == first.content


def test_304_keeps_link_and_cors_headers(paths, anonymous, make_venue):
    make_venue(name="Another")
    first = anonymous.get("/venues?limit=1", HTTP_ORIGIN="https://shop.example.com")
    again = anonymous.get("/venues?limit=1", HTTP_ORIGIN="https://shop.example.com", HTTP_IF_NONE_MATCH=first["ETag"])
    assert (again.status_code, again["Link"]) == (304, first["Link"])
    assert again["Access-Control-Allow-Origin"] == "*"
    assert vary(again) == vary(first)


@pytest.mark.parametrize("path", ["//", "//problems", "//problems/sold-out", "/openapi.json", "/events.ics"])
def test_pages_have_an_etag(path, paths, anonymous):
    first = anonymous.get(path)
    assert anonymous.get(path, headers={"If-None-Match": first["ETag"]}).status_code == 304


def test_etag_changes_with_the_content(paths, anonymous, manager, make_type, book):
    before = anonymous.get(paths["events"])["ETag"]
    book((make_type(event=Event.objects.get(), name="Other"), 2))
    after = anonymous.get(paths["events"], headers={"If-None-Match": before})
    assert (after.status_code, after.json()["availability"]["reserved"]) == (200, 3)
    assert after["ETag"] != before


@pytest.mark.parametrize("path", ["/venues/0", "/nothing", "/venues?x=1"])
def test_problem_has_no_etag_and_is_not_cached(path, anonymous, db):
    answer = anonymous.get(path, headers={"If-None-Match": "*"})
    assert answer.status_code >= 400
    assert "ETag" not in answer
    assert answer["Cache-Control"] == "no-store"


EDITS = {
    "venues": {"name": "New"},
    "events": {"name": "New"},
    "ticket-types": {"name": "New"},
    "bookings": {"customer_name": "New"},
}


@pytest.mark.parametrize("name", EDITS)
def test_edit_with_if_match_succeeds_once(name, paths, manager):
    tag = manager.get(paths[name])["ETag"]
    first = manager.patch(paths[name], EDITS[name], headers={"If-Match": tag})
    assert first.status_code == 200
    field, value = next(iter(EDITS[name].items()))
    second = manager.patch(paths[name], {field: "Newer"}, headers={"If-Match": tag})
    assert refused(second, 412, "precondition-failed")
    assert manager.get(paths[name]).json()[field] == value
    assert manager.patch(paths[name], {field: "Newer"}, headers={"If-Match": first["ETag"]}).status_code == 200


@pytest.mark.parametrize("name", CATALOGUE)
def test_put_and_delete_check_if_match(name, paths, manager):
    body = {
        "venues": {"name": "New", "address": "2 Main Street", "capacity": 1000, "timezone": "Europe/Vienna"},
        "events": {key: manager.get(paths["events"]).json()[key] for key in ("venue", "name", "starts_at", "ends_at")},
        "ticket-types": {"event": Event.objects.get().pk, "name": "New", "price": "1.00"},
    }[name]
    stale = {"If-Match": '"stale-stale"'}
    assert refused(manager.put(paths[name], body, headers=stale), 412, "precondition-failed")
    assert refused(manager.delete(paths[name], headers=stale), 412, "precondition-failed")
    fresh = {"If-Match": manager.get(paths[name])["ETag"]}
    answer = manager.put(paths[name], body, headers=fresh)
    assert answer.status_code == 200
    assert "ETag" not in answer  # the stored values can differ from the body


def test_delete_with_current_etag_succeeds(manager, make_venue):
    path = f"/venues/{make_venue().pk}"
    assert manager.delete(path, headers={"If-Match": manager.get(path)["ETag"]}).status_code == 204


def test_action_checks_if_match(paths, manager):
    stale = manager.post(f"{paths['events']}/cancel", {}, headers={"If-Match": '"stale-stale"'})
    assert refused(stale, 412, "precondition-failed")
    event = manager.get(paths["events"])
    assert event.json()["status"] == "published"
    answer = manager.post(f"{paths['events']}/cancel", {}, headers={"If-Match": event["ETag"]})
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")


@pytest.mark.parametrize(("header", "status"), [("*", 412), ("{tag}", 412), ('"another-one"', 200)])
def test_edit_checks_if_none_match(header, status, paths, manager):
    tag = manager.get(paths["venues"])["ETag"]
    answer = manager.patch(paths["venues"], {"name": "New"}, headers={"If-None-Match": header.format(tag=tag)})
    assert answer.status_code == status
    assert (manager.get(paths["venues"]).json()["name"] == "New") == (status == 200)


@pytest.mark.parametrize("name", ["bookings", "tickets"])
def test_list_with_links_has_a_stable_etag(name, book, manager, time_machine):
    for number in range(2):
        book(customer_name=f"Ann {number}").confirm()
    at = dt.datetime.now(dt.UTC)
    time_machine.move_to(at, tick=False)
    first = manager.get(f"/{name}?limit=1")
    assert first.json()["next"]
    time_machine.move_to(at + dt.timedelta(seconds=5), tick=False)
    assert manager.get(f"/{name}?limit=1", headers={"If-None-Match": first["ETag"]}).status_code == 304


@pytest.mark.parametrize(
    ("header", "status"),
    [("*", 200), ('"x", {tag}', 200), ("W/{tag}", 412), ("", 412), ("nonsense", 412), ('"x"', 412)],
)
def test_if_match_is_compared_strongly(header, status, paths, manager):
    tag = manager.get(paths["venues"])["ETag"]
    answer = manager.patch(paths["venues"], {"name": "New"}, headers={"If-Match": header.format(tag=tag)})
    assert answer.status_code == status


def test_sale_does_not_change_the_etag_for_edits(paths, manager, book, make_type):
    tag = manager.get(paths["events"])["ETag"]
    book((make_type(event=Event.objects.get(), name="Other"), 2))
    assert manager.patch(paths["events"], {"name": "New"}, headers={"If-Match": tag}).status_code == 200


def test_running_hold_does_not_change_the_etag_for_edits(booking, manager):
    path = f"/bookings/{booking.pk}"
    answer = manager.get(path)
    time.sleep(1.1)  # expires_in decreases
    later = manager.get(path, headers={"If-None-Match": answer["ETag"]})
    assert (later.status_code, later["ETag"] == answer["ETag"]) == (200, False)
    edited = manager.patch(path, {"customer_name": "New"}, headers={"If-Match": answer["ETag"]})
    assert edited.status_code == 200


def test_etag_of_an_expanded_event_works_for_edits(paths, manager):
    tag = manager.get(f"{paths['events']}?expand=venue,ticket_types")["ETag"]
    assert tag != manager.get(paths["events"])["ETag"]
    assert manager.patch(paths["events"], {"name": "New"}, headers={"If-Match": tag}).status_code == 200


def test_creation_returns_the_etag_for_the_next_edit(manager):
    body = {"name": "Hall", "address": "1 Main Street", "capacity": 10, "timezone": "UTC"}
    made = manager.post("/venues", body)
    assert made["ETag"] == manager.get(f"/venues/{made.json()['id']}")["ETag"]


@pytest.mark.parametrize("name", CATALOGUE)
def test_public_responses_are_cacheable(name, paths, anonymous, manager):
    age = {"venues": 60}.get(name, 5)
    for path in (paths[name], f"/{name}"):
        answer = anonymous.get(path)
        assert answer["Cache-Control"] == f"public, max-age={age}"
        assert {"accept", "authorization", "cookie"} <= vary(answer)
        assert manager.get(path)["Cache-Control"] == "private, no-cache"
    assert manager.patch(paths[name], {"name": "New"})["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["bookings", "tickets"])
def test_private_responses_are_not_cacheable(name, paths, manager):
    assert manager.get(paths[name])["Cache-Control"] == manager.get(f"/{name}")["Cache-Control"] == "no-store"


def test_staff_pages_are_not_cacheable(paths, anonymous):
    answer = anonymous.get("/venues", HTTP_ACCEPT="text/html")
    assert (answer.status_code, answer["Cache-Control"], "ETag" in answer) == (200, "no-store", False)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["venues", "events"])
def test_one_of_two_edits_with_the_same_etag_succeeds(name, paths, manager):
    tag = manager.get(paths[name])["ETag"]
    credentials = manager._credentials

    def edit(number):
        client = client_of()
        client.credentials(**credentials)
        try:
            return client.patch(paths[name], {"name": f"Edit {number}"}, headers={"If-Match": tag}).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(edit, range(8))) == [200] + 7 * [412]
    assert (Venue if name == "venues" else Event).objects.get().name.startswith("Edit")
