from django.db import migrations
from django.db.models import Case, CheckConstraint, ExpressionWrapper, F, OuterRef, Q, Subquery, Sum, Value, When

from config import money
from config.operations import AddCheckInUse

MONEY = money.MoneyField()


def manager(apps, schema_editor, name):
    return apps.get_model("bookings", name)._base_manager.using(schema_editor.connection.alias)


def fill(apps, schema_editor):
    """For the payments that are marked already: what the places cost that were not cancelled one by one before.

    Nothing tells whether the price of those was given back, as staff were told to: for them nothing becomes due.
    """
    items = manager(apps, schema_editor, "BookingItem").filter(booking=OuterRef("pk"))
    cost = Sum(ExpressionWrapper(F("unit_price") * F("cancelled_quantity"), output_field=MONEY))
    cancelled = Subquery(items.order_by().values("booking").annotate(cost=cost).values("cost"), output_field=MONEY)
    some = When(cancelled_quantity__gt=0, then=cancelled)
    due = manager(apps, schema_editor, "Booking").filter(refund_due=True, refund_amount=0)
    due.update(refund_amount=F("total_price") - Case(some, default=Value(0), output_field=MONEY))
    due.update(refund_due=False)  # what cost nothing


def unmark(apps, schema_editor):
    """The release before marks no payment of a booking that lives."""
    live = manager(apps, schema_editor, "Booking").filter(refund_due=True, status="confirmed")
    live.update(refund_due=False, refund_amount=0)


class Migration(migrations.Migration):
    atomic = False
    allowed = {"ban-drop-constraint": "The checks that take its place refuse all that it did, but for refunds in part."}
    dependencies = [("bookings", "0005_refund_amount")]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RemoveConstraint("booking", "booking_refund_is_due_only_for_a_payment_without_places"),
        migrations.RunPython(migrations.RunPython.noop, unmark),
        AddCheckInUse(
            model_name="booking",
            constraint=CheckConstraint(
                condition=Q(refund_due=False, refund_amount=0) | Q(refund_due=True, refund_amount__gt=0),
                name="booking_refund_is_due_when_there_is_an_amount",
                violation_error_message="A refund is due when there is an amount to pay back, and only then.",
                violation_error_code="invalid-refund",
            ),
        ),
        AddCheckInUse(
            model_name="booking",
            constraint=CheckConstraint(
                condition=Q(refund_amount=0) | Q(refund_amount__gt=0, refund_amount__lte=F("total_price")),
                name="booking_refund_amount_is_0_to_its_total_price",
                violation_error_message="Nobody is paid back more than the total.",
                violation_error_code="invalid-refund",
            ),
        ),
        AddCheckInUse(
            model_name="booking",
            constraint=CheckConstraint(
                condition=Q(refund_amount=0)
                | ~Q(payment_reference="")
                & (Q(status__in=["cancelled", "expired"]) | Q(status="confirmed", cancelled_quantity__gt=0)),
                name="booking_refund_is_due_only_for_places_paid_and_not_had",
                violation_error_message="A refund is due only for a payment that has no places, or not all of them.",
                violation_error_code="invalid-refund",
            ),
        ),
    ]
