import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from config.access.models import RoleGroup
from config.access.roles import ROLE_PERMISSIONS, Role
from conftest import make_user

pytestmark = pytest.mark.django_db

READ_CATALOGUE = {"venues.view_venue", "events.view_event", "ticket_types.view_tickettype"}
READ_SALES = {"bookings.view_booking", "bookings.view_ticket"}
SELL = {"bookings.add_booking", "bookings.change_booking", "bookings.confirm_booking", "bookings.cancel_booking"}
DESK = {"bookings.check_in_ticket", "bookings.view_reports"}
CATALOGUE = {
    f"{app}.{verb}_{model}"
    for app, model in (("venues", "venue"), ("events", "event"), ("ticket_types", "tickettype"))
    for verb in ("view", "add", "change", "delete")
}
EXPECTED = {
    "Manager": CATALOGUE
    | {"events.publish_event", "events.cancel_event"}
    | {f"access.{verb}_apitoken" for verb in ("view", "add", "change")}
    | READ_SALES
    | SELL
    | DESK,
    "Box office": READ_CATALOGUE | READ_SALES | SELL | DESK,
    "Door": READ_CATALOGUE | {"bookings.view_ticket", "bookings.check_in_ticket"},
    "Auditor": READ_CATALOGUE | READ_SALES | {"bookings.view_reports"},
}


def permissions(group):
    rows = Permission.objects.filter(group__name=group).values_list("content_type__app_label", "codename")
    return {".".join(row) for row in rows}


@pytest.mark.parametrize("group", EXPECTED)
def test_group_exists_after_migrate_with_its_permissions(group):
    assert permissions(group) >= EXPECTED[group]
    assert permissions(group) == ROLE_PERMISSIONS[Role(Role.values[Role.labels.index(group)])]


def test_only_managers_write_the_catalogue():
    writing = {name for name in CATALOGUE if "view" not in name} | {"events.publish_event", "events.cancel_event"}
    assert {group for group in EXPECTED if permissions(group) & writing} == {"Manager"}


def test_there_are_no_other_groups():
    assert set(Group.objects.values_list("name", flat=True)) == set(EXPECTED)


def permission(name):
    label, codename = name.split(".")
    return Permission.objects.get(content_type__app_label=label, codename=codename)


@pytest.fixture
def release(monkeypatch):
    """Installs a release in which a role has these permissions."""

    def install(role, names):
        monkeypatch.setitem(ROLE_PERMISSIONS, role, set(names))
        call_command("migrate", verbosity=0)

    return install


def test_migrate_keeps_changes_of_staff():
    door = Group.objects.get(name="Door")
    door.permissions.set([permission("venues.change_venue")])
    call_command("migrate", verbosity=0)
    assert permissions("Door") == {"venues.change_venue"}


def test_release_adds_permissions_and_keeps_changes_of_staff(release):
    door = Group.objects.get(name="Door")
    door.permissions.remove(permission("venues.view_venue"))
    door.permissions.add(permission("venues.change_venue"))
    before = ROLE_PERMISSIONS[Role.DOOR]
    release(Role.DOOR, before | {"bookings.view_booking"})
    now = before - {"venues.view_venue"} | {"venues.change_venue", "bookings.view_booking"}
    assert permissions("Door") == now
    release(Role.DOOR, before | {"bookings.view_booking", "bookings.view_reports"})
    assert permissions("Door") == now | {"bookings.view_reports"}


def test_release_removes_only_what_it_had_given(release):
    Group.objects.get(name="Door").permissions.add(permission("venues.change_venue"))
    before = ROLE_PERMISSIONS[Role.DOOR]
    release(Role.DOOR, before - {"bookings.check_in_ticket", "venues.change_venue"})
    assert permissions("Door") == before - {"bookings.check_in_ticket"} | {"venues.change_venue"}


def test_release_does_not_restore_what_staff_removed(release):
    Group.objects.get(name="Door").permissions.remove(permission("bookings.check_in_ticket"))
    before = ROLE_PERMISSIONS[Role.DOOR]
    release(Role.DOOR, before | {"bookings.view_reports"})
    assert permissions("Door") == before - {"bookings.check_in_ticket"} | {"bookings.view_reports"}


def test_renamed_group_keeps_its_role(release):
    Group.objects.filter(name="Door").update(name="Einlass")
    release(Role.DOOR, ROLE_PERMISSIONS[Role.DOOR] | {"bookings.view_booking"})
    assert permissions("Einlass") == ROLE_PERMISSIONS[Role.DOOR]
    assert not Group.objects.filter(name="Door").exists()


def test_existing_group_with_the_name_of_a_role_keeps_its_permissions(release):
    Group.objects.filter(name="Door").delete()
    Group.objects.create(name="Door").permissions.set([permission("venues.change_venue")])
    call_command("migrate", verbosity=0)
    assert permissions("Door") == {"venues.change_venue"}
    release(Role.DOOR, ROLE_PERMISSIONS[Role.DOOR] | {"bookings.view_booking"})
    assert permissions("Door") == {"venues.change_venue", "bookings.view_booking"}


def test_migrate_creates_a_missing_group_without_users():
    make_user(Role.DOOR)
    Group.objects.get(name="Door").delete()
    call_command("migrate", verbosity=0)
    assert permissions("Door") == ROLE_PERMISSIONS[Role.DOOR]
    assert not Group.objects.get(name="Door").user_set.exists()


def test_missing_permission_waits_for_its_migration(release):
    before = permissions("Door")
    release(Role.DOOR, before | {"bookings.fly"})
    assert permissions("Door") == before
    assert RoleGroup.objects.get(role=Role.DOOR).given == sorted(before)
