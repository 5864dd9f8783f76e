"""Pages outside of the API: caching, assets, content negotiation and CSP."""

import re
from html.parser import HTMLParser

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders

from config import problems
from config.tests.harness.answers import refused
from config.tests.harness.pages import staff

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
READ_ONLY = ["//", "//health", "//health/ready", "//problems", "//problems/sold-out", "//problems/nonsense"]
PAGES = [
    "//problems",
    "//problems/sold-out",
    "//problems/nonsense",
    "//docs",
    "//redoc",
    "/",
    "/venues",
    "//admin/login/",
]
POLICY = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
STRICT = dict.fromkeys(("default-src", "base-uri", "form-action", "frame-ancestors"), "'none'")  # of what is no page
BESIDES = {  # additions of a page to the policy of the site
    "//docs": {"img-src": "'self' data:"},
    "//redoc": {"style-src-elem": "'self' 'unsafe-inline'", "img-src": "'self' data:", "worker-src": "blob:"},
    "/": {"style-src-attr": "'unsafe-inline'"},
    "/venues": {"style-src-attr": "'unsafe-inline'"},
}


class Page(HTMLParser):
    """Collects assets, links, and inline scripts and styles of a page."""

    def __init__(self, answer):
        super().__init__()
        assert answer["Content-Type"].startswith("text/html")
        self.loaded, self.linked, self.inline, self.inside = [], [], [], None
        self.feed(answer.content.decode())

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.linked += [given["href"]] if tag == "a" and "href" in given else []
        self.loaded += [
            given[name] for name in ("src", "href", "spec-url") if name in given and tag not in ("a", "use")
        ]
        self.inline += [name for name in given if name.startswith("on")]
        is_data = tag == "script" and given.get("type") == "application/json"
        self.inside = tag if tag in ("script", "style") and not is_data else None

    def handle_data(self, data):
        if self.inside and data.strip():
            self.inline.append(data)

    def handle_endtag(self, tag):
        self.inside = None


def see(client, path):
    return client.get(path, HTTP_ACCEPT=BROWSER)


def policy(answer):
    return dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; "))


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options", "trace"])
@pytest.mark.parametrize("path", READ_ONLY)
def test_page_can_only_be_read(path, method, db):
    # With a session but without a CSRF token: 405, as for all clients.
    client = staff()
    client.handler.enforce_csrf_checks = True
    answer = getattr(client, method)(path[1:])
    assert refused(answer, 405, "method-not-allowed")
    assert answer["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["//docs", "//redoc", "//docs?script", "/openapi.json"])
def test_documentation_can_only_be_read(path, anonymous, db):
    answer = anonymous.post(path)
    assert refused(answer, 405, "method-not-allowed")
    assert answer["Allow"] == "GET, HEAD, OPTIONS"
    assert anonymous.options(path).status_code == 204


@pytest.mark.parametrize(
    ("path", "keep"),
    [
        ("//", "public, max-age=300"),
        ("//health", "no-store"),
        ("//health/ready", "no-store"),
        ("//problems", "public, max-age=300"),
        ("//problems/sold-out", "public, max-age=300"),
        ("//problems/nonsense", "no-store"),
        ("//docs", "public, max-age=300"),
        ("//docs?script", "no-store"),
        ("//redoc", "public, max-age=300"),
        ("//favicon.ico", "public, max-age=300"),
        ("/openapi.json", "public, max-age=300"),
        ("", "public, max-age=300"),
    ],
)
def test_page_has_cache_control(path, keep, anonymous, db):
    assert anonymous.get(path)["Cache-Control"] == keep


@pytest.mark.parametrize("host", ["10.1.2.3:8000", "not a host"])
@pytest.mark.parametrize(
    ("path", "status"), [("//health", 200), ("//health/ready/", 200), ("//health/not", 400), ("//metrics", 401)]
)
def test_health_accepts_any_host(path, status, host, anonymous, settings, db):
    settings.ALLOWED_HOSTS = [".tickets.example.com"]
    assert anonymous.get(path, HTTP_HOST=host).status_code == status


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/problems", "/problems/sold-out"])
def test_public_page_contains_no_session_data(path, db):
    answer = staff().get(path, HTTP_ACCEPT=BROWSER)
    assert answer["Cache-Control"].startswith("public")
    assert answer.cookies == {}
    assert "csrf" not in answer.content.decode().lower()


@pytest.mark.parametrize("path", ["//problems", "//problems/sold-out"])
@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (BROWSER, "text/html; charset=utf-8"),
        ("text/html", "text/html; charset=utf-8"),
        ("text/html;q=0.9, application/json;q=0.8", "text/html; charset=utf-8"),
        ("text/html;q=0.8, application/json;q=0.9", "application/json"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("application/problem+json", "application/json"),
        (None, "application/json"),
    ],
)
def test_problems_are_html_when_preferred(path, accept, media_type, anonymous):
    answer = anonymous.get(path, **({} if accept is None else {"HTTP_ACCEPT": accept}))
    assert (answer.status_code, answer["Content-Type"]) == (200, media_type)
    assert "Accept" in answer["Vary"]


def test_page_of_problems_links_to_each_problem(anonymous):
    listed = Page(see(anonymous, "//problems"))
    codes = {kind.code for kind in problems.Problem.family()}
    assert {link for link in listed.linked if link.startswith("/problems/")} == {f"/problems/{code}" for code in codes}
    for code in codes:
        answer = see(anonymous, f"//problems/{code}")
        assert answer.status_code == 200
        assert "/problems" in Page(answer).linked


def test_page_of_a_problem_describes_it(anonymous):
    text = see(anonymous, "//problems/unauthenticated").content.decode()
    assert "<h1>Authentication is needed</h1>" in text
    assert "401 Unauthorized" in text
    assert "The request needs a valid token: <code>Authorization: Bearer &lt;token&gt;</code>." in text
    assert "&quot;code&quot;: &quot;unauthenticated&quot;" in text


@pytest.mark.parametrize("code", ["nonsense", "SOLD-OUT", "sold_out", "a b", "<script>", "%00"])
def test_unknown_problem_is_html_for_browsers(code, anonymous):
    answer = see(anonymous, f"//problems/{code}")
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "<script" not in answer.content.decode()
    assert "/problems" in Page(answer).linked
    assert "Accept" in answer["Vary"]
    assert refused(anonymous.get(f"//problems/{code}"), 404, "not-found")


def test_page_is_stable(anonymous):
    first = see(anonymous, "//problems/sold-out")
    again = anonymous.get("//problems/sold-out", HTTP_ACCEPT=BROWSER, HTTP_IF_NONE_MATCH=first["ETag"])
    assert again.status_code == 304
    assert anonymous.get("//problems/sold-out", HTTP_IF_NONE_MATCH=first["ETag"]).status_code == 200


@pytest.mark.parametrize("path", [*PAGES, "//", "//health", "/venues/0", "/openapi.json"])
def test_every_response_has_the_csp(path, anonymous, db):
    answer = see(anonymous, path)
    is_page = answer["Content-Type"].startswith("text/html")
    expected = {**POLICY, **BESIDES.get(path, {})} if is_page else STRICT
    assert policy(answer) == expected


@pytest.mark.parametrize("path", ["//redoc", "//docs", "//problems"])
def test_304_has_no_csp(path, anonymous):
    first = see(anonymous, path)
    again = anonymous.get(path, HTTP_ACCEPT=BROWSER, HTTP_IF_NONE_MATCH=first["ETag"])
    assert again.status_code == 304
    assert "Content-Security-Policy" not in again


@pytest.mark.parametrize("path", PAGES)
def test_page_has_no_inline_script_or_style(path, anonymous, make_venue):
    make_venue()
    assert Page(see(anonymous, path)).inline == []


@pytest.mark.parametrize(
    "path",
    [
        "/admin/",
        "/admin/events/event/{0.event_id}/change/",
        "/admin/events/event/add/",
        "/admin/events/event/calendar/",
        "/admin/bookings/booking/",
        "/admin/bookings/booking/{0.pk}/change/",
        "/admin/bookings/booking/sell/",
        "/admin/bookings/booking/sell/?event={0.event_id}",
        "/admin/ticket_types/tickettype/import_catalogue/",
        "/api/v1/events",
        "/api/v1/events/{0.event_id}",
    ],
)
def test_staff_page_has_no_inline_script_or_style(path, book):
    answer = staff().get(path.format(book().confirm()), HTTP_ACCEPT=BROWSER)
    assert answer.status_code == 200
    assert Page(answer).inline == []


@pytest.mark.parametrize("path", [*PAGES, "//favicon.ico"])
def test_page_loads_only_local_assets(path, anonymous, db):
    answer = see(anonymous, path)
    loaded = [answer["Location"]] if path == "//favicon.ico" else Page(answer).loaded
    assert any(name.endswith("favicon.svg") for name in loaded) or path == "//admin/login/"
    for address in loaded:
        assert address.startswith("/")
        assert not address.startswith("//")
        assert anonymous.head(f"/{address}").status_code == 200, address
        if address.startswith(settings.STATIC_URL):
            assert finders.find(address.removeprefix(settings.STATIC_URL)), address


@pytest.mark.parametrize(
    "name", ["pages.css", "admin.css", "names.js", "sell.js", "swagger.css", "redoc.css", "redoc.js", "favicon.svg"]
)
def test_own_asset_names_no_other_host(name):
    with open(finders.find(f"pages/{name}")) as asset:
        text = asset.read().replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}|url\(|@import", text) == []
