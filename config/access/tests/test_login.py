"""Logins to the admin: failures, the end of a session, where the admin can be opened."""

import datetime as dt
import ipaddress
import logging

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from config.access.models import LoginFailure
from config.access.roles import Role
from config.access.tests.conftest import NEW, OLD, is_in, log_in
from config.tests.harness.answers import refused
from config.tests.harness.pages import staff
from conftest import client_of

pytestmark = [pytest.mark.both, pytest.mark.django_db]


# Failures


def test_failed_logins_are_counted_and_logged(anna, caplog):
    with caplog.at_level(logging.WARNING, "config.access.login"):
        for name in ("anna", "anna", "my-Password-by-mistake", "another"):
            log_in(name, "wrong", REMOTE_ADDR="192.0.2.7")
    rows = LoginFailure.objects.order_by("username").values_list("username", "address", "count")
    assert list(rows) == [("", "192.0.2.7", 2), ("anna", "192.0.2.7", 2)]
    assert len(caplog.records) == 4
    assert "192.0.2.7" in caplog.text
    assert "Password" not in caplog.text


def test_login_that_succeeds_is_no_failure(anna):
    assert is_in(log_in()[0])
    assert not LoginFailure.objects.exists()


def test_wrong_code_is_a_failed_login(anna):
    TOTPDevice.objects.create(user=anna)
    log_in()
    assert LoginFailure.objects.get().username == "anna"


def test_failures_from_many_addresses_fill_a_bounded_number_of_rows(monkeypatch):
    monkeypatch.setattr(LoginFailure, "MAX_ROWS", 3)
    for number in range(9):
        LoginFailure.note(username="x", address=f"192.0.2.{number}", at=timezone.now())
    assert list(LoginFailure.objects.order_by("-address").values_list("count", flat=True)) == [1, 1, 1, 6]


def test_failures_are_deleted_after_a_month():
    at = timezone.now()
    LoginFailure.note(username="x", address="192.0.2.1", at=at - dt.timedelta(days=32))
    LoginFailure.note(username="x", address="192.0.2.1", at=at)
    assert LoginFailure.objects.count() == 1


def test_dashboard_shows_failures_to_superusers(anna):
    log_in(password="wrong")
    figures = staff().get("/admin/").context["login_failures"]
    assert (figures["count"], figures["addresses"]) == (1, 1)
    assert "login_failures" not in staff(Role.MANAGER).get("/admin/").context


# Sessions


def test_session_ends_twelve_hours_after_the_login_however_busy_it_is(anna):
    browser, _ = log_in()
    for hours, is_open in ((11, True), (11.9, True), (12.1, False)):
        with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours)):
            assert is_in(browser) == is_open
            if is_open:
                session = browser.session
                session["busy"] = hours
                session.save()
    assert Session.objects.get().expire_date < timezone.now() + dt.timedelta(hours=12.01)


def test_session_ends_with_the_password_and_with_the_account(anna):
    first, _ = log_in()
    anna.set_password(NEW)
    anna.save()
    second, _ = log_in(password=NEW)
    assert (is_in(first), is_in(second)) == (False, True)
    type(anna).objects.update(is_active=False)
    assert not is_in(second)


def test_login_changes_the_session_and_goes_to_pages_of_this_host_alone(anna):
    browser = Client()
    browser.cookies["sessionid"] = "chosen-by-somebody"
    answer = browser.post("/admin/login/", {"username": "anna", "password": OLD, "next": "https://evil.example/admin/"})
    assert browser.cookies["sessionid"].value != "chosen-by-somebody"
    assert not answer["Location"].startswith("https://evil")
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/admin/login/", {"username": "anna", "password": OLD}).status_code == 403


# Networks

INSIDE, OUTSIDE = "192.0.2.9", "203.0.113.9"


PATHS = ["/admin", "/admin/", "/admin/login/", "/admin/password_reset/", "/admin/nowhere/", "/admin/jsi18n/"]


@pytest.fixture
def office(settings):
    settings.BACK_OFFICE_NETWORKS = [ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8::/32")]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["get", "post", "put"])
def test_admin_is_hidden_outside_of_the_networks(office, anna, path, method):
    assert getattr(Client(REMOTE_ADDR=OUTSIDE), method)(path).status_code == 404


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "is_open"),
    [
        (INSIDE, "", 0, True),
        ("2001:db8:1::5", "", 0, True),
        ("::ffff:192.0.2.9", "", 0, True),
        (OUTSIDE, "", 0, False),
        ("", "", 0, False),
        (OUTSIDE, INSIDE, 0, False),
        ("10.0.0.1", INSIDE, 1, True),
        ("10.0.0.1", f"{INSIDE}, {OUTSIDE}", 1, False),
        (INSIDE, OUTSIDE, 1, False),
    ],
)
def test_address_is_the_one_of_the_rate_limits(office, settings, anna, peer, forwarded, proxies, is_open):
    settings.NUM_PROXIES = proxies
    browser = Client(REMOTE_ADDR=peer, **({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}))
    assert browser.get("/admin/login/").status_code == (200 if is_open else 404)


def test_session_counts_for_the_api_only_in_the_networks(office, anna):
    client = client_of()
    client.force_login(anna)
    assert client.get("/bookings", REMOTE_ADDR=INSIDE).status_code == 200
    assert refused(client.get("/bookings", REMOTE_ADDR=OUTSIDE), 403, "forbidden")
    assert client_of().get("/venues", REMOTE_ADDR=OUTSIDE).status_code == 200
    assert client_of(anna).get("/bookings", REMOTE_ADDR=OUTSIDE).status_code == 200
