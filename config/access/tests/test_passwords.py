"""Passwords: reset by mail, length, and the tokens that end with them."""

import datetime as dt
import re
from threading import Timer

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from config.access.models import ApiToken
from config.access.roles import Role
from config.access.tests.conftest import NEW, OLD, is_in, log_in
from config.tests.harness.pages import form_on, staff
from conftest import client_of, make_user

pytestmark = [pytest.mark.both, pytest.mark.django_db]

RESET = "/admin/password_reset/"


@pytest.fixture
def _at_once(monkeypatch):
    monkeypatch.setattr(Timer, "start", lambda timer: timer.function(*timer.args, **timer.kwargs))


def ask(email="anna@example.com"):
    return Client().post(RESET, {"email": email})


def link():
    return re.search(r"http://testserver(/admin/password_reset/\S+)", mail.outbox[-1].body)[1]


@pytest.mark.usefixtures("_at_once")
def test_password_is_reset_by_a_link_that_works_once(anna):
    assert ask()["Location"] == f"{RESET}done/"
    browser = Client()
    form = browser.get(link(), follow=True)
    done = browser.post(form.request["PATH_INFO"], {"new_password1": NEW, "new_password2": NEW})
    assert done["Location"] == f"{RESET}complete/"
    assert not is_in(browser)
    assert is_in(log_in(password=NEW)[0])
    assert not Client().get(link(), follow=True).context["validlink"]


@pytest.mark.usefixtures("_at_once")
def test_reset_link_works_for_an_hour(anna):
    ask()
    for minutes, works in ((59, True), (61, False)):
        with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes)):
            assert Client().get(link(), follow=True).context["validlink"] == works


@pytest.mark.usefixtures("_at_once")
def test_reset_keeps_the_second_factor(anna):
    TOTPDevice.objects.create(user=anna)
    ask()
    browser = Client()
    form = browser.get(link(), follow=True)
    browser.post(form.request["PATH_INFO"], {"new_password1": NEW, "new_password2": NEW})
    assert not is_in(log_in(password=NEW)[0])


@pytest.mark.usefixtures("_at_once")
def test_reset_is_answered_alike_for_an_unknown_address(anna):
    known, unknown = ask(), ask("nobody@example.com")
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert [message.to for message in mail.outbox] == [["anna@example.com"]]


def test_reset_does_not_wait_for_the_mail_server(anna, monkeypatch, django_assert_num_queries):
    """Nor for the search for accounts, so the time of the answer tells nothing about them."""
    started = []
    monkeypatch.setattr(Timer, "start", lambda timer: started.append(timer.interval))
    with django_assert_num_queries(0):
        assert {ask(email).status_code for email in ("anna@example.com", "nobody@example.com")} == {302}
    assert (started, mail.outbox) == ([1, 1], [])  # seconds


@pytest.mark.usefixtures("_at_once")
def test_failure_to_make_a_mail_is_logged_without_the_address(anna, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise OSError("no database")

    monkeypatch.setattr("django.contrib.auth.forms.PasswordResetForm.save", fail)
    assert ask().status_code == 302
    assert ("No mail to reset a password" in caplog.text, "anna@example.com" in caplog.text) == (True, False)


@pytest.mark.usefixtures("_at_once")
def test_resets_are_limited_by_address_and_by_email(anna, settings):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "mails": (2, 3600), "logins": (2, 60)}
    answers = [Client(REMOTE_ADDR=f"192.0.2.{n}").post(RESET, {"email": "Anna@example.com"}) for n in range(3)]
    assert [answer.status_code for answer in answers] == [302, 302, 429]
    answers = [Client(REMOTE_ADDR="192.0.2.50").post(RESET, {"email": f"{n}@example.com"}) for n in range(3)]
    assert [answer.status_code for answer in answers] == [302, 302, 429]
    assert len(mail.outbox) == 2


def test_reset_needs_a_mail_server(settings, anna):
    settings.HAS_MAIL = False
    for path in (RESET, f"{RESET}done/", f"{RESET}x/y/", f"{RESET}complete/"):
        assert Client().get(path).status_code == 404
    assert RESET not in Client().get("/admin/login/").content.decode()


@pytest.mark.parametrize(("password", "is_long"), [("only-11-x-y", False), ("only-12-x-yz", True)])
def test_password_has_twelve_characters(anna, password, is_long):
    browser, _ = log_in()
    data = {"old_password": OLD, "new_password1": password, "new_password2": password}
    browser.post("/admin/password_change/", data)
    anna.refresh_from_db()
    assert anna.check_password(password) == is_long


# Tokens


def works(text):
    return client_of().get("/bookings", HTTP_AUTHORIZATION=f"Bearer {text}").status_code == 200


def test_tokens_end_with_the_password(anna):
    program = make_user(Role.MANAGER, username="shop")
    _, of_anna = ApiToken.issue(user=anna, name="Shop")
    _, of_program = ApiToken.issue(user=program, name="Shop")
    browser, _ = log_in()
    assert (works(of_anna), works(of_program)) == (True, True)
    browser.post("/admin/password_change/", {"old_password": OLD, "new_password1": NEW, "new_password2": NEW})
    assert (works(of_anna), works(of_program)) == (False, True)
    assert works(ApiToken.issue(user=anna, name="Shop")[1])


DISABLE = {"usable_password": "false", "unset-password": "x"}
CHANGE = {"usable_password": "true", "password1": NEW, "password2": NEW}


@pytest.mark.parametrize("typed", [DISABLE, CHANGE])
def test_tokens_end_when_a_superuser_changes_or_disables_the_password(anna, typed):
    _, text = ApiToken.issue(user=anna, name="Shop")
    assert staff().post(f"/admin/auth/user/{anna.pk}/password/", typed).status_code == 302
    assert not works(text)


def test_tokens_end_with_the_account_and_stay_so(anna):
    _, text = ApiToken.issue(user=anna, name="Shop")
    assert works(text)
    for is_active in (False, True):
        anna.is_active = is_active
        anna.save()
        assert not works(text)


def test_tokens_survive_a_better_hash_of_the_same_password(anna, settings):
    _, text = ApiToken.issue(user=anna, name="Shop")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", *settings.PASSWORD_HASHERS]
    before = anna.password
    assert is_in(log_in()[0])
    anna.refresh_from_db()
    assert anna.password != before
    assert works(text)


def test_token_expires_in_a_year_unless_told(anna):
    assert dt.timedelta(364) < ApiToken.issue(user=anna, name="x")[0].expires_at - timezone.now() < dt.timedelta(366)
    assert ApiToken.issue(user=anna, name="x", expires_at=None)[0].expires_at is None
    browser, _ = log_in()
    form = form_on(browser.get("/admin/access/apitoken/add/"), ApiToken)
    browser.post("/admin/access/apitoken/add/", {**form, "name": "of the form"})
    expires_at = ApiToken.objects.get(name="of the form").expires_at
    assert dt.timedelta(364) < expires_at - timezone.now() < dt.timedelta(366)
