import datetime as dt
import io
import json

import pytest
from django.core.management import call_command
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from bookings.lifecycle.place import Line
from bookings.models import Booking, BookingItem, Ticket
from config.tests.harness.answers import errors_in, refused
from conftest import holder_of

pytestmark = pytest.mark.both
BEA = {"name": "Bea Moss", "email": "bea@example.com"}


def order(ticket_type, quantity=2, **item):
    items = [{"ticket_type": ticket_type.pk, "quantity": quantity, **item}]
    return {"customer_name": "Ann Lee", "customer_email": "ann@example.com", "items": items}


def holders(booking):
    return list(booking.tickets.order_by("pk").values_list("holder_name", "holder_email"))


def patch(client, ticket, **data):
    return client.patch(f"/bookings/{ticket.booking_id}/tickets/{ticket.code}", data)


@pytest.fixture
def sold(book, make_type):
    return book((make_type(), 2)).confirm(payment_reference="pay_1")


@pytest.mark.parametrize("way", ["at once", "in steps", "late"])
def test_attendees_become_the_holders(anonymous, make_type, pass_time, way):
    answer = anonymous.post("/bookings", order(make_type(), 3, attendees=[BEA, {"name": "Cy"}]))
    assert answer.json()["items"][0]["attendees"] == [BEA, {"name": "Cy", "email": ""}]
    booking = Booking.objects.get()
    if way == "late":
        pass_time(minutes=30)
    booking.refresh_from_db()
    reference = "" if way == "at once" else "pay_1"
    booking.confirm(payment_reference=reference)
    assert holders(booking) == [("Bea Moss", "bea@example.com"), ("Cy", ""), ("", "")]
    assert BookingItem.objects.get().attendees == []
    shown = holder_of(booking).get(f"/bookings/{booking.pk}").json()["tickets"]
    assert [(it["holder_name"], it["holder_email"]) for it in shown] == [
        ("Bea Moss", "bea@example.com"),
        ("Cy", ""),
        ("Ann Lee", ""),
    ]


def test_attendees_are_at_most_the_quantity(anonymous, make_type, figures):
    answer = anonymous.post("/bookings", order(make_type(), 1, attendees=[BEA, BEA]))
    assert errors_in(answer) == [("/items/0/attendees", "too-many-attendees")]
    answer = anonymous.post("/bookings", order(make_type(name="B"), 1, attendees=[{"name": "A", "age": 3}]))
    assert errors_in(answer) == [("/items/0/attendees/0/age", "unknown-field")]
    assert not Booking.objects.exists()
    assert set(figures().values()) == {0}


@pytest.mark.parametrize("attendees", [[], [BEA], [BEA, {"email": "cy@example.com"}]])
def test_names_that_are_required_are_missing(anonymous, make_type, attendees):
    kind = make_type(is_name_required=True)
    assert errors_in(anonymous.post("/bookings", order(kind, attendees=attendees))) == [
        ("/items/0/attendees", "name-required")
    ]
    assert not Booking.objects.exists()
    assert anonymous.post("/bookings", order(kind, attendees=[BEA, {"name": "Cy"}])).status_code == 201


@pytest.mark.parametrize("who", ["holder", "staff"])
def test_holder_of_a_ticket_changes(box_office, sold, who):
    client = box_office if who == "staff" else holder_of(sold)
    ticket = sold.tickets.first()
    answer = patch(client, ticket, holder_name="Bea Moss", holder_email="bea@example.com")
    assert answer.status_code == 200
    assert {**answer.json()} == {
        "code": ticket.code,
        "ticket_type": ticket.ticket_type_id,
        "status": "valid",
        "holder_name": "Bea Moss",
        "holder_email": "bea@example.com",
        "checked_in_at": None,
    }
    assert holders(sold) == [("Bea Moss", "bea@example.com"), ("", "")]
    assert sold.changes.last().details == {
        "ticket": ticket.code,
        "fields": ["holder_email", "holder_name"],
        "holder_name": ["", "Bea Moss"],
    }
    patch(client, ticket, holder_name="Bea Moss")
    assert sold.changes.filter(verb="transfer").count() == 1


def test_new_code_makes_the_old_one_void(door, sold, figures):
    before, ticket = figures(), sold.tickets.first()
    code = patch(holder_of(sold), ticket, holder_name="Bea Moss", new_code=True).json()["code"]
    assert code != ticket.code
    assert refused(door.post(f"/tickets/{ticket.code}/check-in", {}), 409, "ticket-void")
    answer = door.post(f"/tickets/{code}/check-in", {})
    assert (answer.status_code, answer.json()["holder_name"]) == (200, "Bea Moss")
    assert sold.changes.filter(verb="transfer").get().details["new_ticket"] == code
    assert figures() == before
    assert sold.tickets.exclude(status="void").count() == sold.places == 2


def test_ticket_is_transferred_when_sold_out(book, make_event, make_type):
    booking = book((make_type(event=make_event(capacity=1)), 1)).confirm()
    assert patch(holder_of(booking), booking.tickets.get(), new_code=True).status_code == 200


def test_transferred_ticket_can_be_cancelled(box_office, sold, figures):
    code = patch(holder_of(sold), sold.tickets.first(), new_code=True).json()["code"]
    assert box_office.post(f"/bookings/{sold.pk}/cancel", {"tickets": [code]}).json()["cancelled_quantity"] == 1
    assert box_office.post(f"/bookings/{sold.pk}/cancel", {}).json()["status"] == "cancelled"
    assert set(figures().values()) == {0}


def test_checked_in_and_void_tickets_keep_their_holders(box_office, sold):
    admitted, void = sold.tickets.order_by("pk")
    admitted.check_in(at=timezone.now())
    assert refused(patch(box_office, admitted, holder_name="Bea"), 409, "already-checked-in")
    sold.cancel(tickets=[void.code])
    assert refused(patch(box_office, void, new_code=True), 409, "ticket-void")
    assert holders(sold) == [("", "")] * 2


def test_holders_change_until_some_time_before_the_event(box_office, book, make_event, make_type, settings):
    event = make_event(starts_at=timezone.now() + dt.timedelta(hours=3))
    booking = book((make_type(event=event), 1)).confirm()
    ticket = booking.tickets.get()
    settings.TICKET_TRANSFER_UNTIL = 2
    assert patch(holder_of(booking), ticket, holder_name="Bea").status_code == 200
    settings.TICKET_TRANSFER_UNTIL = 4
    assert refused(patch(holder_of(booking), ticket, holder_name="Cy"), 409, "transfer-closed")
    assert holders(booking) == [("Bea", "")]
    assert patch(box_office, ticket, holder_name="Cy").status_code == 200


def test_required_name_stays(book, make_type):
    kind = make_type(is_name_required=True)
    booking = Booking.place(
        customer_name="Ann", customer_email="ann@example.com", lines=[Line(kind.pk, 1, [{"name": "Bea"}])]
    ).confirm()
    ticket = booking.tickets.get()
    assert errors_in(patch(holder_of(booking), ticket, holder_name="")) == [("/holder_name", "name-required")]
    assert patch(holder_of(booking), ticket, new_code=True).json()["holder_name"] == "Bea"


def test_tickets_of_others_are_unknown(anonymous, door, sold, book):
    ticket, other = sold.tickets.first(), book().confirm()
    assert patch(anonymous, ticket, holder_name="Eve").status_code == 404
    assert patch(holder_of(other), ticket, holder_name="Eve").status_code == 404
    answer = holder_of(other).patch(f"/bookings/{other.pk}/tickets/{ticket.code}", {"holder_name": "Eve"})
    assert answer.status_code == 404
    assert patch(door, ticket, holder_name="Eve").status_code == 403
    assert holders(sold) == [("", "")] * 2


@pytest.mark.parametrize(("name", "email"), [("x" * 201, ""), ("Bea", "ab"), ("Bea", "a" * 255)])
def test_holder_that_does_not_fit_is_refused(sold, name, email):
    ticket = sold.tickets.first()
    assert patch(holder_of(sold), ticket, holder_name=name, holder_email=email).status_code == 400
    with pytest.raises(Exception, match=r"ticket_holder_has|too long"), transaction.atomic():
        Ticket.objects.create(booking=sold, ticket_type=ticket.ticket_type, holder_name=name, holder_email=email)
    assert holders(sold) == [("", "")] * 2


def test_staff_change_a_holder_in_the_admin(admin_client, sold):
    ticket = sold.tickets.first()
    url = reverse("admin:bookings_booking_changelist")
    data = {"action": "change_holder", "_selected_action": str(sold.pk), "from_page": "yes", "confirmed": "yes"}
    holder = {"ticket": ticket.code, "holder_name": " Bea  Moss ", "holder_email": ""}
    answer = admin_client.post(url, {**data, "ticket": ticket.code})
    assert holders(sold) == [("", "")] * 2
    assert answer.status_code == 200
    admin_client.post(url, {**data, **holder, "new_code": "on"})
    assert sorted(sold.tickets.values_list("holder_name", "status")) == [
        ("", "valid"),
        ("", "void"),
        ("Bea  Moss", "valid"),
    ]
    page = admin_client.get(reverse("admin:bookings_booking_change", args=[sold.pk])).content.decode()
    assert "Bea  Moss" in page


def test_counter_asks_for_required_names(admin_client, make_type):
    kind = make_type(is_name_required=True, price=0)
    url = f"{reverse('admin:bookings_booking_sell')}?event={kind.event_id}"
    page = admin_client.get(url)
    form = page.context["form"]
    data = {"key": form["key"].value(), f"quantity_{kind.pk}": "2", f"price_{kind.pk}": "0", "payment": "cash"}
    answer = admin_client.post(url, {**data, f"names_{kind.pk}": "Bea\n"})
    assert list(answer.context["form"].errors) == [f"names_{kind.pk}"]
    assert not Booking.objects.exists()
    form = answer.context["form"]
    admin_client.post(url, {**data, "key": form["key"].value(), f"names_{kind.pk}": "Bea\r\n\r\n Cy "})
    assert holders(Booking.objects.get()) == [("Bea", ""), ("Cy", "")]


def test_personal_data_of_holders_is_exported_and_erased(sold, pass_time, make_event, capsys):
    patch(holder_of(sold), sold.tickets.first(), holder_name="Bea Moss", holder_email="Bea@Example.com", new_code=True)
    out = io.StringIO()
    call_command("export_customer", "bea@example.COM", stdout=out)
    (ticket,) = json.loads(out.getvalue())["held_tickets"]
    assert (ticket["holder_name"], ticket["event_name"]) == ("Bea Moss", "Concert")
    call_command("erase_customer", "bea@example.com")
    assert {name for name, _email in holders(sold)} == {"", "Bea Moss"} - {"Bea Moss"}
    assert "Bea" not in json.dumps([change.details for change in sold.changes.all()])
    assert sold.tickets.exclude(status="void").count() == 2


def test_holders_are_erased_with_their_booking(sold, pass_time):
    patch(holder_of(sold), sold.tickets.first(), holder_name="Bea Moss", holder_email="bea@example.com")
    pass_time(days=60)
    assert Booking.erase_customer("ann@example.com") == 1
    assert holders(sold) == [("", "")] * 2
    assert "Bea" not in json.dumps([change.details for change in sold.changes.all()])


def test_attendees_are_erased(book, make_type):
    booking = Booking.place(
        customer_name="Ann", customer_email="ann@example.com", lines=[Line(make_type().pk, 1, [BEA])]
    )
    booking.cancel()
    Booking.erase_customer("ann@example.com")
    assert BookingItem.objects.get().attendees == []


def test_shop_sends_its_own_mails(anonymous, make_type):
    assert anonymous.post("/bookings", order(make_type()) | {"notify": False}).json()["notify"] is False
    assert Booking.objects.get().notify is False
