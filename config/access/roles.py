"""The four roles that staff and programs can have, as Django groups with Django's permissions."""

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db import models

CATALOGUE = ("venues.venue", "events.event", "ticket_types.tickettype")
SALES = ("bookings.booking", "bookings.bookingitem", "bookings.ticket")
MANAGED_APPS = ("access", "venues", "events", "ticket_types", "bookings")


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
SELL = {
    *on("add", "bookings.booking"),
    *on("change", "bookings.booking"),
    "bookings.confirm_booking",
    "bookings.cancel_booking",
}

PERMISSIONS: dict[str, set[str]] = {
    Role.MANAGER: {
        *VIEW_CATALOGUE,
        *on("add", *CATALOGUE),
        *on("change", *CATALOGUE),
        *on("delete", *CATALOGUE),
        "events.publish_event",
        "events.cancel_event",
        *VIEW_SALES,
        *SELL,
        "bookings.check_in_ticket",
        "bookings.view_reports",
        *on("view", "access.apitoken"),
        *on("add", "access.apitoken"),
        *on("change", "access.apitoken"),
    },
    Role.BOX_OFFICE: {*VIEW_CATALOGUE, *VIEW_SALES, *SELL, "bookings.check_in_ticket", "bookings.view_reports"},
    Role.DOOR: {*VIEW_CATALOGUE, *on("view", "bookings.ticket"), "bookings.check_in_ticket"},
    Role.AUDITOR: {*VIEW_CATALOGUE, *VIEW_SALES, "bookings.view_reports"},
}


def set_up(using: str) -> None:
    """Makes each role's group when there is none. What staff changed in a group afterwards stays as it is."""
    missing = set(Role.labels) - set(Group.objects.using(using).values_list("name", flat=True))
    if not missing:
        return
    for label in MANAGED_APPS:
        create_permissions(apps.get_app_config(label), verbosity=0, using=using)
    known = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.using(using).select_related("content_type")
    }
    for role in Role:
        if role.label in missing and PERMISSIONS[role] <= known.keys():
            group = Group.objects.using(using).create(name=role.label)
            group.permissions.set([known[name] for name in PERMISSIONS[role]])
