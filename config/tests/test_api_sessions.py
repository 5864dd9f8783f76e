"""The API creates no session for anonymous clients; a session client is known, and needs a token to write."""

import pytest
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.test import Client

from config.access.roles import Role
from config.tests.harness.answers import refused
from conftest import client_of, make_user
from venues.models import Venue

VENUE = {"name": "New Hall", "address": "2 Main Street", "capacity": 10, "timezone": "UTC"}
BROWSER = {"HTTP_ACCEPT": "text/html"}


def vary(answer):
    return {name.strip() for name in answer.get("Vary", "").split(",")}


@pytest.fixture
def sessions(monkeypatch):
    """How often a session was looked for, and messages."""
    looked = []
    for middleware in (SessionMiddleware, MessageMiddleware):
        process = middleware.process_request
        monkeypatch.setattr(
            middleware,
            "process_request",
            lambda self, request, of=middleware, process=process: [looked.append(of), process(self, request)][1],
        )
    return looked


@pytest.fixture
def browser(db):
    """One in which a manager has logged in, and whose forms are checked."""
    client = client_of()
    client.handler.enforce_csrf_checks = True
    client.force_login(make_user(Role.MANAGER))
    return client


@pytest.mark.parametrize(
    ("path", "status", "how"),
    [
        ("/venues", 200, {}),
        ("/venues", 200, BROWSER),
        ("/venues/0", 404, {}),
        ("/bookings", 401, {}),
        ("/nowhere", 404, {}),
        ("/openapi.json", 200, {}),
        ("//health", 200, {}),
    ],
)
def test_no_session_is_looked_for_where_no_cookie_came(path, status, how, anonymous, sessions, db):
    answer = anonymous.get(path, **how)
    assert answer.status_code == status
    assert sessions == []
    assert answer.wsgi_request.user.is_anonymous


def test_guest_who_books_needs_no_session(anonymous, sessions, make_type):
    items = [{"ticket_type": make_type().pk, "quantity": 1}]
    answer = anonymous.post("/bookings", {"customer_name": "Ann", "customer_email": "ann@example.com", "items": items})
    assert answer.status_code == 201
    assert (sessions, answer.cookies) == ([], {})


@pytest.mark.parametrize("cookie", ["sessionid=made-up", "other=1"])
def test_session_is_looked_for_where_a_cookie_came(cookie, anonymous, sessions, db):
    answer = anonymous.get("/bookings", HTTP_COOKIE=cookie)
    assert refused(answer, 401, "unauthenticated")
    assert len(sessions) == 2
    assert answer.wsgi_request.user.is_anonymous


def test_back_office_begins_a_session_without_a_cookie(sessions, db, django_user_model):
    django_user_model.objects.create_user("anna", password="right-Password-1", is_staff=True)
    answer = Client().post("/admin/login/", {"username": "anna", "password": "right-Password-1"})
    assert answer.status_code == 302
    assert answer.cookies["sessionid"].value
    assert len(sessions) == 2


def test_session_is_known_and_writes_with_its_token(browser):
    assert refused(browser.post("/venues", VENUE), 403, "forbidden")
    assert not Venue.objects.exists()
    token = browser.get("/venues", **BROWSER).cookies["csrftoken"].value
    assert browser.post("/venues", VENUE, HTTP_X_CSRFTOKEN=token).status_code == 201
    assert browser.get("/bookings").status_code == 200


def test_answer_depends_on_the_cookie_where_one_would_have_been_read(anonymous, box_office, browser):
    for path in ("/venues", "/venues/0", "/bookings"):
        assert "Cookie" in vary(anonymous.get(path)), path
        assert "Cookie" in vary(browser.get(path)), path
    assert "Cookie" in vary(anonymous.post("/bookings", {}))
    for answer in (box_office.get("/bookings"), anonymous.get("//health"), anonymous.get("/openapi.json")):
        assert "Cookie" not in vary(answer)
