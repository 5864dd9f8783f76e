"""What programs and browsers send unasked: `Accept` headers, tracking parameters, empty fields of forms."""

import pytest

from config.tests.harness.answers import errors_in, refused
from venues.models import Venue

BROWSERS = {
    "Chrome": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
    "Firefox": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "a person": "text/html",
}
PROGRAMS = {
    "axios": "application/json, text/plain, */*",
    "fetch, curl, Go": "*/*",
    "requests": "*/*",
    ".NET": "application/json, text/json, text/x-json, text/javascript, application/xml, text/xml",
    "Java": "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
    "Java since 18": "text/html, image/gif, image/jpeg, */*; q=0.2",
    "openapi-generator": "application/problem+json",
    "openapi-generator, both": "application/json, application/problem+json",
    "nothing": "",
}
SHARED = "utm_source=mail&utm_campaign=spring&fbclid=IwAR0x&gclid=Cj0K&msclkid=1&mc_eid=2"


@pytest.fixture
def event(make_event):
    return make_event(name="Concert")


@pytest.mark.parametrize("accept", PROGRAMS.values(), ids=PROGRAMS)
def test_programs_get_json(accept, anonymous, event):
    for path, media_type in (("/events", "application/json"), ("//problems", "application/json")):
        assert anonymous.get(path, HTTP_ACCEPT=accept)["Content-Type"] == media_type
    lost = anonymous.get("/events/999999", HTTP_ACCEPT=accept)
    assert refused(lost, 404, "not-found")


@pytest.mark.parametrize("accept", BROWSERS.values(), ids=BROWSERS)
def test_browsers_get_a_page(accept, anonymous, event):
    for path in ("/events", "//problems"):
        assert anonymous.get(path, HTTP_ACCEPT=accept)["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("accept", ["application/problem+json", "text/html", "image/png", "garbage"])
def test_answer_without_a_body_needs_no_accept(accept, manager, make_venue):
    assert manager.delete(f"/venues/{make_venue().pk}", HTTP_ACCEPT=accept).status_code == 204
    assert not Venue.objects.exists()


@pytest.mark.parametrize("accept", ["text/csv", "application/json", "image/png"])
def test_format_of_the_address_wins_over_accept(accept, manager, anonymous, event):
    table = manager.get("/reports/sales?group_by=day&format=csv", HTTP_ACCEPT=accept)
    assert (table.status_code, table["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert b"".join(table.streaming_content).startswith("\ufeffgroup".encode())
    calendar = anonymous.get("/events.ics", HTTP_ACCEPT=accept)
    assert (calendar.status_code, calendar["Content-Type"]) == (200, "text/calendar; charset=utf-8")


@pytest.mark.parametrize("path", ["/events/{event}", "/venues/{venue}", "/events.ics", "/events/{event}.ics"])
def test_tracking_parameters_of_shared_links_are_ignored(path, anonymous, event):
    path = path.format(event=event.pk, venue=event.venue_id)
    shared = anonymous.get(f"{path}?{SHARED}")
    assert (shared.status_code, shared.content) == (200, anonymous.get(path).content)
    assert refused(anonymous.get(f"{path}?colour=red&{SHARED}"), 400, "invalid-input")


@pytest.mark.parametrize("path", ["/events", "/venues", "/ticket-types"])
def test_lists_refuse_tracking_parameters(path, anonymous, db):
    assert errors_in(anonymous.get(f"{path}?utm_source=mail")) == [("utm_source", "unknown-parameter")]


def test_form_of_the_browsable_api_sends_empty_fields(anonymous, event):
    path = f"/events?venue={event.venue_id}&status=&starts_after=&upcoming=&search="
    page = anonymous.get(path, HTTP_ACCEPT=BROWSERS["Firefox"])
    assert page.status_code == 200
    assert b"Concert" in page.content
    assert refused(anonymous.get(path), 400, "invalid-input")
