"""Every path, with and without its trailing slash, for every method."""

import re

import pytest
from django.utils import timezone

from config.tests.harness.answers import refused
from config.urls import router
from config.webhooks.models import WebhookEndpoint

LISTS = {
    "/venues": 200,
    "/events": 200,
    "/ticket-types": 200,
    "/bookings": 401,
    "/tickets": 401,
    "/payments": 401,
    "/changes": 401,
    "/webhook-endpoints": 401,
    "/webhook-deliveries": 401,
}
ONES = (
    "/venues/{venue}",
    "/events/{event}",
    "/ticket-types/{type}",
    "/bookings/{booking}",
    "/tickets/{ticket}",
    "/payments/{payment}",
    "/webhook-endpoints/{endpoint}",
    "/webhook-deliveries/{delivery}",
)
ACTIONS = (
    "/events/{event}/publish",
    "/events/{event}/unpublish",
    "/events/{event}/pause-sales",
    "/events/{event}/resume-sales",
    "/events/{event}/postpone",
    "/events/{event}/reschedule",
    "/events/{event}/clone",
    "/events/{event}/clone/bulk",
    "/events/{event}/cancel",
    "/bookings/{booking}/confirm",
    "/bookings/{booking}/cancel",
    "/bookings/{booking}/renew-secret",
    "/bookings/{booking}/resend",
    "/bookings/{booking}/payments",
    "/bookings/{booking}/refunds",
    "/bookings/{booking}/check-in",
    "/tickets/{ticket}/check-in",
    "/tickets/{ticket}/check-out",
    "/tickets/{ticket}/undo-check-in",
    "/webhook-endpoints/{endpoint}/rotate-secret",
    "/webhook-endpoints/{endpoint}/test",
    "/webhook-deliveries/{delivery}/redeliver",
)
REPORTS = tuple(
    f"/reports/{name}" for name in ("overview", "sales", "occupancy", "cancellations", "refunds", "till", "admissions")
)
BULK = "/ticket-types/bulk"
DOOR = ("/events/{event}/door-list", "/check-ins")
CALLBACKS = "/payments/(?P<provider>[a-z]{1,20})/events"
LOOKUP, HOLDER = "/bookings/lookup", "/bookings/{booking}/tickets/{ticket}"
DOCUMENTS = (
    "/bookings/{booking}.ics",
    "/bookings/{booking}/tickets.pdf",
    "/bookings/{booking}/tickets/{ticket}.svg",
    "/bookings/{booking}/tickets/{ticket}.png",
)
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


@pytest.fixture
def ids(book):
    booking = book().confirm(payment_reference="pay_1")
    item = booking.items.get()
    endpoint = WebhookEndpoint.add(url="https://shop.example.com")
    return {
        "venue": booking.event.venue_id,
        "event": booking.event_id,
        "type": item.ticket_type_id,
        "booking": booking.pk,
        "secret": booking.secret,
        "ticket": booking.tickets.get().code,
        "payment": booking.payments.get().pk,
        "endpoint": endpoint.pk,
        "delivery": endpoint.test(at=timezone.now()).pk,
    }


def alike(answer):
    """A response without what differs between equal requests."""
    body = re.sub(rb'"(request_id|expires_in|updated_at|secret)": ?("[^"]*"|\d+)', b"", answer.content)
    if b'"webhook_id"' in body and answer.request["REQUEST_METHOD"] == "POST":  # each is sent, or sent again
        body = re.sub(rb'"(id|webhook_id|created_at|next_attempt_at)": ?("[^"]*"|\d+)', b"", body)
    return answer.status_code, answer["Content-Type"] if answer.content else None, answer.get("Allow"), body


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "path", ["", *LISTS, *ONES, *ACTIONS, *REPORTS, *DOOR, *DOCUMENTS, LOOKUP, HOLDER, "/openapi.json"]
)
def test_path_works_with_and_without_trailing_slash(path, method, ids, anonymous):
    path = path.format(**ids)
    anonymous.credentials(HTTP_BOOKING_SECRET=ids["secret"])
    bare, slashed = (getattr(anonymous, method)(spelling) for spelling in (path, f"{path}/"))
    assert alike(bare) == alike(slashed)
    assert bare.status_code not in (301, 302, 307, 308, 404, 500)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", [*LISTS, *ONES, *ACTIONS, *REPORTS, BULK, *DOOR])
def test_staff_path_works_with_and_without_trailing_slash(path, method, ids, manager):
    path = path.format(**ids)
    getattr(manager, method)(path)  # publish, cancel and check-in are idempotent: the first call changes the state
    bare, slashed = (getattr(manager, method)(spelling) for spelling in (path, f"{path}/"))
    assert alike(bare) == alike(slashed)


@pytest.mark.parametrize("path", ["//health", "//health/ready", "//problems", "//problems/sold-out"])
def test_page_works_with_and_without_trailing_slash(path, anonymous, db):
    assert anonymous.get(path).status_code == 200
    assert anonymous.get(path).content == anonymous.get(f"{path}/").content


@pytest.mark.parametrize("path", ["//docs", "//docs/", "//redoc", "//redoc/"])
def test_documentation_is_a_page(path, anonymous, db):
    answer = anonymous.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "http://" not in answer.content.decode().replace("http://testserver", "")
    assert "https://" not in answer.content.decode()


def test_every_resource_and_action_is_in_these_tables():
    prefixes = {f"/{prefix}".replace("(?P<event>[^/]+)", "{event}") for prefix, *_ in router.registry}
    assert prefixes == {*LISTS, *DOOR, "/reports"}
    extras = [(prefix, extra) for prefix, viewset, _ in router.registry for extra in viewset.get_extra_actions()]
    assert {(prefix, extra.url_path) for prefix, extra in extras if extra.detail} == {
        *((path.split("/")[1], path.split("/", 3)[3]) for path in ACTIONS),
        ("bookings", "tickets/(?P<code>[^/]+)"),
    }
    assert {f"/{prefix}/{extra.url_path}" for prefix, extra in extras if not extra.detail} == {
        *REPORTS,
        BULK,
        CALLBACKS,
        LOOKUP,
    }


@pytest.mark.parametrize(("path", "status"), LISTS.items())
def test_list_is_public(path, status, anonymous, db):
    assert anonymous.get(path).status_code == status


ALLOWED = {
    "/venues": "GET, POST, HEAD, OPTIONS",
    "/events": "GET, POST, HEAD, OPTIONS",
    "/ticket-types": "GET, POST, HEAD, OPTIONS",
    "/bookings": "GET, POST, HEAD, OPTIONS",
    "/tickets": "GET, HEAD, OPTIONS",
    "/venues/{venue}": "GET, PUT, PATCH, DELETE, HEAD, OPTIONS",
    "/events/{event}": "GET, PUT, PATCH, DELETE, HEAD, OPTIONS",
    "/ticket-types/{type}": "GET, PUT, PATCH, DELETE, HEAD, OPTIONS",
    "/bookings/{booking}": "GET, PATCH, HEAD, OPTIONS",
    "/tickets/{ticket}": "GET, HEAD, OPTIONS",
    "/webhook-endpoints": "GET, POST, HEAD, OPTIONS",
    "/webhook-endpoints/{endpoint}": "GET, PUT, PATCH, DELETE, HEAD, OPTIONS",
    "/webhook-deliveries": "GET, HEAD, OPTIONS",
    "/webhook-deliveries/{delivery}": "GET, HEAD, OPTIONS",
    "/payments": "GET, HEAD, OPTIONS",
    "/changes": "GET, HEAD, OPTIONS",
    "/payments/{payment}": "GET, HEAD, OPTIONS",
    "/events/{event}/door-list": "GET, HEAD, OPTIONS",
    "/check-ins": "POST, OPTIONS",
    BULK: "POST, OPTIONS",
    **dict.fromkeys([*ACTIONS, LOOKUP], "POST, OPTIONS"),
    HOLDER: "PATCH, OPTIONS",
    **dict.fromkeys(DOCUMENTS, "GET, HEAD, OPTIONS"),
}


@pytest.mark.parametrize(("path", "allowed"), ALLOWED.items())
def test_other_methods_are_405_with_allow(path, allowed, ids, manager):
    others = {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} - set(allowed.split(", "))
    for method in sorted(others):
        answer = manager.generic(method, path.format(**ids))
        assert refused(answer, 405, "method-not-allowed")
        assert answer["Allow"] == allowed


@pytest.mark.parametrize(("path", "allowed"), ALLOWED.items())
def test_options_lists_allowed_methods(path, allowed, ids, anonymous):
    answer = anonymous.options(path.format(**ids))
    assert (answer.status_code, answer["Allow"], answer.content) == (204, allowed, b"")


@pytest.mark.parametrize("method", [*METHODS, "trace"])
@pytest.mark.parametrize(
    "path", ["/nothing", "/venues/1/seats", "/venues//", "/events/1/publish/now", "/venues.json", "//api/v1x/"]
)
def test_unknown_path_is_404_for_every_method(path, method, anonymous, db):
    answer = getattr(anonymous, method)(path)
    assert answer.status_code == 404
    if method != "head" and not path.startswith("//"):
        assert refused(answer, 404, "not-found")


MALFORMED = (
    "0",
    "01",
    "-1",
    "+1",
    "1.0",
    "1e3",
    "abc",
    "99999999999999999999",
    "\u0661",
    "%00",
    "%07",
    "%ff",
    "null",
    "1%20",
)


@pytest.mark.parametrize("given", [*MALFORMED, "4242"])
@pytest.mark.parametrize("path", ["/venues", "/events", "/ticket-types"])
def test_invalid_id_is_404(path, given, manager):
    answer = manager.get(f"{path}/{given}")
    assert refused(answer, 404, "not-found")
    assert answer.json()["detail"] == f"No {path[1:-1].replace('-', ' ')} with this id."


@pytest.mark.parametrize("given", ["not-a-uuid", "00000000-0000-4000-8000-000000000000", "1", "%00", "%ff"])
def test_invalid_booking_id_is_404(given, anonymous, db):
    answer = anonymous.get(f"/bookings/{given}")
    assert refused(answer, 404, "not-found")
    assert answer.json()["detail"] == "No booking with this id."


def test_booking_id_is_read_without_regard_to_case(manager, book):
    pk = str(book().pk)
    assert [manager.get(f"/bookings/{spelling}").json()["id"] for spelling in (pk, pk.upper())] == [pk] * 2
    assert manager.get(f"/bookings/{pk.upper()}A").status_code == 404
    assert manager.get(f"/bookings/{pk.replace('-', '')}").status_code == 404


@pytest.mark.parametrize("given", ["A" * 26, "a" * 26, "A" * 25, "%00", "1"])
def test_invalid_ticket_code_is_404(given, door):
    answer = door.get(f"/tickets/{given}")
    assert refused(answer, 404, "not-found")
    assert answer.json()["detail"] == "No ticket with this code."


def test_root_names_every_resource_without_trailing_slashes(anonymous):
    assert anonymous.get("").json() == {path[1:]: f"http://testserver/api/v1{path}" for path in [*LISTS, "/check-ins"]}
