"""The booking over HTTP: what goes in, what comes out, and who may. Its rules are tested beside this file."""

import pytest

from bookings.models import Booking, BookingItem
from config.tests.harness.answers import errors_in, refused
from conftest import holder_of

KEY = "5b3b1a52-7a4c-4d52-9d0f-6a2c1b9e8f70"


@pytest.fixture
def client_as(request):
    return request.getfixturevalue


@pytest.fixture
def seat(make_type):
    return make_type(capacity=50)


@pytest.fixture
def body(seat):
    return {
        "customer_name": "Ann Lee",
        "customer_email": "ann@example.com",
        "items": [{"ticket_type": seat.pk, "quantity": 2}],
    }


def stored(booking):
    return Booking.objects.filter(pk=booking.pk).values().get()


def test_create_answers_the_booking_and_where_it_is(anonymous, seat, body, figures):
    answer = anonymous.post("/bookings", {**body, "metadata": {"seat": "A1"}, "hold_minutes": 5})
    booking = Booking.objects.get()
    assert (answer.status_code, answer["Location"]) == (201, f"/api/v1/bookings/{booking.pk}")
    assert "Idempotent-Replayed" not in answer
    times = {key: answer.json()[key] for key in ("created_at", "updated_at", "expires_at", "expires_in")}
    assert answer.json() == {
        "id": str(booking.pk),
        "secret": booking.secret,
        "confirmation_code": booking.confirmation_code,
        "event": seat.event_id,
        "status": "pending",
        "customer_name": "Ann Lee",
        "customer_email": "ann@example.com",
        "items": [
            {
                "ticket_type": seat.pk,
                "name": "Seat",
                "unit_price": "49.90",
                "unit_fee": "0.00",
                "tax_rate": "0",
                "quantity": 2,
                "total_price": "99.80",
                "tax": "0.00",
                "cancelled_quantity": 0,
                "attendees": [],
            }
        ],
        "quantity": 2,
        "cancelled_quantity": 0,
        "subtotal": "99.80",
        "fees": "0.00",
        "tax": "0.00",
        "total_price": "99.80",
        "currency": "EUR",
        "metadata": {"seat": "A1"},
        "notify": True,
        "cancelled_amount": "0.00",
        "cancellation_fee": "0.00",
        "amount_paid": "0.00",
        "amount_refunded": "0.00",
        "amount_due": "99.80",
        "payment_reference": "",
        "refund_due": False,
        "refund_amount": "0.00",
        "confirmed_at": None,
        "cancelled_at": None,
        "cancel_reason": "",
        "is_late": False,
        "tickets": [],
        **times,
    }
    assert 295 <= times["expires_in"] <= 300
    assert figures() == {"Concert": 2, "Seat": 2}
    assert holder_of(booking).get(f"/bookings/{booking.pk}").json()["id"] == str(booking.pk)


@pytest.mark.parametrize(
    ("changes", "entry"),
    [
        ({"customer_name": None}, ("/customer_name", "null")),
        ({"customer_name": " "}, ("/customer_name", "invalid-name")),
        ({"customer_name": "a" * 201}, ("/customer_name", "invalid-name")),
        ({"customer_name": "a\nb"}, ("/customer_name", "bad-character")),
        ({"customer_email": "nobody"}, ("/customer_email", "invalid")),
        ({"customer_email": "a@b"}, ("/customer_email", "invalid")),
        ({"customer_email": "a\x00@example.com"}, ("/customer_email", "bad-character")),
        ({"items": []}, ("/items", "empty")),
        ({"items": None}, ("/items", "null")),
        ({"items": {}}, ("/items", "not-a-list")),
        ({"items": [5]}, ("/items/0", "invalid")),
        ({"items": [{"ticket_type": 1}]}, ("/items/0/quantity", "required")),
        ({"items": [{"ticket_type": "1", "quantity": 1}]}, ("/items/0/ticket_type", "invalid")),
        ({"items": [{"ticket_type": 4242, "quantity": 1}]}, ("/items/0/ticket_type", "does-not-exist")),
        ({"items": [{"ticket_type": 2**63, "quantity": 1}]}, ("/items/0/ticket_type", "max-value")),
        ({"items": [{"ticket_type": 1, "quantity": True}]}, ("/items/0/quantity", "invalid")),
        ({"items": [{"ticket_type": 1, "quantity": 1.0}]}, ("/items/0/quantity", "invalid")),
        ({"items": [{"ticket_type": 1, "quantity": 1, "price": "1"}]}, ("/items/0/price", "unknown-field")),
        ({"items": [{"ticket_type": n, "quantity": 1} for n in range(1, 22)]}, ("/items", "max-length")),
        ({"metadata": None}, ("/metadata", "null")),
        ({"metadata": []}, ("/metadata", "invalid")),
        ({"metadata": {"a": 1}}, ("/metadata/a", "invalid")),
        ({"metadata": {"a": "a" * 501}}, ("/metadata/a", "max-length")),
        ({"metadata": {"a": "\x00"}}, ("/metadata/a", "bad-character")),
        ({"metadata": {"a b": "x"}}, ("/metadata", "name")),
        ({"metadata": {"": "x"}}, ("/metadata", "name")),
        ({"metadata": {str(n): "x" for n in range(21)}}, ("/metadata", "too-many")),
        ({"hold_minutes": 0}, ("/hold_minutes", "min-value")),
        ({"hold_minutes": "5"}, ("/hold_minutes", "invalid")),
        ({"status": "confirmed"}, ("/status", "unknown-field")),
        ({"total_price": "0"}, ("/total_price", "unknown-field")),
    ],
)
def test_wrong_body_is_400_and_books_nothing(changes, entry, anonymous, body, figures):
    answer = anonymous.post("/bookings", {**body, **changes})
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [entry]
    assert Booking.objects.count() == 0
    assert figures() == {"Concert": 0, "Seat": 0}


@pytest.mark.parametrize("quantity", [0, -1, 101, 10**30])
def test_quantity_out_of_range_is_answered_in_the_words_of_its_constraint(quantity, anonymous, body, figures):
    body["items"][0]["quantity"] = quantity
    answer = anonymous.post("/bookings", body)
    assert errors_in(answer) == [("/items/0/quantity", "invalid-quantity")]
    by_name = {constraint.name: constraint for constraint in BookingItem._meta.constraints}
    sentence = by_name["booking_item_quantity_is_1_to_100"].violation_error_message
    assert answer.json()["errors"][0]["detail"] == sentence
    assert figures() == {"Concert": 0, "Seat": 0}


def test_metadata_at_its_bounds_is_kept(anonymous, body):
    metadata = {f"{'n' * 38}{number:02}": "v" * 500 for number in range(20)}
    assert anonymous.post("/bookings", {**body, "metadata": metadata}).json()["metadata"] == metadata


def test_sold_out_is_409_with_what_is_left(anonymous, body, seat, book, figures):
    for email in "abcde":
        book((seat, 10), customer_email=f"{email}@example.com")
    answer = anonymous.post("/bookings", body)
    assert refused(answer, 409, "sold-out")
    entry = answer.json()["errors"][0]
    assert (entry["pointer"], entry["requested"], entry["available"], entry["held"]) == ("/items/0/quantity", 2, 0, 50)
    assert entry["next_release_at"].endswith("Z")
    assert 1 <= int(answer["Retry-After"]) <= 901
    assert figures() == {"Concert": 50, "Seat": 50}


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_same_key_answers_the_same_booking(slash, anonymous, manager, body, figures):
    first = anonymous.post(f"/bookings{slash}", body, HTTP_IDEMPOTENCY_KEY=KEY)
    second = anonymous.post("/bookings", dict(reversed(body.items())), HTTP_IDEMPOTENCY_KEY=KEY)
    assert (second.status_code, second["Idempotent-Replayed"]) == (201, "true")
    assert second["Location"] == first["Location"]
    assert second.json()["id"] == first.json()["id"]
    assert figures() == {"Concert": 2, "Seat": 2}
    another = anonymous.post("/bookings", {**body, "customer_name": "Bob"}, HTTP_IDEMPOTENCY_KEY=KEY)
    assert refused(another, 422, "idempotency-key-reused")
    by_staff = manager.post("/bookings", body, HTTP_IDEMPOTENCY_KEY=KEY)
    assert (by_staff.status_code, "Idempotent-Replayed" in by_staff) == (201, False)
    assert figures() == {"Concert": 4, "Seat": 4}


@pytest.mark.parametrize("key", ["", "a b", "k" * 256, "é", "tab\t"])
def test_key_that_is_none_is_400(key, anonymous, body):
    answer = anonymous.post("/bookings", body, HTTP_IDEMPOTENCY_KEY=key)
    assert refused(answer, 400, "invalid-input")
    assert [(entry["header"], entry["code"]) for entry in answer.json()["errors"]] == [("Idempotency-Key", "invalid")]
    assert Booking.objects.count() == 0


# Who may


def test_guest_books_and_cancels_with_the_secret(anonymous, seat, body, figures):
    booked = anonymous.post("/bookings", body).json()
    anonymous.credentials(HTTP_BOOKING_SECRET=booked["secret"])
    assert refused(anonymous.post(f"/bookings/{booked['id']}/confirm"), 401, "unauthenticated")
    answer = anonymous.post(f"/bookings/{booked['id']}/cancel", {"reason": "Ill"})
    assert (answer.json()["status"], answer.json()["cancel_reason"]) == ("cancelled", "Ill")
    assert figures() == {"Concert": 0, "Seat": 0}


def test_guest_confirms_what_costs_nothing(anonymous, make_type, body):
    free = make_type(name="Free", price=0)
    body["items"] = [{"ticket_type": free.pk, "quantity": 1}]
    booked = anonymous.post("/bookings", body).json()
    answer = anonymous.post(f"/bookings/{booked['id']}/confirm", headers={"Booking-Secret": booked["secret"]})
    assert (answer.json()["status"], len(answer.json()["tickets"])) == ("confirmed", 1)


def test_guest_cannot_cancel_what_is_confirmed(book):
    booking = book().confirm()
    assert refused(holder_of(booking).post(f"/bookings/{booking.pk}/cancel"), 401, "unauthenticated")
    assert stored(booking)["status"] == "confirmed"


@pytest.mark.parametrize(
    ("role", "status", "code"),
    [("anonymous", 401, "unauthenticated"), ("door", 403, "forbidden"), ("auditor", 403, "forbidden")],
)
def test_others_cannot_confirm_or_correct(role, status, code, client_as, book):
    booking = book()
    before = stored(booking)
    client = holder_of(booking) if role == "anonymous" else client_as(role)
    assert refused(client.post(f"/bookings/{booking.pk}/confirm"), status, code)
    assert refused(client.patch(f"/bookings/{booking.pk}", {"customer_name": "Bob"}), status, code)
    assert stored(booking) == before


@pytest.mark.parametrize(
    ("role", "bookings", "tickets"),
    [
        ("anonymous", 401, 401),
        ("door", 403, 200),
        ("auditor", 200, 200),
        ("box_office", 200, 200),
        ("manager", 200, 200),
    ],
)
def test_lists_are_for_staff(role, bookings, tickets, client_as, book):
    ticket = book().confirm().tickets.get()
    client = client_as(role)
    assert client.get("/bookings").status_code == bookings
    assert client.get("/tickets").status_code == tickets
    assert client.get(f"/tickets/{ticket.code}").status_code == tickets


@pytest.mark.parametrize("role", ["manager", "box_office"])
def test_staff_confirms_and_cancels_tickets(role, client_as, seat, book, figures):
    client, booking = client_as(role), book((seat, 3))
    confirmed = client.post(f"/bookings/{booking.pk}/confirm", {"payment_reference": "pay-1"}).json()
    assert (confirmed["status"], confirmed["payment_reference"]) == ("confirmed", "pay-1")
    assert client.post(f"/bookings/{booking.pk}/confirm").json()["tickets"] == confirmed["tickets"]
    code = confirmed["tickets"][0]["code"]
    answer = client.post(f"/bookings/{booking.pk}/cancel", {"tickets": [code]}).json()
    assert [ticket["status"] for ticket in answer["tickets"]] == ["void", "valid", "valid"]
    assert (answer["status"], answer["cancelled_quantity"], figures()["Seat"]) == ("confirmed", 1, 2)
    assert client.post(f"/bookings/{booking.pk}/cancel").json()["status"] == "cancelled"
    assert figures() == {"Concert": 0, "Seat": 0}


def test_staff_corrects_name_address_and_notes(box_office, book):
    booking = book()
    body = {"customer_name": "Bob", "customer_email": "Bob@Example.com", "metadata": {"a": "b"}}
    answer = box_office.patch(f"/bookings/{booking.pk}", body)
    assert (answer.status_code, {key: answer.json()[key] for key in body}) == (200, body)
    assert stored(booking)["customer_key"] == "bob@example.com"


@pytest.mark.parametrize(
    "field", ["id", "status", "event", "items", "quantity", "total_price", "payment_reference", "expires_at", "tickets"]
)
def test_staff_corrects_nothing_else(field, box_office, book):
    booking = book()
    before = stored(booking)
    answer = box_office.patch(f"/bookings/{booking.pk}", {"customer_name": "Bob", field: 1})
    assert errors_in(answer) == [(f"/{field}", "read-only")]
    assert stored(booking) == before


@pytest.mark.parametrize(
    ("body", "entry"),
    [
        ({"tickets": []}, ("/tickets", "empty")),
        ({"tickets": "x"}, ("/tickets", "not-a-list")),
        ({"tickets": ["A" * 26, 5]}, ("/tickets/1", "invalid")),
        ({"tickets": ["a\x00"]}, ("/tickets/0", "invalid")),
        ({"tickets": ["A" * 26]}, ("/tickets/0", "does-not-exist")),
        ({"reason": "a" * 501}, ("/reason", "max-length")),
        ({"why": "x"}, ("/why", "unknown-field")),
    ],
)
def test_cancel_with_a_wrong_body_is_400(body, entry, manager, book):
    booking = book().confirm()
    answer = manager.post(f"/bookings/{booking.pk}/cancel", body)
    assert refused(answer, 400, "invalid-input")
    assert errors_in(answer) == [entry]
    assert stored(booking)["status"] == "confirmed"


def test_door_checks_in_once(door, book):
    ticket = book().confirm().tickets.get()
    answer = door.post(f"/tickets/{ticket.code}/check-in", {"event": ticket.event_id})
    first = answer.json()["checked_in_at"]
    assert (answer.status_code, answer.json()["status"]) == (200, "checked_in")
    again = door.post(f"/tickets/{ticket.code}/check-in")
    assert refused(again, 409, "already-checked-in")
    assert again.json()["errors"][0]["checked_in_at"] == first
    assert door.post(f"/tickets/{ticket.code}/undo-check-in").json()["status"] == "valid"
    assert refused(door.post(f"/tickets/{ticket.code}/undo-check-in"), 409, "not-checked-in")
    wrong = door.post(f"/tickets/{ticket.code}/check-in", {"event": ticket.event_id + 1})
    assert refused(wrong, 409, "other-event")
    ticket.refresh_from_db()
    assert (ticket.status, ticket.checked_in_at) == ("valid", None)


# Lists


@pytest.fixture
def sales(make_venue, make_event, make_type, book):
    """A: pending; B: confirmed; C: cancelled, of another event; each in a venue of its letter."""
    for letter in "ABC":
        event = make_event(name=f"Event-{letter}", venue=make_venue(name=f"Venue-{letter}"))
        seat = make_type(event=event, name=f"Type-{letter}")
        book((seat, 1), customer_name=f"Name-{letter}", customer_email=f"{letter}@example.com")
    Booking.objects.get(customer_name="Name-B").confirm()
    Booking.objects.get(customer_name="Name-C").cancel()
    b = Booking.objects.get(customer_name="Name-B")
    return {
        "event": b.event_id,
        "venue": b.event.venue_id,
        "type": b.items.get().ticket_type_id,
        "code": b.confirmation_code,
        "dashed": f"{b.confirmation_code[:4]}-+{b.confirmation_code[4:]}".lower(),
        "at": b.created_at.isoformat().replace("+", "%2B"),
    }


def found(answer):
    assert answer.status_code == 200, answer.content
    return "".join(row["customer_name"][-1] for row in answer.json()["results"])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "CBA"),
        ("event={event}", "B"),
        ("venue={venue}", "B"),
        ("ticket_type={type}", "B"),
        ("status=pending", "A"),
        ("status=confirmed", "B"),
        ("status=cancelled", "C"),
        ("status=expired", ""),
        ("customer_email=b@EXAMPLE.com", "B"),
        ("customer_email=example.com", ""),
        ("refund_due=true", ""),
        ("refund_due=false", "CBA"),
        ("created_after={at}", "CB"),
        ("created_before={at}", "A"),
        ("search={code}", "B"),
        ("search=NAME-b", "B"),
        ("search=c@example.COM", "C"),
        ("search=c@example", ""),
        ("search=ame-b", ""),
        ("search={dashed}", "B"),
        ("search=event-c+type-c+venue", "C"),
        ("search=event-a", "A"),
        ("search=venue-b", "B"),
        ("search=type-c", "C"),
        ("search=name-a+type-b", ""),
        ("ordering=created_at", "ABC"),
        ("ordering=-customer_name", "CBA"),
        ("ordering=total_price", None),
    ],
)
def test_list_filters_and_orders(query, expected, sales, box_office):
    answer = found(box_office.get(f"/bookings?{query.format(**sales)}"))
    assert answer == expected if expected is not None else sorted(answer) == ["A", "B", "C"]


def test_status_is_that_of_the_moment(sales, box_office, pass_time):
    pass_time(minutes=16)  # the hold of A runs out, and nothing sweeps it
    assert found(box_office.get("/bookings?status=expired")) == "A"
    assert found(box_office.get("/bookings?status=pending")) == ""
    rows = box_office.get("/bookings").json()["results"]
    assert [(row["status"], row["expires_in"]) for row in rows] == [
        ("cancelled", None),
        ("confirmed", None),
        ("expired", None),
    ]


def test_search_finds_a_booking_of_several_types_once(make_type, book, box_office):
    seat = make_type(name="Type A")
    book((seat, 1), (make_type(event=seat.event, name="Type B"), 1), customer_name="Name-A")
    assert found(box_office.get("/bookings?search=type")) == "A"


@pytest.mark.parametrize(
    "query",
    ["event=x", "status=open", "status=", "customer_email=", "customer_email=%00", "created_after=now", "refund_due=1",
     "search=%00", "search=" + "a" * 201, "venue=-1", "ticket_type="],
)  # fmt: skip
def test_filter_that_cannot_be_read_is_400_and_named(query, box_office):
    answer = box_office.get(f"/bookings?{query}")
    assert refused(answer, 400, "invalid-input")
    assert {name for name, _ in errors_in(answer)} == {query.split("=")[0]}


def test_tickets_are_found_by_event_and_status(sales, book, door):
    book().confirm()
    assert [row["holder_name"] for row in door.get("/tickets").json()["results"]] == ["Ann Lee", "Name-B"]
    rows = door.get(f"/tickets?event={sales['event']}").json()["results"]
    assert [list(row) for row in rows] == [
        [
            *("code", "status", "ticket_type", "ticket_type_name", "event", "event_name", "booking", "holder_name"),
            *("checked_in_at", "checked_out_at", "created_at", "updated_at"),
        ]
    ]
    door.post(f"/tickets/{rows[0]['code']}/check-in")
    assert [row["holder_name"] for row in door.get("/tickets?status=checked_in").json()["results"]] == ["Name-B"]
    assert errors_in(door.get("/tickets?status=lost")) == [("status", "invalid-choice")]
