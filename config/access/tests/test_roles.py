import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from config.access.roles import PERMISSIONS, Role

pytestmark = pytest.mark.django_db

READ_CATALOGUE = {"venues.view_venue", "events.view_event", "ticket_types.view_tickettype"}
READ_SALES = {"bookings.view_booking", "bookings.view_bookingitem", "bookings.view_ticket"}
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
    assert permissions(group) == PERMISSIONS[Role(Role.values[Role.labels.index(group)])]


def test_nobody_but_managers_writes_the_catalogue():
    writing = {name for name in CATALOGUE if "view" not in name} | {"events.publish_event", "events.cancel_event"}
    assert {group for group in EXPECTED if permissions(group) & writing} == {"Manager"}


def test_there_are_no_other_groups():
    assert set(Group.objects.values_list("name", flat=True)) == set(EXPECTED)


def test_migrate_leaves_what_staff_changed():
    door = Group.objects.get(name="Door")
    door.permissions.clear()
    call_command("migrate", verbosity=0)
    assert permissions("Door") == set()


def test_migrate_makes_a_group_that_is_missing():
    Group.objects.get(name="Door").delete()
    call_command("migrate", verbosity=0)
    assert permissions("Door") == PERMISSIONS[Role.DOOR]
