"""Stored values outlive the lists and rules that accepted them: they are shown, exported, changed around and sold."""

import json
import re
from contextlib import suppress
from importlib import resources
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F, Value
from django.db.models.functions import Concat

from bookings.models import Booking, BookingItem, Ticket
from bookings.payments.models import Payment
from config.tests.harness import canaries, matrix, policy
from config.tests.harness.answers import errors_in
from config.tests.harness.pages import open_form, send_form, staff, url
from config.values import currencies, money
from config.values.timezones import UTC
from conftest import client_of, make_user
from events.models import Event
from ticket_types.imports import apply
from ticket_types.models import TicketType
from venues.models import Venue

pytestmark = pytest.mark.both

ZONE, EMAIL, BAD = "Europe/Kyivv", "ann..lee@example", "\u202e"


@pytest.fixture
def root(db):
    return client_of(make_user(username="superuser", is_superuser=True))


@pytest.fixture
def world(make_venue, make_event, make_type, book):
    return matrix.make_world(make_venue, make_event, make_type, book)


@pytest.fixture
def objects(world, book):
    return matrix.admin_objects(world, book)


def update(rows, **values):
    assert rows.update(**values) > 0


def raise_totals():
    """Adds to totals what was added to prices, and as much to what was paid or is due."""
    for row in Booking.objects.all():
        is_live, payment = row.status in ("pending", "confirmed"), row.payments.order_by("pk").first()
        names = ["total_price"] if is_live else ["total_price", "cancelled_amount"]
        if payment is not None:
            names += ["amount_paid"] if is_live else ["amount_paid", "refund_amount"]
            update(Payment.objects.filter(pk=payment.pk), amount=F("amount") + 40 * row.quantity)
        elif is_live:
            names.append("amount_due")
        update(Booking.objects.filter(pk=row.pk), **{name: F(name) + 40 * row.quantity for name in names})


@pytest.fixture
def old(world, objects, monkeypatch, settings):
    """Fills all tables with values that are not accepted any more; the published event has a currency never known."""
    bad = {"name": Concat(Value(BAD), F("name"))}
    monkeypatch.delitem(money.DECIMALS, "KWD")
    settings.BACK_OFFICE_TIME_ZONE = ZONE
    update(Venue.objects, timezone=ZONE, address=BAD, **bad)
    update(Event.objects, currency="KWD", description=BAD, cancel_reason=BAD, **bad)
    update(TicketType.objects, price=F("price") + 40, description=BAD, **bad)  # 0.004
    update(
        BookingItem.objects, unit_price=F("unit_price") + 40, total_price=F("total_price") + 40 * F("quantity"), **bad
    )
    update(Booking.objects, currency="KWD", cancel_reason=BAD)
    raise_totals()
    update(Payment.objects, currency="KWD", provider="gone", reference=Concat(Value(BAD), F("reference")), error=BAD)
    update(Booking.objects, customer_name=BAD, customer_email=EMAIL, customer_key=EMAIL, metadata={"a name": BAD})
    update(Event.objects.filter(pk=world["published"].pk), currency="ZZZ")
    for obj in world.values():
        obj.refresh_from_db()
    return world


# Reading


def ids(world):
    keys = {"venues": "venue", "events": "published cancelled draft", "ticket-types": "on_sale of_draft",
            "bookings": "pending confirmed free", "payments": "payment", "webhook-endpoints": "endpoint",
            "webhook-deliveries": "delivery"}  # fmt: skip
    found = {name: [world[it].pk for it in names.split()] for name, names in keys.items()}
    codes = [world["ticket"].code, world["used"].code]
    one = {"venue": found["venues"], "event": found["events"], "ticket_type": found["ticket-types"]}
    return {**found, **one, "tickets": codes, "timezone": [ZONE]}


def body_of(response):
    return (response.getvalue() if response.streaming else response.content).decode(errors="replace")


def test_every_read_of_the_api_shows_old_values(old, root):
    requests = list(canaries.read_requests(ids(old)))
    assert len(requests) > 150
    seen = {(path, query): root.get(f"{path}?{query}") for path, query in requests}
    assert {request: answer.status_code for request, answer in seen.items() if answer.status_code != 200} == {}
    assert [request for request, answer in seen.items() if not body_of(answer)] == []


def test_old_values_are_shown_as_they_are_stored(old, root):
    venue, event = root.get(f"/venues/{old['venue'].pk}").json(), root.get(f"/events/{old['draft'].pk}").json()
    assert (venue["timezone"], venue["address"], event["currency"], event["description"]) == (ZONE, BAD, "KWD", BAD)
    booking = root.get(f"/bookings/{old['confirmed'].pk}").json()
    assert (booking["total_price"], booking["currency"], booking["customer_email"]) == ("99.808", "KWD", EMAIL)
    assert (booking["items"][0]["unit_price"], booking["metadata"]) == ("49.904", {"a name": BAD})
    seat = root.get(f"/ticket-types/{old['on_sale'].pk}").json()
    assert (seat["price"], seat["currency"]) == ("49.904", "ZZZ")  # not rounded, although unknown currencies have two
    sales = body_of(root.get("/reports/sales?group_by=event&format=csv"))
    assert ",KWD,2,3,149.712,149.712,0.000,0.000,74.856" in sales


def admin_requests(old, objects):
    """The path of each page, and the status that it has for a superuser."""
    for method, path, outcomes in matrix.admin_rows():
        if method == "GET":
            address = re.sub(r"\{([^}]+)\}", lambda match: matrix.in_admin(match[1], objects), path)
            yield address, policy.expected_in_admin(outcomes, policy.SUPERUSER)
    month = f"{old['published'].starts_at:%Y-%m}"
    pages = [f"events/event/calendar/?month={month}", f"bookings/booking/sell/?event={old['published'].pk}"]
    pages += [f"events/event/{event.pk}/change/" for event in Event.objects.all()]
    pages += [f"bookings/booking/{booking.pk}/change/" for booking in Booking.objects.all()]
    yield from ((f"/admin/{page}", 200) for page in pages)


def test_every_page_of_the_admin_shows_old_values(old, objects):
    browser, wrong = staff(), {}
    requests = dict(admin_requests(old, objects))
    for path, expected in requests.items():
        response = browser.get(path)
        body_of(response)
        if matrix.outcome(response) != expected:
            wrong[path] = response.status_code
    assert len(requests) > 100
    assert wrong == {}


def test_pages_show_times_in_utc_beside_the_unknown_zone(old):
    event = old["published"]
    page = staff().get(url(event, "change", event.pk)).content.decode()
    assert f"UTC ({ZONE})" in page


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite uses the time zones of Python")
def test_pages_use_utc_for_a_zone_that_only_python_knows(transactional_db, make_type, book, monkeypatch, settings):
    settings.BACK_OFFICE_TIME_ZONE = "Europe/Newer"
    with (resources.files("tzdata.zoneinfo.Europe") / "Vienna").open("rb") as file:
        zone = ZoneInfo.from_file(file, key="Europe/Newer")
    monkeypatch.setattr("bookings.reports.queries.find_zone", lambda name: UTC if name == "UTC" else zone)
    seat = make_type()
    Venue.objects.update(timezone="Europe/Newer")
    book((seat, 2)).confirm()
    browser = staff()
    for address in ("/admin/", url(seat.event, "change", seat.event_id)):
        assert browser.get(address).status_code == 200


def test_commands_accept_old_values(old, capsys):
    findings = doctor(capsys)["values"]
    assert findings["state"] == "look"
    events, bookings = Event.objects.count(), Booking.objects.count()
    for name in ("venue timezone 2", f"event currency {events}", f"booking customer email {bookings}"):
        assert name in findings["says"]
    call_command("reconcile")
    for command in (["worker", "--once"], ["welcome"], ["purge", "--older-than", "1d"]):
        call_command(*command)
    with pytest.raises(CommandError, match="still needed"):
        call_command("erase_customer", EMAIL)
    capsys.readouterr()
    call_command("export_customer", EMAIL)
    exported = json.loads(capsys.readouterr().out)["bookings"]
    assert len(exported) == bookings
    assert ("99.808", "KWD") in {(it["total_price"], it["currency"]) for it in exported}


def doctor(capsys):
    with suppress(SystemExit):
        call_command("doctor", json=True)
    return {it["name"]: it for it in json.loads(capsys.readouterr().out)["findings"]}


# Changing and selling


def editable(answer, *names):
    return {name: value for name, value in answer.json().items() if name in names}


def test_objects_with_old_values_can_be_changed_through_the_api(old, root):
    event = {"name", "description", "currency", "venue", "starts_at", "ends_at"}
    ticket_type = {"name", "description", "price", "event"}
    for path, fields, change in (
        (f"/venues/{old['venue'].pk}", {"name", "address", "timezone", "capacity"}, {"capacity": 2000}),
        (f"/events/{old['draft'].pk}", event, {"capacity": 50}),
        (f"/ticket-types/{old['on_sale'].pk}", ticket_type, {"position": 5}),
    ):
        assert root.patch(path, change).status_code == 200
        stored = editable(root.get(path), *fields)
        answer = root.put(path, {**stored, **change})
        assert (answer.status_code, editable(answer, *stored, *change)) == (200, {**stored, **change})
    booking = f"/bookings/{old['pending'].pk}"
    assert root.patch(booking, {"metadata": {"a name": BAD}, "customer_email": EMAIL}).status_code == 200
    assert root.patch(booking, {"customer_name": "Ann"}).json()["customer_email"] == EMAIL
    assert errors_in(root.patch(booking, {"customer_email": f"b{EMAIL}"})) == [("/customer_email", "invalid")]


def test_objects_with_old_values_can_be_changed_in_the_admin(old):
    browser = staff()
    for name, typed, stored in (
        ("venue", {"capacity": "2000"}, {"timezone": ZONE, "address": BAD}),
        ("draft", {"capacity": "50"}, {"currency": "KWD", "description": BAD}),
        ("on_sale", {"position": "5"}, {"description": BAD}),
        ("pending", {"customer_name": "Bea"}, {"customer_email": EMAIL, "metadata": {"a name": BAD}}),
    ):
        obj = old[name]
        send_form(browser, obj, open_form(browser, obj), **typed)
        obj.refresh_from_db()
        assert {field: str(getattr(obj, field)) for field in typed} == typed
        assert {field: getattr(obj, field) for field in stored} == stored


def test_new_old_values_are_still_refused_in_the_admin(old):
    browser, venue = staff(), old["venue"]
    form = open_form(browser, venue)
    answer = send_form(browser, venue, form, timezone="Europe/Nowhere", name=f"x{BAD}")
    assert set(answer.context["adminform"].form.errors) == {"timezone", "name"}


def test_event_with_old_values_is_sold_and_admits(old, root):
    seat = {"event": old["published"].pk, "name": "Box", "price": "10.00"}
    assert root.post("/ticket-types", seat).json()["currency"] == "ZZZ"
    data = {"customer_name": "Bo", "customer_email": "bo@example.com",
            "items": [{"ticket_type": old["on_sale"].pk, "quantity": 2}]}  # fmt: skip
    booking = root.post("/bookings", data).json()
    assert (booking["total_price"], booking["currency"]) == ("99.808", "ZZZ")
    for path in (f"/bookings/{booking['id']}", f"/bookings/{old['pending'].pk}"):
        tickets = root.post(f"{path}/confirm", {"payment_reference": path}).json()["tickets"]
        assert root.post(f"/tickets/{tickets[0]['code']}/check-in", {}).status_code == 200
        assert root.post(f"/tickets/{tickets[0]['code']}/undo-check-in", {}).status_code == 200
        cancelled = root.post(f"{path}/cancel", {}).json()
        assert (cancelled["status"], cancelled["refund_amount"]) == ("cancelled", cancelled["total_price"])
        assert [it.amount for it in Booking.objects.get(pk=cancelled["id"]).refund()]
    assert root.post(f"/events/{old['published'].pk}/cancel", {"reason": "rain"}).status_code == 200


@pytest.mark.parametrize(("currency", "code"), [("BGN", "withdrawn-currency"), ("ZZZ", "unknown-currency")])
def test_new_events_need_a_current_currency(old, root, currency, code):
    start, end = old["draft"].starts_at.isoformat(), old["draft"].ends_at.isoformat()
    data = {"venue": old["venue"].pk, "name": "New", "starts_at": start, "ends_at": end, "currency": currency}
    assert errors_in(root.post("/events", data)) == [("/currency", code)]
    assert errors_in(root.patch(f"/events/{old['draft'].pk}", {"currency": currency})) == [("/currency", code)]


def test_every_currency_keeps_its_decimals_when_it_is_withdrawn():
    current = dict(money.DECIMALS)
    assert {code: currencies.Decimals()[code] for code in current} == current
    assert {code: money.DECIMALS[code] for code in ("BGN", "HRK", "ITL", "BYR", "ZZZ")} == {
        "BGN": 2, "HRK": 2, "ITL": 0, "BYR": 0, "ZZZ": 2}  # fmt: skip
    assert not currencies.WITHDRAWN & set(current)


@pytest.mark.parametrize("zone", ["US/Eastern", "Europe/Kiev", "Asia/Calcutta"])
def test_older_names_of_time_zones_are_valid(root, zone):
    data = {"name": "Hall", "address": "1 Main Street", "capacity": 10, "timezone": zone}
    assert root.post("/venues", data).json()["timezone"] == zone


def test_catalogue_file_may_repeat_old_values(old):
    event, venue, seat = old["draft"], old["venue"], old["of_draft"]
    start = event.starts_at.replace(microsecond=0)
    update(Event.objects.filter(pk=event.pk), starts_at=start)
    row = {
        "name": venue.name, "address": BAD, "capacity": venue.capacity, "timezone": ZONE,
        "events": [{"name": event.name, "starts_at": start.isoformat(), "currency": "KWD", "description": BAD,
                    "ticket_types": [{"name": seat.name, "price": "49.904", "position": 7}]}],
    }  # fmt: skip
    outcome = apply(json.dumps({"venues": [row]}).encode(), "json")
    assert [str(error) for error in outcome.errors] == []
    assert [(step.verb, step.kind) for step in outcome.changes] == [("change", "ticket_type")]


# Statuses of a newer version


@pytest.fixture
def newer(old):
    """Rows with statuses that a newer version has added."""
    constraints = {Event: "event_status_is_known", Booking: "booking_status_is_known", Ticket: "ticket_status_is_known"}
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA ignore_check_constraints = ON")
        connection.check_constraints()  # of rows that the test has written: their tables could not be altered otherwise
        for model, constraint in constraints.items() if connection.vendor == "postgresql" else ():
            cursor.execute(f"ALTER TABLE {model._meta.db_table} DROP CONSTRAINT {constraint}")
        for model, pk in ((Event, old["draft"].pk), (Booking, old["free"].pk), (Ticket, old["ticket"].pk)):
            model.objects.filter(pk=pk).update(status="newer")
        yield old
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA ignore_check_constraints = OFF")


@pytest.mark.drifts
def test_unknown_statuses_are_shown(newer, root, objects):
    test_every_read_of_the_api_shows_old_values(newer, root)
    test_every_page_of_the_admin_shows_old_values(newer, objects)
    assert root.get(f"/events/{newer['draft'].pk}").json()["status"] == "newer"
