"""The four roles that staff and programs can have, as Django groups with Django's permissions."""

from typing import Any

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import models, router, transaction

CATALOGUE = ("venues.venue", "events.event", "ticket_types.tickettype")
SALES = ("bookings.booking", "bookings.ticket")


class Role(models.TextChoices):
    MANAGER = "manager", "Manager"
    BOX_OFFICE = "box-office", "Box office"
    DOOR = "door", "Door"
    AUDITOR = "auditor", "Auditor"


def on(verb: str, *resources: str) -> set[str]:
    """The permissions for one verb on some models: `on("view", "venues.venue")` is `{"venues.view_venue"}`."""
    return {"{}.{}_{}".format(resource.split(".")[0], verb, resource.split(".")[1]) for resource in resources}


VIEW_CATALOGUE = on("view", *CATALOGUE)
VIEW_SALES = on("view", *SALES)
MANAGE_CATALOGUE = {
    *VIEW_CATALOGUE,
    *on("add", *CATALOGUE),
    *on("change", *CATALOGUE),
    *on("delete", *CATALOGUE),
    "events.publish_event",
    "events.cancel_event",
}
SELL = {
    *on("add", "bookings.booking"),
    *on("change", "bookings.booking"),
    "bookings.confirm_booking",
    "bookings.cancel_booking",
}
CHECK_IN = {"bookings.check_in_ticket"}
REPORTS = {"bookings.view_reports"}
TOKENS = {*on("view", "access.apitoken"), *on("add", "access.apitoken"), *on("change", "access.apitoken")}

PERMISSIONS: dict[str, set[str]] = {
    Role.MANAGER: {*MANAGE_CATALOGUE, *VIEW_SALES, *SELL, *CHECK_IN, *REPORTS, *TOKENS},
    Role.BOX_OFFICE: {*VIEW_CATALOGUE, *VIEW_SALES, *SELL, *CHECK_IN, *REPORTS},
    Role.DOOR: {*VIEW_CATALOGUE, *on("view", "bookings.ticket"), *CHECK_IN},
    Role.AUDITOR: {*VIEW_CATALOGUE, *VIEW_SALES, *REPORTS},
}
APPS = sorted({name.split(".")[0] for names in PERMISSIONS.values() for name in names})


def set_up(using: str, apps: Any = installed) -> None:
    """Brings each role's group from what it was given last to what the role is now.

    Only the difference is applied: what staff took from a group stays away, what they added stays. A group that is
    gone is made again; nobody is in it. `apps` are the models as a migration left them.
    """
    try:
        groups = apps.get_model("access", "RoleGroup").objects.using(using)
        permissions = apps.get_model("auth", "Permission").objects.using(using)
    except LookupError:  # the migrations were taken back to before there were any
        return
    if not router.allow_migrate_model(using, groups.model):
        return
    given = {row.role: set(row.given) for row in groups}
    if all(given.get(role) == PERMISSIONS[role] for role in Role):
        return
    for label in APPS:
        create_permissions(installed.get_app_config(label), verbosity=0, using=using, apps=apps)
    rows = permissions.values_list("content_type__app_label", "codename", "pk")
    ids = {f"{label}.{codename}": pk for label, codename, pk in rows}
    for role in Role:
        if PERMISSIONS[role] <= ids.keys():  # the last of the migrations finds all of them in place
            with transaction.atomic(using=using):
                bring_up_to_date(role, apps, using, ids)


def bring_up_to_date(role: Role, apps: Any, using: str, ids: dict[str, int]) -> None:
    now = PERMISSIONS[role]
    kept = apps.get_model("access", "RoleGroup").objects.using(using)
    row = kept.filter(role=role).select_related("group").first()
    if row is None:
        group, is_new = apps.get_model("auth", "Group").objects.using(using).get_or_create(name=role.label)
        row = kept.model(role=role, group=group)
        before = set() if is_new else now  # a group that staff made by this name is theirs as it is
    else:
        before = set(row.given)
    row.group.permissions.add(*(ids[name] for name in now - before))
    row.group.permissions.remove(*(ids[name] for name in before - now if name in ids))
    row.given = sorted(now)
    row.save(using=using)
