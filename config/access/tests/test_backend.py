import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission

from config.access.roles import PERMISSIONS, Role
from conftest import make_user


def again(user):
    return get_user_model().objects.get(pk=user.pk)


@pytest.mark.parametrize("role", Role)
def test_account_may_what_its_roles_and_its_own_permissions_say(db, role, django_assert_num_queries):
    user = make_user(role)
    make_user(Role.MANAGER, username="other").user_permissions.add(Permission.objects.get(codename="delete_user"))
    user.user_permissions.add(Permission.objects.get(codename="view_session"))
    with django_assert_num_queries(1):
        found = user.get_all_permissions()
        assert user.has_perm("sessions.view_session")
    assert found == {*PERMISSIONS[role], "sessions.view_session"}
    assert found == ModelBackend().get_all_permissions(again(user))


def test_what_is_taken_away_is_gone_at_the_next_request(db):
    user = make_user(Role.DOOR)
    assert user.has_perm("bookings.check_in_ticket")
    user.groups.clear()
    assert not again(user).has_perm("bookings.check_in_ticket")


@pytest.mark.parametrize(("data", "may"), [({"is_active": False}, False), ({"is_superuser": True}, True)])
def test_account_that_is_closed_may_nothing_and_a_superuser_everything(db, data, may):
    user = make_user(Role.DOOR, **data)
    assert user.has_perm("bookings.check_in_ticket") is may
    assert bool(user.get_all_permissions()) is may
    assert user.has_perm("venues.delete_venue") is (may and user.is_superuser)
