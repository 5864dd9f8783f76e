import datetime as dt

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from bookings.payments.models import Payment
from bookings.personal_data import erase_customer
from bookings.problems import PaymentUnavailable
from config.idempotency.models import KeyedRequest
from config.idempotency.tests.creates import send, superuser
from config.outbox.upkeep import purge_keys
from config.tests.harness import matrix
from config.tests.harness.answers import refused
from conftest import client_of, holder_of, make_user
from events.models import Event
from venues.models import Venue

pytestmark = [pytest.mark.both, pytest.mark.usefixtures("sends_mail")]

KEY = "the-key-of-one-request-that-creates"
HEADERS = {"Idempotency-Key": KEY}
VENUE = {"name": "Hall", "address": "1 Main Street", "capacity": 10}


@pytest.fixture
def world(make_venue, make_event, make_type, book):
    return matrix.make_world(make_venue, make_event, make_type, book)


def open_venue(client):
    return client.post("/venues", VENUE, headers=HEADERS)


@pytest.mark.parametrize(("headers", "more"), [({}, 0), (HEADERS, 3)])
def test_key_costs_a_look_and_two_writes(headers, more, db):
    root, statements = superuser(), []

    def note(execute, sql, params, many, context):
        statements.append(sql.split()[0])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        assert root.post("/venues", VENUE, headers=headers).status_code == 201
    counts = [statements.count(verb) for verb in ("SELECT", "INSERT", "UPDATE")]
    assert sum(counts) == 6 + more, statements  # as in test_queries


def test_replay_shows_the_object_as_it_is_now(manager):
    first = open_venue(manager)
    manager.patch(f"/venues/{first.json()['id']}", {"name": "Renamed"})
    again = open_venue(manager)
    assert (again.status_code, again.json()["id"], again.json()["name"]) == (201, first.json()["id"], "Renamed")
    assert again["ETag"] == manager.get(f"/venues/{first.json()['id']}")["ETag"] != first["ETag"]


def test_replay_of_a_body_that_would_be_refused_now_answers(manager, make_event):
    seat = {"event": make_event().pk, "name": "Seat", "price": "1.00"}
    first = manager.post("/ticket-types", seat, headers=HEADERS)
    assert refused(manager.post("/ticket-types", seat), 409, "already-exists")
    again = manager.post("/ticket-types", seat, headers=HEADERS)
    assert (again.status_code, again.json()) == (201, first.json())


def test_replay_of_what_was_deleted_is_gone(manager):
    venue = open_venue(manager).json()["id"]
    manager.delete(f"/venues/{venue}")
    answer = open_venue(manager)
    assert refused(answer, 410, "created-object-gone")
    assert [entry["id"] for entry in answer.json()["errors"]] == [str(venue)]
    assert Venue.objects.count() == 0


def test_replay_of_several_of_which_one_was_deleted_names_it(manager, make_event):
    event = make_event().pk
    body = {"ticket_types": [{"event": event, "name": name, "price": "1.00"} for name in ("One", "Other")]}
    made = manager.post("/ticket-types/bulk", body, headers=HEADERS).json()["ticket_types"]
    again = manager.post("/ticket-types/bulk", body, headers=HEADERS)
    assert (again.status_code, [it["id"] for it in again.json()["ticket_types"]]) == (201, [it["id"] for it in made])
    manager.delete(f"/ticket-types/{made[1]['id']}")
    answer = manager.post("/ticket-types/bulk", body, headers=HEADERS)
    assert refused(answer, 410, "created-object-gone")
    assert [entry["id"] for entry in answer.json()["errors"]] == [str(made[1]["id"])]


def test_replay_does_not_show_what_the_client_may_not_see(db, make_venue):
    user = make_user()
    user.user_permissions.set(Permission.objects.filter(codename__in=["add_event", "view_event"]))
    start = timezone.now() + dt.timedelta(days=9)
    body = {"venue": make_venue().pk, "name": "Draft", "starts_at": start.isoformat(),
            "ends_at": (start + dt.timedelta(hours=1)).isoformat()}  # fmt: skip
    client = client_of(user)
    assert [client.post("/events", body, headers=HEADERS).status_code for _ in range(2)] == [201, 201]
    user.user_permissions.remove(Permission.objects.get(codename="view_event"))
    assert refused(client.post("/events", body, headers=HEADERS), 410, "created-object-gone")
    user.user_permissions.clear()
    assert refused(client.post("/events", body, headers=HEADERS), 403, "forbidden")
    assert Event.objects.count() == 1


def test_endpoint_is_replayed_with_its_secret_until_it_is_replaced(manager):
    body = {"url": "https://shop.example.com"}
    first, again = (manager.post("/webhook-endpoints", body, headers=HEADERS).json() for _ in range(2))
    assert again == first
    assert first["secret"].startswith("whsec_")
    manager.post(f"/webhook-endpoints/{first['id']}/rotate-secret", {})
    assert refused(manager.post("/webhook-endpoints", body, headers=HEADERS), 409, "idempotency-key-expired")


def start(client, booking):
    return client.post(f"/bookings/{booking.pk}/payments", {"provider": "fake"}, headers=HEADERS)


def test_payment_is_replayed_whatever_became_of_it(world, db):
    booking = world["pending"]
    first = start(holder_of(booking), booking).json()
    Payment.objects.filter(pk=first["id"]).update(status="failed")
    again = start(holder_of(booking), booking)
    assert (again.status_code, again["Idempotent-Replayed"], again.json()["id"]) == (201, "true", first["id"])
    assert refused(start(client_of(), booking), 404, "not-found")  # without the secret


def test_payment_that_the_provider_did_not_start_is_started_anew(world, manager, monkeypatch):
    def refuse(payment):
        Payment.objects.filter(pk=payment.pk).update(status="failed")
        raise PaymentUnavailable

    with monkeypatch.context() as patched:
        patched.setattr("bookings.payments.online.ask_to_start", refuse)
        assert refused(start(manager, world["pending"]), 503, "payment-unavailable")
    answer = start(manager, world["pending"])
    assert (answer.status_code, answer.get("Idempotent-Replayed")) == (201, None)
    assert [it.status for it in world["pending"].payments.order_by("pk")] == ["failed", "pending"]


def test_key_of_an_anonymous_client_is_long_and_works_for_a_day(world):
    booking = world["pending"]
    client = holder_of(booking)
    short = client.post(f"/bookings/{booking.pk}/payments", {"provider": "fake"}, headers={"Idempotency-Key": "k" * 21})
    assert refused(short, 400, "invalid-input")
    assert (KeyedRequest.objects.count(), start(client, booking).status_code) == (0, 201)
    KeyedRequest.objects.update(created_at=timezone.now() - dt.timedelta(hours=23, minutes=59))
    assert start(client, booking)["Idempotent-Replayed"] == "true"
    assert purge_keys() == 0
    KeyedRequest.objects.update(created_at=timezone.now() - dt.timedelta(hours=24))
    assert refused(start(client, booking), 409, "idempotency-key-expired")
    assert purge_keys() == 1


def test_key_of_a_user_works_for_30_days(manager, pass_time):
    first = open_venue(manager).json()["id"]
    pass_time(days=29, hours=23)
    assert purge_keys() == 0
    assert open_venue(manager).json()["id"] == first
    pass_time(hours=2)
    call_command("purge", older_than="365d")
    assert KeyedRequest.objects.count() == 0
    assert open_venue(manager).json()["id"] != first


def test_keys_are_erased_with_the_booking(book, manager):
    booking = book().confirm(payment_reference="p1").confirm(payment_reference="p2")
    assert manager.post(f"/bookings/{booking.pk}/refunds", {}, headers=HEADERS).status_code == 201
    open_venue(superuser())
    assert KeyedRequest.objects.count() == 2
    booking.cancel()
    booking.refund()
    erase_customer(booking.customer_email, by="system", with_payments=False)
    assert KeyedRequest.objects.get().operation == "venue-create"


def test_keys_of_deleted_attempts_are_deleted(world, pass_time):
    start(holder_of(world["pending"]), world["pending"])
    pass_time(days=9)
    send(superuser(), "/webhook-endpoints", world, KEY)
    KeyedRequest.objects.update(created_at=timezone.now())
    call_command("purge", older_than="5d")
    assert [it.operation for it in KeyedRequest.objects.all()] == ["webhook-endpoint-create"]
