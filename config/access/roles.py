"""The roles of staff and programs. Each is a Django group; ROLE_PERMISSIONS says what it may do."""

from typing import Any

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import models, router, transaction


class Role(models.TextChoices):
    MANAGER = "manager", "Manager"
    BOX_OFFICE = "box-office", "Box office"
    DOOR = "door", "Door"
    AUDITOR = "auditor", "Auditor"


VIEW_CATALOGUE = {"venues.view_venue", "events.view_event", "ticket_types.view_tickettype"}
MANAGE_CATALOGUE = {
    *VIEW_CATALOGUE,
    *("venues.add_venue", "venues.change_venue", "venues.delete_venue"),
    *("events.add_event", "events.change_event", "events.delete_event"),
    *("events.publish_event", "events.cancel_event"),
    *("ticket_types.add_tickettype", "ticket_types.change_tickettype", "ticket_types.delete_tickettype"),
}
VIEW_TICKETS = {"bookings.view_ticket"}
VIEW_SALES = {"bookings.view_booking", *VIEW_TICKETS}
VIEW_MAILS = {"booking_messages.view_message"}
VIEW_PAYMENTS = {"payments.view_payment", "payments.view_refund"}
SELL = {
    *("bookings.add_booking", "bookings.change_booking", "bookings.confirm_booking", "bookings.cancel_booking"),
    *("bookings.refund_booking", *VIEW_PAYMENTS, *VIEW_MAILS),
}
SELL_UNPAID = {"bookings.confirm_unpaid"}  # on invoice, at the counter
MANAGE_REFUNDS = {"bookings.refund_more", "payments.view_providerevent"}
VIEW_ADMISSIONS = {"bookings.view_admissions"}
CHECK_IN = {"bookings.check_in_ticket", *VIEW_ADMISSIONS}
VIEW_REPORTS = {"bookings.view_reports", *VIEW_ADMISSIONS}
VIEW_CHANGES = {"outbox.view_feedchange"}
VIEW_WEBHOOKS = {"webhooks.view_webhookendpoint", "webhooks.view_webhookdelivery"}
MANAGE_WEBHOOKS = {
    *VIEW_WEBHOOKS,
    *("webhooks.add_webhookendpoint", "webhooks.change_webhookendpoint", "webhooks.delete_webhookendpoint"),
}
VIEW_METRICS = {"metrics.view_metrics"}
MANAGE_TOKENS = {"access.view_apitoken", "access.add_apitoken", "access.change_apitoken"}

ROLE_PERMISSIONS: dict[str, set[str]] = {
    Role.MANAGER: MANAGE_CATALOGUE
    | VIEW_SALES
    | SELL
    | SELL_UNPAID
    | MANAGE_REFUNDS
    | CHECK_IN
    | VIEW_REPORTS
    | VIEW_CHANGES
    | VIEW_METRICS
    | MANAGE_WEBHOOKS
    | MANAGE_TOKENS,
    Role.BOX_OFFICE: VIEW_CATALOGUE | VIEW_SALES | SELL | SELL_UNPAID | CHECK_IN | VIEW_REPORTS,
    Role.DOOR: VIEW_CATALOGUE | VIEW_TICKETS | CHECK_IN,
    Role.AUDITOR: {
        *(VIEW_CATALOGUE | VIEW_SALES | VIEW_PAYMENTS | VIEW_MAILS | VIEW_REPORTS),
        *(VIEW_CHANGES | VIEW_METRICS | VIEW_WEBHOOKS),
    },
}
APPS = sorted({name.split(".")[0] for names in ROLE_PERMISSIONS.values() for name in names})


def set_up_roles(using: str, apps: Any = installed, **kwargs: Any) -> None:
    """Creates the groups of the roles, and gives them what is new in ROLE_PERMISSIONS.

    Receives post_migrate after each app, with the models (`apps`) as its migrations left them. Only differences since
    the last time are applied: staff's own changes to a group stay. A deleted group is created again, without users.
    """
    try:
        groups = apps.get_model("access", "RoleGroup").objects.using(using)
        permissions = apps.get_model("auth", "Permission").objects.using(using)
    except LookupError:  # migrated back to before these models
        return
    if not router.allow_migrate_model(using, groups.model):
        return
    given = {row.role: set(row.given) for row in groups}
    if all(given.get(role) == ROLE_PERMISSIONS[role] for role in Role):
        return
    for label in APPS:
        create_permissions(installed.get_app_config(label), verbosity=0, using=using, apps=apps)
    rows = permissions.values_list("content_type__app_label", "codename", "pk")
    ids = {f"{label}.{codename}": pk for label, codename, pk in rows}
    for role in Role:
        if ROLE_PERMISSIONS[role] <= ids.keys():  # otherwise a later migration creates the missing ones
            with transaction.atomic(using=using):
                update_group(role, apps, using, ids)


def update_group(role: Role, apps: Any, using: str, ids: dict[str, int]) -> None:
    new = ROLE_PERMISSIONS[role]
    role_groups = apps.get_model("access", "RoleGroup").objects.using(using)
    row = role_groups.filter(role=role).select_related("group").first()
    if row is None:
        group, is_new = apps.get_model("auth", "Group").objects.using(using).get_or_create(name=role.label)
        row = role_groups.model(role=role, group=group)
        old = set() if is_new else new  # a group of this name that staff created stays as it is
    else:
        old = set(row.given)
    row.group.permissions.add(*(ids[name] for name in new - old))
    row.group.permissions.remove(*(ids[name] for name in old - new if name in ids))
    row.given = sorted(new)
    row.save(using=using)
