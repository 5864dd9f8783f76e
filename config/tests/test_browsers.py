"""Security headers of every kind of response."""

import pytest
from django.test import Client
from django.urls import get_resolver, resolve

from bookings.models import Booking
from config.access.models import ApiToken
from config.tests.harness.pages import staff, url
from config.tests.test_api_pages import BROWSER, Page, policy
from events.models import Event

PROTECTED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload",
}
PUBLIC = [
    *(
        "/",
        "/health",
        "/health/ready",
        "/problems",
        "/problems/sold-out",
        "/problems/nonsense",
        "/docs",
        "/docs?script",
    ),
    *(
        "/redoc",
        "/favicon.ico",
        "/metrics",
        "/nowhere",
        "/admin/login/",
        "/admin/",
        "/api/v1",
        "/api/v1/",
        "/api/v1/nowhere",
    ),
    *(
        "/admin/password_reset/",
        "/bookings/confirm",
        "/api/v1/openapi.json",
        "/api/v1/venues",
        "/api/v1/venues?nonsense=1",
        "/api/v1/venues/0",
        "/api/v1/bookings",
    ),
    *("/api/v1/bookings/{booking}", "/api/v1/events.ics", "/api/v1/events/{event}.ics"),
]
INSIDE = [
    *(
        "/admin/",
        "/admin/password_change/",
        "/admin/second_factor/",
        "/admin/bookings/",
        "/admin/nowhere/",
        "/admin/jsi18n/",
        "/admin/auth/user/",
    ),
    *("/admin/bookings/booking/", "/admin/bookings/booking/{booking}/change/"),
    *("/admin/bookings/booking/{booking}/history/", "/admin/events/event/add/", "/admin/events/event/{event}/change/"),
    *("/admin/events/event/{event}/delete/", "/admin/access/apitoken/add/", "/admin/bookings/booking/nonsense/change/"),
    "/admin/autocomplete/?app_label=events&model_name=event&field_name=venue&term=a",
    *("/api/v1/bookings", "/api/v1/events", "/api/v1/bookings/{booking}", "/api/v1/tickets/nonsense"),
]


@pytest.fixture
def strict(settings):
    """The settings that production adds."""
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"


@pytest.fixture
def answers(strict, book):
    """A response of each kind, by request."""
    booking = book()
    facts = {"booking": booking.pk, "event": booking.event_id}
    anonymous, member = Client(), staff()
    found = {}
    for taken, accept in (("page", BROWSER), ("program", "application/json")):
        how = {"secure": True, "HTTP_ACCEPT": accept}
        for who, client, paths in (("anonymous", anonymous, PUBLIC), ("staff", member, INSIDE)):
            for path in paths:
                found[f"{who}'s {taken} {path}"] = client.get(path.format(**facts), **how)
        for path in ("/", "/api/v1/venues", "/admin/"):
            found[f"{taken} {path} of another host"] = anonymous.get(path, HTTP_HOST="evil.example", **how)
        found[f"{taken} refused"] = anonymous.post("/api/v1/bookings", "{}", content_type="application/json", **how)
        found[f"{taken} of a method that there is not"] = anonymous.put("/problems", **how)
    action = {"action": "cancel", "_selected_action": [str(booking.pk)]}
    found["question"] = member.post(url(Booking, "changelist"), action, secure=True)
    token = {"name": "Shop", "expires_at_0": "", "expires_at_1": ""}
    found["new token"] = member.post(url(ApiToken, "add"), token, secure=True)
    found["form sent back"] = member.post(url(Event, "add"), {}, secure=True)
    found["login refused"] = anonymous.post("/admin/login/", {"username": "a", "password": "b"}, secure=True)
    checking = Client(enforce_csrf_checks=True)
    found["form without its token"] = checking.post("/admin/login/", {"username": "a"}, secure=True)
    origin = {"HTTP_ORIGIN": "https://shop.example", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST"}
    found["preflight"] = anonymous.options("/api/v1/bookings", secure=True, **origin)
    found["static"] = anonymous.head("/static/pages/favicon.svg", secure=True)
    return found


def is_page(answer):
    return answer.get("Content-Type", "").startswith("text/html")


def test_every_response_has_security_headers(answers):
    lacking = {
        name: {header: answer.get(header) for header, value in PROTECTED.items() if answer.get(header) != value}
        for name, answer in answers.items()
    }
    for name in ("static", "preflight"):  # answered before the middleware of frames
        assert set(lacking.pop(name)) == {"X-Frame-Options"}
        del answers[name]
    for client in ("page", "program"):  # its link holds a token
        assert lacking.pop(f"anonymous's {client} /bookings/confirm") == {"Referrer-Policy": "no-referrer"}
    assert {name: headers for name, headers in lacking.items() if headers} == {}
    assert {name: found for name, answer in answers.items() if (found := laxities(answer))} == {}
    loose = {name for name, answer in answers.items() if "unsafe" in answer["Content-Security-Policy"]}
    api = {name for name, answer in answers.items() if " page /api/v1" in name and is_page(answer)}
    assert loose == {"anonymous's page /redoc", "anonymous's program /redoc", *api}


def laxities(answer):
    """The sources that the content security policy allows beyond 'self', without the intended exceptions; any at all
    in what is no page.
    """
    if not is_page(answer):
        return {name: sources for name, sources in policy(answer).items() if sources != "'none'"}
    directives = {directive: set(sources.split()) for directive, sources in policy(answer).items()}
    expected = {name: {"'self'"} for name in ("default-src", "script-src", "style-src", "form-action")}
    expected |= {name: {"'none'"} for name in ("object-src", "base-uri", "frame-ancestors")}
    meant = {
        "img-src": {"'self'", "data:"},
        "worker-src": {"blob:"},
        "style-src-attr": {"'unsafe-inline'"},
        "style-src-elem": {"'self'", "'unsafe-inline'"},
    }
    found = {name: directives.get(name) for name in expected}
    wrong = {name: sources for name, sources in found.items() if sources not in (expected[name], {"'none'"})}
    more = {name: directives[name] - meant.get(name, set()) for name in set(directives) - set(expected)}
    return wrong | {name: sources for name, sources in more.items() if sources}


def test_pages_deny_inline_scripts_and_device_permissions(answers):
    pages = {name: answer for name, answer in answers.items() if is_page(answer)}
    assert len(pages) > 40
    assert {name: held for name, answer in pages.items() if (held := Page(answer).inline)} == {}
    assert {name for name, answer in answers.items() if "Permissions-Policy" in answer} == set(pages)
    policies = {answer["Permissions-Policy"] for answer in pages.values()}
    assert policies == {"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"}


def test_every_part_of_the_url_map_is_covered():
    asked = {path.split("?")[0].format(booking="x", event=1) for path in (*PUBLIC, *INSIDE)} - {"/nowhere"}
    reached = {resolve(path).route for path in asked}
    parts = [str(pattern.pattern) for pattern in get_resolver().url_patterns]
    assert [part for part in parts if not any(route.startswith(part) for route in reached)] == []


def test_cookies_are_secure_and_same_site(strict, db, django_user_model):
    django_user_model.objects.create_user("anna", password="right-Password-1", is_staff=True)
    browser = Client()
    browser.get("/admin/login/", secure=True)
    answer = browser.post("/admin/login/", {"username": "anna", "password": "right-Password-1"}, secure=True)
    assert answer.status_code == 302
    session, csrf = browser.cookies["__Host-sessionid"], browser.cookies["__Host-csrftoken"]
    for cookie in (session, csrf):
        assert (cookie["secure"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Lax", "/", "")
    assert session["httponly"] is True


def test_http_redirects_to_https_except_health_checks(strict, settings, db):
    settings.SECURE_REDIRECT_EXEMPT = [r"^health(/ready)?/?$"]
    assert Client().get("/api/v1/venues")["Location"] == "https://testserver/api/v1/venues"
    assert Client().get("/health").status_code == 200
