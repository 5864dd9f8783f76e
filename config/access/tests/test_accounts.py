"""Users cannot give rights that they lack, or take over an account or a group that has more."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django_otp.plugins.otp_totp.models import TOTPDevice

from config.access.roles import Role
from config.tests.harness.pages import act, form_on, staff, url
from conftest import make_user

pytestmark = [pytest.mark.both, pytest.mark.django_db]

ACCOUNTS = [f"{verb}_{model}" for model in ("user", "group") for verb in ("view", "add", "change", "delete")]


@pytest.fixture
def keeper():
    """A door's account that also manages accounts."""
    browser = staff(Role.DOOR)
    user = User.objects.get(username="staff-door")
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="auth", codename__in=ACCOUNTS))
    return browser, user


def change(browser, user, **typed):
    form = form_on(browser.get(url(user, "change", user.pk)), User)
    answer = browser.post(url(user, "change", user.pk), {**form, "username": user.username, "is_active": "on", **typed})
    user.refresh_from_db()
    return answer.status_code


def test_keeper_makes_nobody_a_superuser(keeper):
    browser, user = keeper
    assert change(browser, user, is_staff="on", is_superuser="on", first_name="Changed") == 302
    assert (user.first_name, user.is_superuser) == ("Changed", False)


def test_keeper_gives_only_what_the_account_has(keeper):
    browser, _ = keeper
    spare = make_user(username="spare")
    door, manager = Group.objects.get(name="Door"), Group.objects.get(name="Manager")
    right = Permission.objects.get(codename="add_booking")
    assert change(browser, spare, groups=[manager.pk]) == 200
    assert change(browser, spare, user_permissions=[right.pk]) == 200
    assert change(browser, spare, groups=[door.pk]) == 302
    assert list(spare.groups.all()) == [door]
    data = {"name": "Own", "permissions": [right.pk]}
    assert browser.post(url(Group, "add"), data).status_code == 200
    assert not Group.objects.filter(name="Own").exists()


@pytest.mark.parametrize("greater", [{"is_superuser": True}, {"role": Role.MANAGER, "is_active": False}])
def test_keeper_does_not_take_over_a_greater_account(keeper, greater):
    browser, _ = keeper
    other = make_user(username="other", **greater)
    TOTPDevice.objects.create(user=other)
    data = {"password1": "better-Password-2", "password2": "better-Password-2", "usable_password": "true"}
    assert browser.post(f"/admin/auth/user/{other.pk}/password/", data).status_code == 403
    assert browser.post(url(other, "change", other.pk), {"email": "mine@example.com"}).status_code == 403
    assert browser.post(url(other, "delete", other.pk), {"post": "yes"}).status_code == 403
    act(browser, "delete_selected", other, post="yes")
    act(browser, "reset_second_factor", other, confirmed="yes")
    stored = User.objects.get(pk=other.pk)
    assert (stored.password, stored.email, TOTPDevice.objects.count()) == (other.password, "", 1)


def test_keeper_does_not_change_a_greater_group(keeper):
    browser, _ = keeper
    manager = Group.objects.get(name="Manager")
    for page in ("change", "delete"):
        assert browser.post(url(manager, page, manager.pk), {"name": "x", "post": "yes"}).status_code == 403
    act(browser, "delete_selected", manager, post="yes")
    assert Group.objects.filter(name="Manager").exists()


def test_passwords_are_in_no_list_history_or_export():
    browser = staff()
    user = make_user(username="anna")
    user.set_password("right-Password-1")
    user.save()
    for page in ("changelist", "history"):
        shown = browser.get(url(user, page, *([user.pk] if page == "history" else []))).content.decode()
        assert user.password not in shown
    assert user.password not in browser.get(url(user, "change", user.pk)).content.decode()
    assert browser.get("/admin/auth/user/export/").status_code in (302, 404)
