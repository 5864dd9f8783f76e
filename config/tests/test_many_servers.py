"""Several servers on one database behave like one."""

import json
import secrets
import urllib.error
import urllib.request
from types import SimpleNamespace

import pytest

from config.tests.harness.server import migrated_database, served

pytestmark = pytest.mark.xdist_group("many-servers")  # the tests share what one process creates
OLD, NEW, OLDER = (secrets.token_urlsafe(50) for _ in range(3))
PROXIED = {"Host": "tickets.example.com", "X-Forwarded-Proto": "https"}
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "config.settings.production",
    "ALLOWED_HOSTS": "tickets.example.com",
    "TRUST_X_FORWARDED_PROTO": "true",
}


@pytest.fixture(scope="module")
def servers():
    """Two servers behind a proxy during a change of keys: the second signs with the new one."""
    with (
        migrated_database() as url,
        served(url, is_production=True, **PRODUCTION, SECRET_KEY=OLD, SECRET_KEY_FALLBACKS=NEW) as first,
        served(url, is_production=True, **PRODUCTION, SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=f"{OLD}, {OLDER}") as second,
    ):
        token = first.manage("create_api_token", "shop", "--role", "manager").strip()
        here = SimpleNamespace(first=first, second=second, token=token)
        venue = ask(here, first, "POST", "/venues", {"name": "Hall", "address": "Street", "capacity": 50}).data["id"]
        times = {"starts_at": "2090-06-01T20:00:00Z", "ends_at": "2090-06-01T22:00:00Z"}
        here.event = ask(here, second, "POST", "/events", {"venue": venue, "name": "Concert", **times}).data["id"]
        kind = {"event": here.event, "name": "Seat", "price": "10.00"}
        here.type = ask(here, first, "POST", "/ticket-types", kind).data["id"]
        assert ask(here, second, "POST", f"/events/{here.event}/publish", {}).status == 200
        yield here


def ask(servers, server, method, path, body=None, **headers):
    """`path` is below the API's base, or a URL from a response."""
    path = path.removeprefix("https://tickets.example.com")
    request = urllib.request.Request(
        server.url + (path if path.startswith("/api") else f"/api/v1{path}"),
        None if body is None else json.dumps(body).encode(),
        {
            **PROXIED,
            "Authorization": f"Bearer {servers.token}",
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        },
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return SimpleNamespace(status=answer.status, headers=answer.headers, data=json.load(answer))
    except urllib.error.HTTPError as error:
        return SimpleNamespace(status=error.code, headers=error.headers, data=json.loads(error.read() or "null"))


def book(servers, server, key, name="Ann Lee"):
    items = [{"ticket_type": servers.type, "quantity": 1}]
    body = {"customer_name": name, "customer_email": "ann@example.com", "items": items}
    return ask(servers, server, "POST", "/bookings", body, Idempotency_Key=key)


def test_idempotency_key_works_on_another_server(servers):
    first, again = book(servers, servers.first, "one"), book(servers, servers.second, "one")
    assert (first.status, again.status) == (201, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    # expires_in depends on the time of the request.
    assert {**again.data, "expires_in": 0} == {**first.data, "expires_in": 0}
    assert book(servers, servers.second, "one", name="Bob").status == 422


def test_cursor_works_on_another_server(servers):
    made = [book(servers, servers.first, f"page {number}".replace(" ", "-")).data["id"] for number in range(4)]
    page = ask(servers, servers.first, "GET", "/bookings?limit=2")
    following = ask(servers, servers.second, "GET", page.data["next"])
    assert [row["id"] for row in (page.data["results"] + following.data["results"])] == made[::-1]
    back = ask(servers, servers.first, "GET", following.data["previous"])
    assert back.data["results"] == page.data["results"]


def test_etag_works_on_another_server(servers):
    path = f"/events/{servers.event}"
    told = ask(servers, servers.first, "GET", path)
    assert ask(servers, servers.second, "GET", path, If_None_Match=told.headers["ETag"]).status == 304
    edited = ask(servers, servers.second, "PATCH", path, {"name": "Evening"}, If_Match=told.headers["ETag"])
    assert edited.status == 200
    assert ask(servers, servers.first, "PATCH", path, {"name": "No"}, If_Match=told.headers["ETag"]).status == 412


def test_links_have_the_address_of_the_proxy(servers):
    page = ask(servers, servers.first, "GET", "/venues?limit=1&skip=1")
    assert page.data["previous"] == "https://tickets.example.com/api/v1/venues?limit=1"
    booked = book(servers, servers.second, "address")
    assert booked.headers["Location"] == f"/api/v1/bookings/{booked.data['id']}"
