"""The second factor: set-up, login, recovery codes, who needs one, and how it is taken away."""

import datetime as dt
import re
import time

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from config.access import second_factor
from config.access.models import ApiToken
from config.access.roles import Role
from config.tests.harness.answers import refused
from config.tests.harness.pages import FormReader, act, messages_of, staff
from conftest import client_of, make_user

pytestmark = [pytest.mark.both, pytest.mark.django_db]

PAGE, PASSWORD = "/admin/second_factor/", "right-Password-1"
CODE = re.compile(r"<code>([a-z2-7-]{19})</code>")


def code_of(key):
    app = TOTP(bytes.fromhex(key))
    app.time = time.time()
    return f"{app.token():06d}"


@pytest.fixture
def anna():
    user = make_user(Role.BOX_OFFICE, username="anna", is_staff=True)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def device(anna):
    return TOTPDevice.objects.create(user=anna)


def log_in(code="", password=PASSWORD):
    browser = Client()
    browser.post("/admin/login/", {"username": "anna", "password": password, "code": code})
    return browser


def is_in(browser):
    return browser.get("/admin/").status_code == 200


def set_up(browser):
    """Returns the page with the recovery codes, and the key."""
    form = FormReader(browser.get(PAGE).content.decode(), "second-factor-form").data
    return browser.post(PAGE, {**form, "code": code_of(form["key"])}), form["key"]


def test_set_up_shows_ten_recovery_codes_once(anna):
    browser = log_in()
    page, key = set_up(browser)
    codes = CODE.findall(page.content.decode())
    assert (len(set(codes)), "no-store" in page["Cache-Control"]) == (10, True)
    assert TOTPDevice.objects.get(user=anna).key == key
    later = browser.get(PAGE).content.decode()
    assert not any(secret in later for secret in (key, *codes))
    assert is_in(browser)
    assert LogEntry.objects.get().object_id == str(anna.pk)


def test_recovery_codes_are_stored_as_hashes(anna):
    codes = second_factor.renew_recovery_codes(anna)
    stored = set(StaticToken.objects.values_list("token", flat=True))
    assert not stored & {code.replace("-", "") for code in codes}
    assert len(stored) == 10


def test_set_up_with_a_wrong_code_stores_nothing(anna):
    browser = log_in()
    form = FormReader(browser.get(PAGE).content.decode(), "second-factor-form").data
    page = browser.post(PAGE, {**form, "code": "000000" if code_of(form["key"]) != "000000" else "111111"})
    assert page.context["form"].errors.keys() == {"code"}
    assert page.context["form"]["key"].value() == form["key"]
    assert not TOTPDevice.objects.exists()


@pytest.mark.parametrize("key", ["", "ab", "g" * 40, "a" * 41])
def test_set_up_with_a_broken_key_begins_again(anna, key):
    assert log_in().post(PAGE, {"key": key, "code": "123456"}).status_code == 302
    assert not TOTPDevice.objects.exists()


def test_second_set_up_is_refused(anna, device):
    with pytest.raises(second_factor.ValidationError):
        second_factor.set_up(anna, key="a" * 40, code=code_of("a" * 40))
    assert TOTPDevice.objects.get() == device


def test_login_needs_the_code(anna, device):
    assert not is_in(log_in())
    assert not is_in(log_in("000000"))
    assert not is_in(log_in("abcd-efgh-ijkl-mnop"))
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)):
        assert not is_in(log_in(code_of(device.key), password="wrong"))
        assert is_in(log_in(code_of(device.key)))


def test_code_works_once(anna, device):
    code = code_of(device.key)
    assert is_in(log_in(code))
    assert not is_in(log_in(code))


def test_recovery_code_works_once(anna, device):
    first, second, *_ = second_factor.renew_recovery_codes(anna)
    assert is_in(log_in(first))
    assert not is_in(log_in(first))
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)):
        assert is_in(log_in(second.upper().replace("-", " ")))
    assert second_factor.recovery_codes_left(anna) == 8


def test_code_after_wrong_ones_must_wait(anna, device):
    log_in("000000")
    assert not is_in(log_in(code_of(device.key)))
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)):
        assert is_in(log_in(code_of(device.key)))


def test_code_of_another_account_opens_nothing(anna, device):
    other = TOTPDevice.objects.create(user=make_user(username="other"))
    assert not is_in(log_in(code_of(other.key)))


def test_session_from_before_the_set_up_ends(anna):
    before, browser = log_in(), log_in()
    set_up(browser)
    assert is_in(browser)
    assert not is_in(before)


def test_session_counts_for_the_api_only_when_verified(anna, device):
    client = client_of()
    client.force_login(anna)  # without the code
    assert refused(client.get("/bookings"), 403, "forbidden")
    assert refused(client.get("/venues"), 403, "forbidden")
    browser = log_in(code_of(device.key))
    assert browser.get("/api/v1/bookings").status_code == 200


@pytest.mark.parametrize(
    ("roles", "is_superuser", "is_led"),
    [
        ([], True, False),
        (["manager"], False, False),
        (["box-office", "door"], False, True),
        (["all"], False, True),
        (["door"], True, True),
    ],
)
def test_role_decides_who_must_set_one_up(settings, anna, roles, is_superuser, is_led):
    settings.REQUIRE_SECOND_FACTOR = roles
    type(anna).objects.update(is_superuser=is_superuser)
    browser = log_in()
    page = browser.get("/admin/events/event/", follow=True)
    assert (page.request["PATH_INFO"] == PAGE) == is_led
    assert (browser.get("/api/v1/bookings").status_code == 403) == is_led
    assert (page.context["navigation"] == []) == is_led
    if is_led:
        set_up(browser)
        assert is_in(browser)
        assert browser.get("/api/v1/bookings").status_code == 200


def test_account_that_must_set_one_up_can_log_out(settings, anna):
    settings.REQUIRE_SECOND_FACTOR = ["all"]
    browser = log_in()
    assert browser.get("/admin/password_change/").status_code == 302
    assert browser.post("/admin/logout/").status_code == 200
    assert "/login/" in browser.get(PAGE)["Location"]


def test_token_needs_no_second_factor(settings, anna, device):
    settings.REQUIRE_SECOND_FACTOR = ["all"]
    _, text = ApiToken.issue(user=anna, name="Shop")
    assert client_of().get("/bookings", HTTP_AUTHORIZATION=f"Bearer {text}").status_code == 200


def test_verification_costs_no_query(settings, anna):
    def count(browser):
        with CaptureQueriesContext(connection) as queries:
            assert is_in(browser)
        return len(queries)

    without = count(log_in())
    settings.REQUIRE_SECOND_FACTOR = ["door"]
    assert count(log_in()) == without
    settings.REQUIRE_SECOND_FACTOR = ["box-office"]
    assert count(log_in(code_of(TOTPDevice.objects.create(user=anna).key))) == without


def test_remove_and_renew_ask_for_a_code(anna, device):
    old, first, *_ = second_factor.renew_recovery_codes(anna)
    browser = log_in(code_of(device.key))
    for button in ({"remove": "x"}, {}):
        assert browser.post(PAGE, {"code": "", **button}).context["form"].errors.keys() == {"code"}
    page = browser.post(PAGE, {"code": first})
    assert len(CODE.findall(page.content.decode())) == 10
    assert browser.post(PAGE, {"code": old, "remove": "x"}).status_code == 200
    assert TOTPDevice.objects.exists()
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)):
        assert browser.post(PAGE, {"code": code_of(device.key), "remove": "x"}).status_code == 302
    assert (TOTPDevice.objects.count(), StaticToken.objects.count()) == (0, 0)
    assert is_in(log_in())


def test_superuser_resets_the_second_factor_of_another(anna, device):
    second_factor.renew_recovery_codes(anna)
    root = staff()
    assert act(root, "reset_second_factor", anna).templates[0].name == "admin/confirm.html"
    assert TOTPDevice.objects.exists()
    answer = act(root, "reset_second_factor", anna, confirmed="yes")
    assert [level for level, _ in messages_of(answer)] == ["success"]
    assert (TOTPDevice.objects.count(), StaticToken.objects.count()) == (0, 0)
    assert LogEntry.objects.get().object_id == str(anna.pk)


def test_operator_resets_it_by_a_command(anna, device, capsys):
    call_command("reset_second_factor", "anna")
    assert is_in(log_in())
    for name in ("anna", "nobody"):
        with pytest.raises(CommandError):
            call_command("reset_second_factor", name)


def test_keys_are_on_no_page_of_the_admin(anna, device):
    browser = staff()
    assert browser.get("/admin/otp_totp/totpdevice/").status_code == 404
    for page in ("/admin/auth/user/", f"/admin/auth/user/{anna.pk}/change/", f"/admin/auth/user/{anna.pk}/history/"):
        assert device.key not in browser.get(page).content.decode()
