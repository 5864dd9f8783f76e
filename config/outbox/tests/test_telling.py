"""Each verb writes a change in its transaction, with the resource as the API shows it."""

import datetime as dt
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bookings.lifecycle import telling as of_bookings
from bookings.lifecycle.states import TRANSITIONS
from bookings.models import Booking, BookingChange
from bookings.problems import SoldOut
from config.outbox.models import FeedChange
from config.outbox.telling import resources
from config.outbox.types import PERMISSIONS, TYPES
from events.inventory import release_due
from events.models import Event

pytestmark = [pytest.mark.both, pytest.mark.django_db]


@pytest.fixture
def seat(make_type, make_event):
    return make_type(event=make_event(capacity=10))


def shown(client, path):
    """What the API shows, without what the clock changes."""
    return steady(client.get(path).json())


def steady(data):
    return {name: value for name, value in data.items() if name != "expires_in"}


def told(booking):
    return [(it.type, it.by) for it in FeedChange.objects.of("booking", [booking.pk]).order_by("pk")]


def part(booking):
    with pytest.raises(Exception, match="missing"):
        booking.confirm(payment_reference="p1", amount=Decimal("1.00"), may_be_unpaid=False)


VERBS = {
    "booking.confirmed": lambda booking: booking.confirm(payment_reference="p1"),
    "booking.cancelled": lambda booking: booking.cancel(reason="ill"),
    "booking.extended": lambda booking: booking.extend(hold=dt.timedelta(minutes=50)),
    "booking.corrected": lambda booking: booking.correct(customer_name="Ann Li", by="staff"),
    "booking.paid": part,
}


@pytest.mark.parametrize("name", VERBS)
def test_change_has_what_the_api_shows(name, book, seat, auditor):
    booking = book((seat, 2))
    VERBS[name](booking)
    (change,) = FeedChange.objects.filter(type=name)
    assert (change.object_type, change.object_id) == ("booking", str(booking.pk))
    assert steady(change.data) == shown(auditor, f"/bookings/{booking.pk}")
    assert "secret" not in change.data


def test_placed_booking_is_told(book, seat, auditor):
    booking = book((seat, 2))
    (change,) = FeedChange.objects.filter(type="booking.placed")
    assert list(steady(change.data)) == list(shown(auditor, f"/bookings/{booking.pk}"))  # in the same order, too
    assert steady(change.data) == shown(auditor, f"/bookings/{booking.pk}")
    assert (change.by, change.position) == ("anonymous", None)


def test_life_of_a_booking_is_told_in_order(book, seat, manager):
    booking = book((seat, 3))
    base = f"/bookings/{booking.pk}"
    manager.post(f"{base}/confirm", {"payment_reference": "p1"})
    codes = list(booking.tickets.values_list("code", flat=True))
    manager.post(f"/tickets/{codes[0]}/check-in")
    manager.post(f"/tickets/{codes[0]}/undo-check-in")
    manager.post(f"{base}/cancel", {"tickets": codes[:1]})
    manager.post(f"{base}/refunds", {})
    manager.post(f"{base}/confirm", {"payment_reference": "p2"})
    manager.post(f"{base}/cancel", {})
    assert told(booking) == [
        ("booking.placed", "anonymous"),
        *[(f"booking.{it}", "manager") for it in ("confirmed", "partly_cancelled", "refunded", "paid", "cancelled")],
    ]
    (ticket, undone) = FeedChange.objects.of("ticket", codes).order_by("pk")
    assert (ticket.type, ticket.data["status"], ticket.object_id) == ("ticket.checked_in", "checked_in", codes[0])
    assert (undone.type, undone.data["status"]) == ("ticket.check_in_undone", "valid")
    payments = FeedChange.objects.filter(object_type="payment").order_by("pk")
    assert [it.type for it in payments] == ["payment.succeeded", "refund.succeeded", "payment.succeeded"]
    assert [it["status"] for it in payments[1].data["refunds"]] == ["succeeded"]


def test_late_payment_is_told(book, seat, pass_time):
    booking = book((seat, 10))
    pass_time(minutes=16)
    booking.confirm(payment_reference="p1")
    assert [name for name, _ in told(booking)][-2:] == ["booking.expired", "booking.confirmed"]


def test_payment_that_comes_too_late_is_told(book, seat, pass_time):
    booking = book((seat, 10))
    pass_time(minutes=16)
    book((seat, 1))
    with pytest.raises(Exception, match="expired"):
        booking.confirm(payment_reference="p1")
    assert told(booking)[-1][0] == "booking.payment_refused"
    assert FeedChange.objects.filter(type="booking.payment_refused").get().data["refund_due"] is True


def test_refusal_tells_nothing(book, seat):
    book((seat, 10))
    before = FeedChange.objects.count()
    with pytest.raises(SoldOut):
        book((seat, 1))
    with transaction.atomic():
        Booking.objects.get().cancel()
        transaction.set_rollback(True)
    assert FeedChange.objects.count() == before


@pytest.mark.parametrize("verb", [lambda event: release_due(), lambda event: event.cancel(at=timezone.now(), by="Eve")])
def test_bulk_has_as_many_statements_however_many_bookings(verb, book, make_type, make_event, pass_time):
    counts = []
    for number in (1, 4):
        seat = make_type(event=make_event(capacity=10))
        for _ in range(number):
            book((seat, 1))
        if verb.__code__.co_names[0] == "release_due":
            pass_time(minutes=16)
        before = FeedChange.objects.filter(type__in=("booking.expired", "booking.cancelled")).count()
        with CaptureQueriesContext(connection) as seen:
            verb(Event.objects.get(pk=seat.event_id))
        counts.append(len(seen))
        after = FeedChange.objects.filter(type__in=("booking.expired", "booking.cancelled")).count()
        assert after - before == number
    assert counts[0] == counts[1]


def test_catalogue_is_told(manager, auditor):
    hall = {"name": "Old Hall", "address": "1 Main Street", "capacity": 500, "timezone": "Europe/Vienna"}
    venue = manager.post("/venues", hall).json()["id"]
    manager.patch(f"/venues/{venue}", {"capacity": 400})
    times = {"starts_at": "2090-01-01T19:00:00Z", "ends_at": "2090-01-01T22:00:00Z"}
    event = manager.post("/events", {"venue": venue, "name": "Concert", **times}).json()["id"]
    seat = manager.post("/ticket-types", {"event": event, "name": "Seat", "price": "49.90"}).json()["id"]
    manager.post(f"/events/{event}/publish")
    published = FeedChange.objects.get(type="event.published")
    assert published.data == shown(auditor, f"/events/{event}")
    assert FeedChange.objects.get(type="venue.changed").data == shown(auditor, f"/venues/{venue}")
    assert FeedChange.objects.get(type="ticket_type.created").data == {
        **shown(auditor, f"/ticket-types/{seat}"),
        "availability": {"status": "not_published", "quantity": None, "reserved": 0, "available": 400},
    }
    manager.post(f"/events/{event}/cancel")
    manager.delete(f"/venues/{venue}")
    names = list(FeedChange.objects.order_by("pk").values_list("type", "by"))
    assert names == [
        (name, "manager")
        for name in (
            "venue.created", "venue.changed", "event.created", "ticket_type.created", "event.published",
            "event.cancelled", "ticket_type.deleted", "event.deleted", "venue.deleted",
        )
    ]  # fmt: skip
    gone = FeedChange.objects.get(type="event.deleted")
    assert (gone.object_id, gone.data) == (str(event), None)


def test_list_of_ticket_types_is_told_in_one_statement(manager, make_event):
    event = make_event()
    rows = [{"event": event.pk, "name": f"Type {number}", "price": "1"} for number in range(5)]
    with CaptureQueriesContext(connection) as seen:
        assert manager.post("/ticket-types/bulk", {"ticket_types": rows}).status_code == 201
    assert sum('INTO "outbox_feedchange"' in query["sql"] for query in seen) == 1
    assert FeedChange.objects.filter(type="ticket_type.created").count() == 5


# Personal data


@pytest.mark.parametrize("erase", ["erase_customer", "purge"])
def test_erasure_erases_what_was_told_and_tells_it(erase, book, seat, pass_time, capsys):
    booking = book((seat, 2)).confirm(payment_reference="p1")
    ticket = booking.tickets.first()
    ticket.check_in(at=timezone.now())
    other = book((seat, 1), customer_name="Bob", customer_email="bob@example.com").confirm()
    pass_time(days=60)
    if erase == "purge":
        Booking.objects.filter(pk=other.pk).update(customer_key="erased")  # not this one
        call_command("purge", older_than="1d")
    else:
        Booking.erase_customer("ann@example.com")
    assert told(booking)[-1][0] == "booking.erased"
    ids = {"booking": [booking.pk], "ticket": [ticket.code], "payment": [booking.payments.get().pk]}
    for resource, found in ids.items():
        assert set(FeedChange.objects.of(resource, found).values_list("data", flat=True)) == {None}
    assert FeedChange.objects.of("booking", [other.pk]).first().data["customer_name"] == "Bob"


def test_attempt_that_is_purged_is_told(book, seat, pass_time, capsys):
    booking = book((seat, 1))
    pass_time(days=60)
    call_command("purge", older_than="1d")
    assert told(booking)[-1] == ("booking.deleted", "system")
    assert set(FeedChange.objects.of("booking", [booking.pk]).values_list("data", flat=True)) == {None}


# The table


def test_every_type_is_of_a_resource_that_is_shown():
    assert {it.resource for it in TYPES.values()} == set(PERMISSIONS) == set(resources)
    assert all(it.name.split(".")[0] in (it.resource, "refund") for it in TYPES.values())
    assert all(it.description.endswith(".") for it in TYPES.values())


def test_every_verb_of_bookings_has_a_type():
    verbs = {it.verb for it in TRANSITIONS} | set(of_bookings.PARTICIPLES)
    assert {f"booking.{of_bookings.PARTICIPLES[verb]}" for verb in verbs} == {
        it.name for it in TYPES.values() if it.resource == "booking" and it.name != "booking.deleted"
    }
    assert {f"ticket.{it}" for it in of_bookings.OF_TICKETS.values()} <= set(TYPES)


def test_verb_is_told_or_known_as_not_told(book, seat):
    booking = book((seat, 1))
    booking.renew_secret()
    verbs = set(BookingChange.objects.values_list("verb", flat=True))
    assert verbs == {"place", "renew secret"}
    assert verbs - set(of_bookings.PARTICIPLES) == verbs & of_bookings.NOT_TOLD
