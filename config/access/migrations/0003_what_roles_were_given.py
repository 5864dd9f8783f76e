from django.db import migrations

# What release 0.1.0 gave to the groups that it made, so that what is new since then can be told from what staff took.
CATALOGUE = {
    f"{label}.{verb}_{model}"
    for label, model in (("venues", "venue"), ("events", "event"), ("ticket_types", "tickettype"))
    for verb in ("view", "add", "change", "delete")
}
VIEW_CATALOGUE = {name for name in CATALOGUE if ".view_" in name}
VIEW_SALES = {"bookings.view_booking", "bookings.view_bookingitem", "bookings.view_ticket"}
SELL = {"bookings.add_booking", "bookings.change_booking", "bookings.confirm_booking", "bookings.cancel_booking"}
DESK = {"bookings.check_in_ticket", "bookings.view_reports"}
EVENTS = {"events.publish_event", "events.cancel_event"}
TOKENS = {"access.view_apitoken", "access.add_apitoken", "access.change_apitoken"}
GIVEN = {
    "manager": ("Manager", CATALOGUE | EVENTS | VIEW_SALES | SELL | DESK | TOKENS),
    "box-office": ("Box office", VIEW_CATALOGUE | VIEW_SALES | SELL | DESK),
    "door": ("Door", VIEW_CATALOGUE | {"bookings.view_ticket", "bookings.check_in_ticket"}),
    "auditor": ("Auditor", VIEW_CATALOGUE | VIEW_SALES | {"bookings.view_reports"}),
}


def remember_what_was_given(apps, schema_editor):
    group_class, row_class = apps.get_model("auth", "Group"), apps.get_model("access", "RoleGroup")
    using = schema_editor.connection.alias
    for role, (label, given) in GIVEN.items():
        for group in group_class.objects.using(using).filter(name=label):
            row_class.objects.using(using).create(role=role, group=group, given=sorted(given))


class Migration(migrations.Migration):
    dependencies = [("access", "0002_scopes_and_role_groups")]

    operations = [migrations.RunPython(remember_what_was_given, migrations.RunPython.noop)]
