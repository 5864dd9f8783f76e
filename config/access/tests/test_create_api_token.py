import datetime as dt
import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.utils import timezone

from config.access.models import ApiToken, digest
from config.access.roles import Role
from conftest import client_of, make_user

pytestmark = pytest.mark.django_db


def nothing_created():
    return (get_user_model().objects.count(), ApiToken.objects.count()) == (0, 0)


@pytest.mark.parametrize("role", list(Role))
def test_creates_a_user_with_the_role_and_prints_the_token_alone(role, capsys):
    call_command("create_api_token", "web-shop", role=role.value)
    said = capsys.readouterr()
    text = said.out.removesuffix("\n")
    assert re.fullmatch(r"tbs_[\w-]{43}", text)
    user = get_user_model().objects.get()
    assert (user.username, user.is_staff, user.has_usable_password()) == ("web-shop", False, False)
    assert [group.name for group in user.groups.all()] == [role.label]
    token = ApiToken.objects.get()
    assert (token.user, token.name, token.digest) == (user, "web-shop", digest(text))
    assert text not in said.err


def test_token_works(capsys):
    call_command("create_api_token", "web-shop", "--role", "manager")
    text = capsys.readouterr().out.splitlines()[-1]
    body = {"name": "Hall", "address": "Street", "capacity": 10}
    assert client_of().post("/venues", body, HTTP_AUTHORIZATION=f"Bearer {text}").status_code == 201


def test_existing_user_gets_another_token_and_keeps_its_roles(capsys):
    user = make_user(Role.DOOR, username="anna")
    call_command("create_api_token", "anna")
    call_command("create_api_token", "anna", role="door")
    assert ApiToken.objects.filter(user=user).count() == 2
    assert [group.name for group in user.groups.all()] == ["Door"]
    assert get_user_model().objects.count() == 1


def test_refuses_a_role_that_would_reach_the_other_tokens_of_a_user():
    user = make_user(Role.DOOR, username="anna")
    with pytest.raises(CommandError, match=r"^The user anna is not in the group Auditor\."):
        call_command("create_api_token", "anna", role="auditor")
    assert ApiToken.objects.count() == 0
    assert [group.name for group in user.groups.all()] == ["Door"]


def test_scopes_narrow_and_purpose_names(capsys):
    call_command(
        "create_api_token", "shop", "--role=manager", "--scope=reports", "--scope=read", "--for=Nightly report"
    )
    assert ApiToken.objects.values("name", "scopes").get() == {"name": "Nightly report", "scopes": ["read", "reports"]}


def test_refuses_an_unknown_scope():
    with pytest.raises(CommandError, match="invalid choice: 'everything'"):
        call_command("create_api_token", "shop", "--role=manager", "--scope=everything")
    assert nothing_created()


def test_role_is_found_when_its_group_was_renamed(capsys):
    Group.objects.filter(name="Door").update(name="Einlass")
    call_command("create_api_token", "scanner", role="door")
    assert [group.name for group in get_user_model().objects.get().groups.all()] == ["Einlass"]


@pytest.mark.parametrize(("chosen", "days"), [([], 365), (["--days=30"], 30)])
def test_token_expires_in_a_year_unless_told(capsys, chosen, days):
    call_command("create_api_token", "web-shop", "--role=door", *chosen)
    lasts = ApiToken.objects.get().expires_at - timezone.now()
    assert dt.timedelta(days=days - 1, hours=23) < lasts <= dt.timedelta(days=days)


def test_token_without_expiry_is_a_choice(capsys):
    call_command("create_api_token", "web-shop", "--role=door", "--no-expiry")
    assert ApiToken.objects.get().expires_at is None


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("web-shop", {}, "No user web-shop. Choose the role of a new user with --role."),
        ("web-shop", {"role": "door", "days": 0}, "--days must be between 1 and 36500."),
        ("web-shop", {"role": "door", "days": 36_501}, "--days must be between 1 and 36500."),
        ("web shop", {"role": "door"}, "Enter a valid username."),
        ("", {"role": "door"}, "This field cannot be blank."),
        ("a" * 101, {"role": "door"}, "A name may have up to 100 characters."),
    ],
)
def test_refuses_in_one_line_and_creates_nothing(name, options, said):
    with pytest.raises(CommandError, match=f"^{re.escape(said)}"):
        call_command("create_api_token", name, **options)
    assert nothing_created()


def test_refuses_an_unknown_role():
    with pytest.raises(CommandError, match="invalid choice: 'king'"):
        call_command("create_api_token", "web-shop", "--role", "king")
    assert nothing_created()


def test_refuses_a_user_that_is_not_active():
    make_user(username="anna", is_active=False)
    with pytest.raises(CommandError, match=r"^The user anna is not active\.$"):
        call_command("create_api_token", "anna", role="door")
    assert ApiToken.objects.count() == 0


def test_refuses_a_role_whose_group_was_deleted():
    Group.objects.filter(name="Door").delete()
    with pytest.raises(CommandError, match=r"^The group Door does not exist\."):
        call_command("create_api_token", "web-shop", role="door")
    assert nothing_created()
