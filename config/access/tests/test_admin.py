import datetime as dt

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from config.access.models import ApiToken, digest
from config.access.roles import Role
from config.tests.harness.pages import act, faults_of, messages_of, staff, url

EMPTY = {"expires_at": ""}


def add(browser, **typed):
    return browser.post(url(ApiToken, "add"), {"name": "Shop", **EMPTY, **typed}, follow=True)


def token_text(answer):
    return answer.content.decode().split('<code id="token">')[1].split("</code>")[0]


def test_token_is_shown_once_after_it_was_made(db):
    browser = staff(Role.MANAGER)
    answer = add(browser)
    text = token_text(answer)
    token = ApiToken.objects.get()
    assert (token.digest, token.start) == (digest(text), text[:12])
    assert answer.content.decode().count(text) == 1
    assert "no-store" in answer["Cache-Control"]
    assert not any(text in str(cookie) for cookie in browser.cookies.values())
    assert not any(text in session.get_decoded().values() for session in Session.objects.all())
    for page in (url(ApiToken, "changelist"), url(ApiToken, "change", token.pk), url(ApiToken, "history", token.pk)):
        assert text not in browser.get(page).content.decode()


def test_token_is_narrowed_to_the_scopes_that_were_chosen(db):
    add(staff(Role.MANAGER), scopes=["reports", "check-in"])
    assert ApiToken.objects.get().scopes == ["check-in", "reports"]


def test_token_without_a_chosen_scope_is_not_narrowed(db):
    add(staff(Role.MANAGER))
    assert ApiToken.objects.get().scopes == []


def test_scope_that_there_is_not_makes_no_token(db):
    answer = add(staff(Role.MANAGER), scopes=["everything"])
    assert faults_of(answer) == {"scopes": ["Select a valid choice. everything is not one of the available choices."]}
    assert ApiToken.objects.count() == 0


def test_manager_makes_tokens_for_nobody_else(db, django_user_model):
    root = django_user_model.objects.create(username="root", is_superuser=True)
    browser = staff(Role.MANAGER)
    assert "user" not in browser.get(url(ApiToken, "add")).context["adminform"].form.fields
    add(browser, user=root.pk)
    assert ApiToken.objects.get().user.username == "staff-manager"


def test_superuser_makes_tokens_for_anybody(db, django_user_model):
    shop = django_user_model.objects.create(username="shop")
    add(staff(), user=shop.pk)
    assert ApiToken.objects.get().user == shop


def test_token_that_has_expired_already_is_not_made(db):
    answer = add(staff(Role.MANAGER), expires_at="2020-01-01T00:00")
    assert faults_of(answer) == {"expires_at": ["A token must expire after it is created."]}
    assert ApiToken.objects.count() == 0


@pytest.mark.parametrize("role", [None, Role.MANAGER])
def test_token_is_never_changed(db, django_user_model, role):
    user = django_user_model.objects.create(username="shop")
    token, _ = ApiToken.issue(user=user, name="Shop")
    answer = staff(role).post(url(ApiToken, "change", token.pk), {"name": "Mine", "digest": "0" * 64, **EMPTY})
    assert answer.status_code == 403
    assert list(ApiToken.objects.values_list("name", "digest")) == [("Shop", token.digest)]


def test_manager_revokes_tokens(db, django_user_model):
    user = django_user_model.objects.create(username="shop")
    token, _ = ApiToken.issue(user=user, name="Shop")
    answer = act(staff(Role.MANAGER), "revoke", token)
    assert messages_of(answer) == [("success", "Revoked: 1 API token.")]
    assert not ApiToken.objects.valid(timezone.now()).exists()


def test_manager_deletes_no_token(db, django_user_model):
    token, _ = ApiToken.issue(user=django_user_model.objects.create(username="shop"), name="Shop")
    browser = staff(Role.MANAGER)
    assert browser.post(url(ApiToken, "delete", token.pk), {"post": "yes"}).status_code == 403
    act(browser, "delete_selected", token, post="yes")
    assert ApiToken.objects.count() == 1


def test_superuser_deletes_tokens(db, django_user_model):
    token, _ = ApiToken.issue(user=django_user_model.objects.create(username="shop"), name="Shop")
    act(staff(), "delete_selected", token, post="yes")
    assert ApiToken.objects.count() == 0


def test_list_says_which_tokens_are_valid(db, django_user_model):
    now = timezone.now()
    user = django_user_model.objects.create(username="shop")
    ApiToken.issue(user=user, name="good", expires_at=now + dt.timedelta(days=31))
    ApiToken.issue(user=user, name="late", expires_at=now + dt.timedelta(days=29))
    revoked, _ = ApiToken.issue(user=user, name="gone")
    revoked.revoke(at=now)
    old, _ = ApiToken.issue(user=user, name="old")
    ApiToken.objects.filter(pk=old.pk).update(created_at=now - dt.timedelta(2), expires_at=now - dt.timedelta(1))
    page = staff().get(url(ApiToken, "changelist"))
    model_admin = page.context["cl"].model_admin
    assert {token.name: model_admin.state(token) for token in page.context["cl"].result_list} == {
        "good": "valid",
        "late": "expires soon",
        "gone": "revoked",
        "old": "expired",
    }
