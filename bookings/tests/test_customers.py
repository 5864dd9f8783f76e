"""Personal data: export, erasure, retention."""

import datetime as dt
import json
import sys

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.utils import timezone

from bookings import personal_data
from bookings.lifecycle.place import IdempotencyKey
from bookings.models import Booking, BookingChange, BookingItem, Ticket
from config.access.models import LoginFailure
from config.tests.harness import canaries
from config.tests.harness.answers import errors_in, refused
from conftest import client_of, make_user

ANN = "ann.canary@example.com"
WORDS = ("canary", "Zoe", "aisle", "ill", "key-zoe")  # her data
FIGURES = ("pk", "status", "event", "quantity", "cancelled_quantity", "total_price", "currency", "created_at",
           "confirmed_at", "cancelled_at", "is_late", "refund_due", "confirmation_code",
           "payment_reference")  # fmt: skip


@pytest.fixture
def seat(make_type, make_event):
    return make_type(event=make_event(capacity=20))


@pytest.fixture
def order(book, seat):
    """A booking of Ann's, with her data in every field that she or staff can write."""

    def place(email=ANN, key="key-zoe"):
        notes = {"seat": "aisle", "mail": "canary@example.com"}
        known = IdempotencyKey("", key, "f" * 64) if key else None
        return book((seat, 2), customer_name="Zoe", customer_email=email, metadata=notes, key=known)

    return place


def run(capsys, *arguments):
    """The output and the exit status of a command."""
    try:
        call_command(*arguments)
        status = 0
    except CommandError as error:
        print(error, file=sys.stderr)
        status = error.returncode
    said = capsys.readouterr()
    return said.out, said.err, status


def everything():
    """The whole database as text."""
    rows = [row for model in apps.get_models() for row in model._base_manager.values_list()]
    return str(rows)


def figures_of(bookings):
    return list(bookings.order_by("pk").values(*FIGURES))


def rows_of(models=(Booking, BookingItem, Ticket, BookingChange)):
    return [list(model.objects.order_by("pk").values()) for model in models]


# Export


def test_export_has_all_that_is_stored_of_the_customer_and_nothing_of_others(order, book, capsys):
    booking = order().confirm(payment_reference="pay_1")
    rows = [*booking.items.all(), *booking.tickets.all(), *booking.changes.all(), booking]
    strings = set().union(*map(canaries.plant, rows))
    Booking.objects.filter(pk=booking.pk).update(customer_key=ANN)
    other = canaries.plant(book(customer_email="bob@example.com"))
    out, err, status = run(capsys, "export_customer", ANN.upper())
    told = json.dumps(json.loads(out))
    left_out = {it for it in strings if it == booking.pk.hex or it.endswith(("customer-key", "secret"))}
    assert [it for it in strings - left_out if it not in told] == []
    assert "-booking-secret" not in told
    assert [it for it in other if it in told] == []
    assert (err, status) == ("1 booking, 0 held tickets, 0 accounts.\n", 0)


def test_export_has_bookings_in_order(order, capsys):
    ids = [str(order(key="1").pk), str(order(email=ANN.title(), key="2").pk)]
    found = json.loads(run(capsys, "export_customer", ANN)[0])
    assert [booking["id"] for booking in found["bookings"]] == ids
    assert (found["bookings"][0]["items"][0]["quantity"], found["bookings"][0]["total_price"]) == (2, "99.80")
    assert found["bookings"][0]["created_at"].endswith("+00:00")
    assert [change["verb"] for change in found["bookings"][0]["history"]] == ["place"]


def test_export_names_accounts(db, capsys):
    make_user(username="ann", email=ANN)
    assert json.loads(run(capsys, "export_customer", ANN)[0])["accounts"] == ["ann"]


@pytest.mark.parametrize("command", ["export_customer", "erase_customer"])
@pytest.mark.parametrize("email", ["", " ", "@", "ann"])
def test_invalid_address_is_refused(command, email, db):
    make_user(username="without an address", email="")
    with pytest.raises(CommandError, match="invalid address value"):
        call_command(command, email)


def test_export_without_data_says_so(order, capsys):
    order()
    assert run(capsys, "export_customer", "bob@example.com") == ("", "There is no data about this address.\n", 2)


def test_export_takes_as_many_queries_for_three_bookings_as_for_one(order, capsys, django_assert_num_queries):
    for keys in (["1"], ["2", "3"]):
        for key in keys:
            order(key=key)
        with django_assert_num_queries(8):
            call_command("export_customer", ANN)


def test_dry_run_of_export_only_counts(order, capsys):
    order()
    assert run(capsys, "export_customer", ANN, "--dry-run") == ("", "1 booking, 0 held tickets, 0 accounts.\n", 0)


# Erasure


def test_erasing_leaves_nothing_of_the_person_and_every_figure(order, pass_time, capsys, box_office):
    order(key="1").confirm(payment_reference="pay_1")
    order(key="2").cancel(reason="Zoe is ill")
    third = order(key="key-zoe").confirm()
    third.cancel(tickets=[third.tickets.first().code], reason="ill")
    box_office.patch(f"/bookings/{third.pk}", {"customer_name": "Zoe canary"})
    pass_time(days=60)
    before, items = figures_of(Booking.objects), rows_of((BookingItem, Ticket))
    assert all(word in everything() for word in WORDS)
    assert run(capsys, "erase_customer", ANN.upper()) == ("3 bookings erased.\n", "", 0)
    assert [word for word in WORDS if word in everything()] == []
    assert figures_of(Booking.objects) == before
    assert rows_of((BookingItem, Ticket)) == items
    assert {change.verb for change in third.changes.all()} == {"place", "confirm", "cancel tickets", "correct", "erase"}
    assert third.changes.get(verb="correct").details == {"fields": ["customer_name"]}
    assert sorted(third.changes.get(verb="cancel tickets").details) == ["tickets"]
    assert third.changes.get(verb="erase").by_name == "system"


def test_erased_booking_is_still_a_booking(order, pass_time, auditor):
    booking = order().confirm(payment_reference="pay_1")
    pass_time(days=60)
    Booking.erase_customer(ANN)
    shown = auditor.get(f"/bookings/{booking.pk}").json()
    assert (shown["customer_name"], shown["customer_email"]) == ("Erased", "erased@customer.invalid")
    assert (shown["metadata"], shown["status"], shown["payment_reference"]) == ({}, "confirmed", "pay_1")
    assert len(auditor.get("/bookings").json()["results"]) == 1


def test_reference_of_the_payment_goes_when_it_is_asked_to(order, pass_time, capsys):
    booking = order().confirm(payment_reference="pay_zoe")
    pass_time(days=60)
    assert run(capsys, "erase_customer", ANN, "--with-payments")[2] == 0
    booking.refresh_from_db()
    assert booking.payment_reference == ""
    assert "pay_zoe" not in everything()


def test_old_key_does_not_find_the_erased_booking(order, seat, anonymous):
    body = {"customer_name": "Zoe", "customer_email": ANN, "items": [{"ticket_type": seat.pk, "quantity": 1}]}
    send = {"headers": {"Idempotency-Key": "again-and-again-and-again"}}
    first = anonymous.post("/bookings", body, **send).json()
    Booking.objects.get(pk=first["id"]).cancel()
    Booking.erase_customer(ANN)
    assert anonymous.post("/bookings", body, **send).json()["id"] != first["id"]
    link = f"/bookings/{first['id']}?secret={first['secret']}"
    assert anonymous.get(link).status_code == 404


@pytest.mark.parametrize("state", ["pending", "confirmed", "owed"])
def test_booking_that_is_still_needed_stops_all_of_it(state, order, capsys, book, pass_time):
    order(key="1").cancel(reason="ill")
    needed = order(key="2")
    if state != "pending":
        needed.confirm(payment_reference="pay_1")
    if state == "owed":
        needed.cancel(reason="rain")
    before = rows_of()
    out, err, status = run(capsys, "erase_customer", ANN)
    why = "a refund is due." if state == "owed" else f"{state} for “Concert”."
    told = f"Nothing was erased, because these bookings are still needed:\n  {needed.confirmation_code}: {why}\n"
    assert (out, err, status) == ("", told, 1)
    assert rows_of() == before
    if state == "owed":
        needed.refund()
    pass_time(days=60)
    assert run(capsys, "erase_customer", ANN) == ("2 bookings erased.\n", "", 0)


def test_due_hold_is_erased_whether_or_not_it_was_released(order, pass_time, capsys):
    booking = order()
    pass_time(minutes=16)
    assert run(capsys, "erase_customer", ANN) == ("1 booking erased.\n", "", 0)
    booking.refresh_from_db()
    assert (booking.status, booking.customer_name) == ("expired", "Erased")


def test_late_payment_of_an_erased_booking_is_not_lost(order, pass_time):
    booking = order()
    pass_time(minutes=16)
    Booking.erase_customer(ANN)
    booking.confirm(payment_reference="late")
    assert (booking.status, booking.is_late, booking.tickets.count()) == ("confirmed", True, 2)


def test_others_are_left_alone(order, book, capsys):
    order().cancel()
    other = book(customer_name="Bob", customer_email="bob@example.com", metadata={"seat": "left"}).cancel(reason="fog")
    before = list(Booking.objects.filter(pk=other.pk).values()), list(other.changes.values())
    Booking.erase_customer(ANN)
    assert (list(Booking.objects.filter(pk=other.pk).values()), list(other.changes.values())) == before


def test_dry_run_of_erasing_changes_nothing(order, capsys):
    order().cancel(reason="ill")
    before = rows_of()
    assert run(capsys, "erase_customer", ANN, "--dry-run") == ("1 booking would be erased.\n", "", 0)
    assert rows_of() == before


def test_erasing_twice_finds_nothing(order, capsys):
    order().cancel()
    assert run(capsys, "erase_customer", ANN)[2] == 0
    before = rows_of()
    assert run(capsys, "erase_customer", ANN) == ("", "There is no data about this address.\n", 2)
    out, err, status = run(capsys, "erase_customer", personal_data.EMAIL)
    assert (out, status, err) == ("", 1, f"{personal_data.EMAIL} is the address of customers who are erased already.\n")
    assert rows_of() == before


def test_erasing_names_the_account_that_it_leaves(order, capsys):
    order().cancel()
    make_user(username="ann", email=ANN)
    assert "The staff account ann has this address" in run(capsys, "erase_customer", ANN)[1]


def test_every_text_about_a_booking_is_erased_or_known_to_be_harmless():
    """A new field must be listed here, or be erased."""
    harmless = {
        "bookings.booking": {"id", "confirmation_code", "status", "currency", "payment_reference"},
        "bookings.bookingitem": {"name", "booking_id"},
        "bookings.ticket": {"code", "status", "booking_id"},
        # The name is of an account of the staff, or anonymous.
        "bookings.bookingchange": {"by_name", "verb", "from_status", "to_status", "booking_id"},
    }
    erased = {
        "bookings.booking": set(personal_data.ERASED),
        "bookings.bookingitem": {"attendees"},
        "bookings.ticket": set(personal_data.NO_HOLDER),
        "bookings.bookingchange": {"details"},
    }
    for model in (Booking, BookingItem, Ticket, BookingChange):
        label = model._meta.label_lower
        texts = {field.attname for field in canaries.texts(model)} - {"booking_id"}
        assert texts == (harmless[label] - {"booking_id"}) | erased.get(label, set())


def test_history_forgets_in_this_way_alone(order):
    change = order().changes.get()
    for way in (lambda: BookingChange.objects.update(details={}), change.save, change.delete):
        with pytest.raises(TypeError, match="History entries cannot be"):
            way()
    change.details = {"reason": "ill", "payment_reference": "pay_1", "surprise": "canary"}
    copy = {"booking": change.booking, "at": change.at, "by_name": "anonymous", "verb": "x", "details": change.details}
    BookingChange.objects.bulk_create([BookingChange(**copy, to_status="pending")])
    BookingChange.objects.all().erase_details(keep=personal_data.KEPT_IN_HISTORY)
    assert [it.details for it in BookingChange.objects.all()] == [{}, {"payment_reference": "pay_1"}]


# Retention


@pytest.fixture
def past(order, make_event, make_type, book, pass_time):
    """Of each kind of booking one that is 400 days old, and one of today."""
    kinds = {}
    for age in ("old", "new"):
        kinds[f"{age} expired"], kinds[f"{age} cancelled"] = order(key=f"{age}1"), order(key=f"{age}2").cancel()
        kinds[f"{age} sold"] = order(key=f"{age}3").confirm(payment_reference=f"pay_1_{age}")
        kinds[f"{age} given back"] = order(key=f"{age}4").confirm().cancel(reason="ill")
        kinds[f"{age} owed"] = order(key=f"{age}5").confirm(payment_reference=f"pay_2_{age}").cancel()
        if age == "old":
            pass_time(days=430)
            order = again(book, make_type(event=make_event(name="Soon", capacity=20)))
    return {name: Booking.objects.get(pk=booking.pk) for name, booking in kinds.items()}


def again(book, seat):
    def place(key):
        return book((seat, 1), customer_name="Zoe", customer_email=ANN, key=IdempotencyKey("", key, "f" * 64))

    return place


def test_purge_deletes_attempts_takes_names_from_sales_and_keeps_what_is_owed(past, capsys):
    before = figures_of(Booking.objects.exclude(pk__in=[past["old expired"].pk, past["old cancelled"].pk]))
    told = (
        "2 attempts {}deleted, 2 sales {}erased, 0 expired logins, 0 bodies of payment events and 16 changes in the "
        "feed {}deleted.\n"
    )
    owed = "1 sale not erased, because a refund is due.\n"
    unchanged = rows_of()
    assert run(capsys, "purge", "--older-than", "365d", "--dry-run") == (told.format(*["would be "] * 3), owed, 0)
    assert rows_of() == unchanged
    assert run(capsys, "purge", "--older-than", "365d") == (told.format("", "", ""), owed, 0)
    left = {booking.pk: booking.customer_name for booking in Booking.objects.all()}
    assert {name: left.get(booking.pk) for name, booking in past.items()} == {
        "old expired": None, "old cancelled": None, "old sold": "Erased", "old given back": "Erased", "old owed": "Zoe",
        **dict.fromkeys(("new expired", "new cancelled", "new sold", "new given back", "new owed"), "Zoe"),
    }  # fmt: skip
    assert figures_of(Booking.objects) == before
    assert run(capsys, "purge", "--older-than", "1y")[0] == (
        "0 attempts deleted, 0 sales erased, 0 expired logins, 0 bodies of payment events and 0 changes in the "
        "feed deleted.\n"
    )


def test_purge_never_deletes_what_was_sold_or_paid(past):
    sold = Booking.objects.exclude(confirmed_at=None, payment_reference="")
    before = sold.count()
    call_command("purge", "--older-than", "1d")
    assert sold.count() == before == 6


def test_purge_works_in_batches_and_goes_on_where_it_was_stopped(order, pass_time, monkeypatch):
    for number in range(5):
        order(key=str(number)).cancel()
    pass_time(days=60)
    monkeypatch.setattr(personal_data, "BATCH", 2)

    class Stopped(Exception):
        pass

    def stop(done):
        raise Stopped

    instant = timezone.now() - dt.timedelta(days=1)
    with pytest.raises(Stopped):
        personal_data.purge_attempts(instant, progress=stop)
    assert Booking.objects.count() == 3
    steps = []
    assert personal_data.purge_attempts(instant, progress=steps.append) == 3
    assert (steps, Booking.objects.count(), BookingChange.objects.count()) == ([2, 3], 0, 0)


def test_purge_reports_progress(order, pass_time, monkeypatch, capsys):
    for number in range(3):
        order(key=str(number)).cancel()
    pass_time(days=60)
    monkeypatch.setattr(personal_data, "BATCH", 1)
    clock = iter(range(0, 1000, 4))
    monkeypatch.setattr("bookings.management.commands.purge.time.monotonic", lambda: next(clock))
    assert run(capsys, "purge", "--older-than", "1d")[1] == "2 attempts deleted …\n"


def test_purge_deletes_expired_logins(client, db, capsys):
    client.force_login(make_user())
    Session.objects.update(expire_date=timezone.now() - dt.timedelta(days=1))
    for days in (32, 29):
        LoginFailure.note(username="x", address="192.0.2.1", at=timezone.now() - dt.timedelta(days=days))
    client_of()
    assert run(capsys, "purge", "--older-than", "1d")[0].endswith(
        "1 expired logins, 0 bodies of payment events and 0 changes in the feed deleted.\n"
    )
    assert (Session.objects.count(), LoginFailure.objects.count()) == (0, 1)


@pytest.mark.parametrize("age", ["", "365", "0d", "-1d", "1m", "d", "1.5d", "\u0661d", "99999y", "365D"])
def test_invalid_age_is_refused(age, past, capsys):
    before = rows_of()
    out, err, status = run(capsys, "purge", f"--older-than={age}")
    assert (out, status) == ("", 1)
    assert err == "--older-than must be a number and a unit, such as 365d, 52w or 2y, up to 100y.\n"
    assert rows_of() == before


@pytest.mark.parametrize("email", ["ann@example.com\u200b", "a\u00adnn@example.com", "ann@exam\u2060ple.com"])
def test_address_with_an_invisible_character_is_refused(email, anonymous, make_type):
    seat = make_type()
    order = {"customer_name": "Ann", "customer_email": email, "items": [{"ticket_type": seat.pk, "quantity": 1}]}
    answer = anonymous.post("/bookings", order)
    assert refused(answer, 400, "invalid-input")
    assert ("/customer_email", "bad-character") in errors_in(answer)
    assert not Booking.objects.exists()
