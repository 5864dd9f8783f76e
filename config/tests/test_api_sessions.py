"""The API creates no session for anonymous clients; a session client is known, and needs a token to write."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.access.roles import Role
from config.tests.harness.answers import refused
from conftest import client_of, make_user
from venues.models import Venue

VENUE = {"name": "New Hall", "address": "2 Main Street", "capacity": 10, "timezone": "UTC"}
BROWSER = {"HTTP_ACCEPT": "text/html"}


def vary(answer):
    return {name.strip() for name in answer.get("Vary", "").split(",")}


def session_queries(queries):
    return [it["sql"] for it in queries if "django_session" in it["sql"]]


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
def test_anonymous_request_makes_no_session(path, status, how, anonymous, db):
    with CaptureQueriesContext(connection) as queries:
        answer = anonymous.get(path, **how)
    assert answer.status_code == status
    assert (session_queries(queries), set(answer.cookies) - {"csrftoken"}) == ([], set())
    assert answer.wsgi_request.user.is_anonymous


def test_anonymous_booking_makes_no_session(anonymous, make_type):
    items = [{"ticket_type": make_type().pk, "quantity": 1}]
    with CaptureQueriesContext(connection) as queries:
        answer = anonymous.post(
            "/bookings", {"customer_name": "Ann", "customer_email": "ann@example.com", "items": items}
        )
    assert answer.status_code == 201
    assert (session_queries(queries), answer.cookies) == ([], {})


@pytest.mark.parametrize(("cookie", "count"), [("sessionid=made-up-session", 1), ("other=1", 0)])
def test_session_is_read_when_its_cookie_is_sent(cookie, count, anonymous, db):
    with CaptureQueriesContext(connection) as queries:
        answer = anonymous.get("/bookings", HTTP_COOKIE=cookie)
    assert refused(answer, 401, "unauthenticated")
    assert len(session_queries(queries)) == count
    assert answer.wsgi_request.user.is_anonymous


def test_login_makes_a_session(db, django_user_model):
    django_user_model.objects.create_user("anna", password="right-Password-1", is_staff=True)
    answer = Client().post("/admin/login/", {"username": "anna", "password": "right-Password-1"})
    assert answer.status_code == 302
    assert answer.cookies["sessionid"].value


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
