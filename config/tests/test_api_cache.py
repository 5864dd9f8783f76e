"""Anonymous answers of the catalogue are cached; no header of one request reaches another."""

import datetime as dt

import pytest
from django.core.cache import caches
from django.utils import timezone

from config.api import caching
from config.tests.harness.answers import refused
from conftest import client_of
from events.models import Event
from ticket_types.models import TicketType
from venues.models import Venue

SECONDS = {"/venues": 60, "/events": 5, "/ticket-types": 5, "/events.ics": 5}


@pytest.fixture
def pages(settings, db):
    settings.CATALOGUE_CACHE = True
    caches["default"].clear()  # where requests are counted
    caches[caching.ALIAS].clear()
    yield caches[caching.ALIAS]
    caches[caching.ALIAS].clear()


@pytest.fixture
def seat(make_type):
    return make_type()


def change_everything():
    Venue.objects.update(name="New")
    Event.objects.update(name="New")
    TicketType.objects.update(name="New")


def shows_change(answer):
    return b"New" in answer.content


@pytest.mark.parametrize("path", SECONDS)
@pytest.mark.parametrize("query", ["", "?limit=5"])
def test_answer_is_cached_for_its_max_age(path, query, pages, seat, anonymous, time_machine):
    now = timezone.now().replace(microsecond=0)
    time_machine.move_to(now, tick=False)
    first = anonymous.get(path + query)
    change_everything()
    time_machine.move_to(now + dt.timedelta(seconds=SECONDS[path] - 1), tick=False)
    hit = anonymous.get(path + query)
    assert (hit.status_code, hit.content, hit["ETag"]) == (200, first.content, first["ETag"])
    assert (hit["Age"], "Age" in first) == (str(SECONDS[path] - 1), False)
    assert first["Cache-Control"] == hit["Cache-Control"] == f"public, max-age={SECONDS[path]}"
    time_machine.move_to(now + dt.timedelta(seconds=SECONDS[path]), tick=False)
    assert shows_change(anonymous.get(path + query))


@pytest.mark.parametrize("path", ["/venues/{}", "/events/{}", "/ticket-types/{}", "/events/{}.ics"])
def test_one_object_is_cached(path, pages, seat, anonymous):
    pk = {"/venues/{}": seat.event.venue_id, "/ticket-types/{}": seat.pk}.get(path, seat.event_id)
    anonymous.get(path.format(pk))
    change_everything()
    assert not shows_change(anonymous.get(path.format(pk)))
    assert anonymous.head(path.format(pk)).status_code == 200


def test_nothing_is_cached_while_it_is_off(pages, seat, anonymous, settings):
    settings.CATALOGUE_CACHE = False
    anonymous.get("/events")
    change_everything()
    assert shows_change(anonymous.get("/events"))


@pytest.mark.parametrize("path", SECONDS)
def test_credentials_neither_read_nor_fill_the_cache(path, pages, seat, anonymous, manager):
    manager.get(path)
    client_of().get(path, HTTP_COOKIE="sessionid=made-up-session")
    anonymous.get(path, HTTP_COOKIE="other=1")
    change_everything()
    assert shows_change(anonymous.get(path))  # the first anonymous read without a cookie
    Venue.objects.update(name="Newest")
    Event.objects.update(name="Newest")
    TicketType.objects.update(name="Newest")
    for answer in (manager.get(path), anonymous.get(path, HTTP_COOKIE="other=1")):
        assert b"Newest" in answer.content
    assert b"Newest" not in anonymous.get(path).content


def test_draft_of_staff_is_never_cached_for_the_public(pages, make_event, anonymous, manager):
    event = make_event(is_published=False)
    assert manager.get(f"/events/{event.pk}").status_code == 200
    assert refused(anonymous.get(f"/events/{event.pk}"), 404, "not-found")
    assert manager.get("/events").json()["count"] == 1
    assert anonymous.get("/events").json()["count"] == 0


def test_headers_of_a_request_do_not_reach_another(pages, seat, anonymous, settings):
    settings.CORS_ALLOW_ALL_ORIGINS = False
    settings.CORS_ALLOWED_ORIGINS = ["https://a.example.com", "https://b.example.com"]
    settings.RATE_LIMITS = {"anonymous-reads": (100, 60)}
    first = anonymous.get("/events", HTTP_ORIGIN="https://a.example.com", HTTP_X_REQUEST_ID="first")
    hit = anonymous.get("/events", HTTP_X_REQUEST_ID="second")
    other = anonymous.get("/events", HTTP_ORIGIN="https://b.example.com")
    assert "Age" in hit
    assert [it["X-Request-ID"] for it in (first, hit)] == ["first", "second"]
    assert first["Access-Control-Allow-Origin"] == "https://a.example.com"
    assert "Access-Control-Allow-Origin" not in hit
    assert other["Access-Control-Allow-Origin"] == "https://b.example.com"
    assert [it["RateLimit"].split(";")[1] for it in (first, hit, other)] == ["r=99", "r=98", "r=97"]
    assert [dict(it.cookies) for it in (first, hit, other)] == [{}, {}, {}]


def test_stored_page_has_no_header_of_its_request(pages, seat, anonymous, settings):
    settings.RATE_LIMITS = {"anonymous-reads": (100, 60)}
    anonymous.get("/events", HTTP_ORIGIN="https://a.example.com", HTTP_X_REQUEST_ID="first")
    stored = [pages.get(key.split(":", 2)[2]) for key in list(pages._cache)]
    (page,) = [it for it in stored if hasattr(it, "headers")]
    assert set(page.headers) == {"Content-Type", "Allow", "Cache-Control", "ETag", "Expires", "Vary"}
    assert (page.data, dict(page.cookies)) == (None, {})


def test_host_scheme_query_and_accept_have_pages_of_their_own(pages, seat, anonymous, make_venue):
    make_venue(name="Another")
    asked = [
        ("/venues?limit=1", {}),
        ("/venues?limit=1", {"HTTP_HOST": "localhost"}),
        ("/venues?limit=1", {"secure": True}),
        ("/venues?limit=1&skip=1", {}),
        ("/venues?limit=1", {"HTTP_ACCEPT": "text/html"}),
        ("/venues?limit=1", {"HTTP_ACCEPT": "application/json"}),
    ]
    first = [anonymous.get(path, **how).content for path, how in asked]
    assert len(set(first)) == len(asked) - 1  # the first and the last are the same JSON
    for (path, how), content in list(zip(asked, first, strict=True))[:4]:
        assert anonymous.get(path, **how).content == content
    assert b"http://localhost/" in first[1]
    assert b"https://testserver/" in first[2]
    assert anonymous.get("/venues", HTTP_ACCEPT="text/html")["Cache-Control"] == "no-store"


def test_hit_is_304_when_the_client_has_it(pages, seat, anonymous):
    first = anonymous.get("/events")
    again = anonymous.get("/events", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert again["Cache-Control"] == first["Cache-Control"]
    assert anonymous.get("/events").content == first.content  # the 304 is not what is cached


@pytest.mark.parametrize("path", ["/venues/{}", "/venues?limit=x", "/venues?unknown=1"])
def test_error_is_not_cached(path, pages, anonymous, make_venue):
    pk = make_venue().pk + 1
    answer = anonymous.get(path.format(pk))
    assert answer.status_code >= 400
    assert not pages._cache
    make_venue(pk=pk)
    if path == "/venues/{}":
        assert anonymous.get(path.format(pk)).status_code == 200


def test_hit_counts_for_the_rate_limit(pages, seat, anonymous, settings):
    settings.RATE_LIMITS = {"anonymous-reads": (3, 60)}
    assert [anonymous.get("/events").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    answer = anonymous.get("/events")
    assert refused(answer, 429, "too-many-requests")
    assert int(answer["Retry-After"]) <= 60
    assert answer["RateLimit-Policy"] == '"anonymous-reads";q=3;w=60'


def test_large_page_is_not_cached(pages, seat, anonymous, monkeypatch):
    monkeypatch.setattr(caching, "MAX_BYTES", len(anonymous.get("/venues?limit=7").content) - 1)
    anonymous.get("/events")
    change_everything()
    assert shows_change(anonymous.get("/events"))


def test_writes_pass_by(pages, seat, anonymous, manager):
    anonymous.get("/venues")
    assert refused(anonymous.post("/venues", {}), 401, "unauthenticated")
    body = {"name": "New", "address": "Street", "capacity": 1, "timezone": "UTC"}
    assert manager.post("/venues", body).status_code == 201
    assert manager.get("/venues").json()["count"] == 2
