"""The hand-written statements write the same rows as the ORM would."""

from decimal import Decimal

import pytest
from django.db import connection

from bookings.lifecycle import confirm
from bookings.lifecycle.offer import look
from bookings.lifecycle.place import BookingRequest, IdempotencyKey, Line
from bookings.models import Booking, BookingChange, BookingItem
from bookings.payments.ledger import Receipt
from bookings.payments.models import Payment

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="The statements are for PostgreSQL.")


@pytest.fixture
def seller(django_user_model, db):
    return django_user_model.objects.create(username="seller")


@pytest.fixture
def claim(make_type, make_event, seller):
    """Claims two places of one ticket type and one of another; returns the booking."""
    event = make_event(capacity=10)
    types = [
        make_type(
            event=event, name=name, price=Decimal("0.10"), fee=Decimal("0.05"), tax_rate=Decimal("7.70"), capacity=5
        )
        for name in ("Ä “1”", "50 %s")
    ]
    lines = (Line(types[1].pk, 2), Line(types[0].pk, 1))
    data = {"customer_name": "Ann O'Neill", "customer_email": "ann@example.com", "metadata": {"basket": 'seven "7"'}}

    def place(key=None):
        return BookingRequest(lines=lines, **data, hold=None, key=key, by=seller).claim(
            look([it.ticket_type for it in lines])
        )

    return place


def stored(row, *ignored):
    """The values of all columns, as they are in the database."""
    found = type(row).objects.get(pk=row.pk)
    return {it.attname: getattr(found, it.attname) for it in row._meta.concrete_fields if it.attname not in ignored}


@pytest.mark.drifts
@pytest.mark.parametrize("key", [None, IdempotencyKey("user:1", "key %s", "f" * 64)])
def test_claim_writes_what_save_would(claim, key, seller):
    booking = claim(key)
    by_sql = [stored(booking), *map(stored, booking.item_list), stored(booking.changes.get(), "id")]
    assert Booking.objects.filter(pk=booking.pk).delete()
    booking.save(force_insert=True)
    BookingItem.objects.bulk_create(booking.item_list)
    change = BookingChange.entry(booking.pk, "place", "", "pending", by=seller, at=booking.created_at)
    change.save()
    assert by_sql == [stored(booking), *map(stored, booking.item_list), stored(change, "id")]


@pytest.mark.parametrize("receipt", [Receipt(), Receipt("pay_%s"), Receipt("pay_%s", Decimal("0.35"))])
def test_confirm_writes_what_the_orm_does(claim, seller, receipt):
    one, other = claim(), claim()
    one.receive(receipt, may_be_unpaid=True, by=seller)
    tickets = confirm.new_tickets(other, other.item_list)
    Payment.objects.update(reference="another")  # the same one would be the same payment
    assert confirm.confirm_in_steps(other, receipt, tickets, True, seller)
    ignored = ("id", "booking_id", "secret", "confirmation_code", "code", "at", "created_at", "expires_at",
               "confirmed_at", "updated_at", "succeeded_at", "reference")  # fmt: skip

    def rows(booking):
        related = (booking.tickets, booking.changes, booking.payments)
        return [stored(it, *ignored) for it in (booking, *(row for rows in related for row in rows.all()))]

    assert rows(one) == rows(other)
    assert len(rows(one)) == (7 if receipt.reference else 6)
    assert [stored(it) for it in one.ticket_list] == [stored(it) for it in one.tickets.all()]
    assert stored(one) == {name: getattr(one, name) for name in stored(one)}
    at = one.confirmed_at
    assert {it.created_at for it in one.ticket_list} == {one.changes.get(verb="confirm").at} == {at}
    assert {it.succeeded_at for it in one.payments.all()} <= {at}
